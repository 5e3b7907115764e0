import { setTimeout as sleep } from 'node:timers/promises';
import { type Balancer, createBalancer } from '@dshackle/core';
import { type FaultProxy, startFaultProxy } from '@dshackle/devnet';
import { chainId, type EthDevnet, startEthDevnet } from '@dshackle/devnet/ethereum';
import { ethereum } from '@dshackle/eth-provider';
import { startServer } from '@dshackle/server';
import { Witness, type WitnessOptions } from '../clients/witness.ts';
import { inRotation } from '../in-rotation.ts';
import { allEthClients } from './all-eth-clients.ts';
import type { EthClient } from './clients/eth-client.ts';
import { deployLogContract } from './log-contract.ts';
import { keyOf } from './log-record.ts';

/** Time between blocks, in milliseconds. */
const blockTimeMs = 1000;

/** So many blocks are taken back at once, at most: the final block is the one below them. */
export const deepestReorg = 2;

/** Three real nodes behind paths that break, and applications over them that never stop. */
export interface EthStage extends AsyncDisposable {
  readonly devnet: EthDevnet;
  /** The way to each node, in the order of the nodes. */
  readonly proxies: readonly FaultProxy[];
  /** The server's, then the one inside the application. */
  readonly balancers: readonly [Balancer, Balancer];
  readonly clients: readonly EthClient[];
  /** One for each client. */
  readonly witnesses: readonly Witness[];
  /** Height of the chain when everybody had begun to follow it. */
  readonly since: number;
  /** Logs of the contract in canonical blocks above `since`, as their record writes them. */
  canonicalLogs(): Promise<readonly string[]>;
  /** Resolves once these upstreams (default all) are in rotation everywhere. */
  inRotation(ids?: readonly string[]): Promise<void>;
}

/** Starts everything and waits until all applications run. */
export async function startEthStage(options: WitnessOptions): Promise<EthStage> {
  const devnet = await startEthDevnet({ nodes: 3, blockTimeMs });
  const contract = await deployLogContract(devnet);
  const proxies = await Promise.all(
    devnet.nodes.map(({ wsUrl }) => startFaultProxy({ target: wsUrl })),
  );
  const chain = ethereum({ chainId, blockTimeMs });
  const upstreams = devnet.nodes.map(({ id }, i) => ({
    id,
    transport: [String(proxies[i]?.wsUrl), String(proxies[i]?.httpUrl)],
  }));
  const balancer = createBalancer({ chain, upstreams });
  const server = await startServer({ routes: [{ id: 'eth', balancer }], port: 0 });
  const inside = createBalancer({ chain, upstreams });
  await Promise.all([balancer.ready(), inside.ready()]);
  const serverUrl = `${server.url.replace('http', 'ws')}/eth`;
  const clients = await allEthClients({ serverUrl, inside, contract });
  const witnesses = await Promise.all(clients.map((client) => Witness.start(client, options)));
  // Libraries do not say when a subscription has begun. And a block that is taken back in the first
  // reorganisation must not be older than that.
  const since = devnet.blocks.length + 2 + deepestReorg;
  while (devnet.blocks.length < since) await sleep(50);
  return {
    devnet,
    proxies,
    balancers: [balancer, inside],
    clients,
    witnesses,
    since,
    async canonicalLogs() {
      const node = devnet.nodes.find(({ height }) => height === devnet.blocks.length);
      if (!node) throw new Error('no node is at the head');
      const logs = await node.call<readonly NodeLog[]>('eth_getLogs', {
        address: contract,
        fromBlock: `0x${(since + 1).toString(16)}`,
        toBlock: 'latest',
      });
      return logs
        .map(({ blockHash, blockNumber, logIndex }) =>
          keyOf({ blockHash, blockNumber: Number(blockNumber), index: Number(logIndex) }),
        )
        .sort();
    },
    inRotation: (ids = devnet.nodes.map(({ id }) => id)) => inRotation([balancer, inside], ids),
    async [Symbol.asyncDispose]() {
      await Promise.all(witnesses.map((witness) => witness.stop()));
      await server.close();
      await balancer.close();
      await inside.close();
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await devnet.close();
    },
  };
}

interface NodeLog {
  readonly blockHash: string;
  readonly blockNumber: string;
  readonly logIndex: string;
}
