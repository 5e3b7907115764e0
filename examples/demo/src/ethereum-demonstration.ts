import type { Balancer } from '@dshackle/core';
import { chainId, devPhrase, type EthDevnet, type EthNode } from '@dshackle/devnet/ethereum';
import { EthProvider, ethereum } from '@dshackle/eth-provider';
import { HDNodeWallet, type JsonRpcApiProvider, Wallet, WebSocketProvider } from 'ethers';
import { WebSocket } from 'ws';
import { report } from './demonstration-report.ts';
import { EthereumApplication } from './ethereum-application.ts';

/** What a demonstration works with. */
export interface EthereumDemonstrationOptions {
  readonly devnet: EthDevnet;
  /** The server's balancer, to tell which upstream served what. */
  readonly balancer: Balancer;
  /** WebSocket URL of the server's route. */
  readonly serverUrl: string;
  readonly blockTimeMs: number;
  /** Told what happens, a line at a time. */
  readonly say: (line: string) => void;
  /** Ends the demonstration early. */
  readonly signal: AbortSignal;
}

/** Blocks that pass under each fault. */
const blocksEach = 2;

/**
 * Runs two ethers applications, one over the server and one with the provider embedded, while the
 * nodes fail one after the other. Resolves with whether nothing was lost.
 */
export async function demonstrateEthereum(options: EthereumDemonstrationOptions): Promise<boolean> {
  const { devnet, balancer, serverUrl, blockTimeMs, say, signal } = options;
  const to = Wallet.createRandom().address;
  const embedded = new EthProvider({
    chain: ethereum({ id: 'devnet', chainId, blockTimeMs }),
    upstreams: devnet.nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
  });
  const remote = new WebSocketProvider(() => new WebSocket(serverUrl));
  const applications = [
    await EthereumApplication.start('over the server', remote, to),
    await EthereumApplication.start('with the provider inside', embedded, to),
  ] as const;
  try {
    const pass = async (blocks = blocksEach): Promise<void> => {
      const heights = applications.map(({ heads }) => heads.last);
      const goal = Math.max(...heights, devnet.blocks.length) + blocks;
      await Promise.all(applications.map((application) => application.reach(goal, signal)));
      const [server, inside] = applications.map(({ heads }) => heads.last);
      say(`  blocks reach ${server} over the server, ${inside} inside the app`);
    };
    const [first, second, third] = devnet.nodes as readonly [EthNode, EthNode, EthNode];

    say('Both applications follow the blocks and read a balance ten times a second.');
    await pass();
    say('A signed transfer goes through the server.');
    say(`  in block ${await transfer(remote, to)}`);
    say(`${first.id} is killed (SIGKILL). Another transfer goes from inside the app.`);
    await first.crash();
    say(`  in block ${await transfer(embedded, to)}`);
    await pass();
    say(`${first.id} comes back; ${second.id} hangs (SIGSTOP): it accepts and never answers.`);
    await first.restart();
    second.freeze();
    await pass();
    say(`${second.id} wakes up; ${third.id} falls four blocks behind.`);
    second.thaw();
    await third.setLag(4);
    await pass(5);
    await third.setLag(0);
    await pass();

    const received = await remote.getBalance(to);
    say(`The receiver has ${received} of 2 wei.`);
    const held = report('An ethers provider', applications, [balancer, embedded.balancer], say);
    return held && received === 2n;
  } finally {
    await Promise.all(applications.map((application) => application.stop()));
  }
}

/** Sends a wei from a rich account; gives the height of the block that the transfer is in. */
async function transfer(provider: JsonRpcApiProvider, to: string): Promise<number> {
  const sender = HDNodeWallet.fromPhrase(devPhrase).connect(provider);
  const sent = await sender.sendTransaction({ to, value: 1n });
  const receipt = await sent.wait();
  if (receipt?.status !== 1) throw new Error(`the transfer ${sent.hash} failed`);
  return receipt.blockNumber;
}
