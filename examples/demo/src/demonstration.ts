import type { Balancer } from '@dshackle/core';
import { type DevNode, type Devnet, devKeyring } from '@dshackle/devnet';
import { PolkadotProvider, polkadot } from '@dshackle/polkadot-provider';
import { WsProvider } from '@polkadot/api';
import { Application } from './application.ts';
import { report } from './demonstration-report.ts';
import { freeBalance, transfer, transferAndWatch } from './transfer.ts';

/** What a demonstration works with. */
export interface DemonstrationOptions {
  readonly devnet: Devnet;
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
const amount = 1_000_000_000_000n;

/**
 * Runs two polkadot-js applications, one over the server and one with the provider embedded, while
 * the nodes fail one after the other. Resolves with whether nothing was lost.
 */
export async function demonstrate(options: DemonstrationOptions): Promise<boolean> {
  const { devnet, balancer, serverUrl, blockTimeMs, say, signal } = options;
  const [alice, bob] = (await devKeyring()).getPairs();
  if (!alice || !bob) throw new Error('the development keyring is empty');
  const embedded = new PolkadotProvider({
    chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs }),
    upstreams: devnet.nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
  });
  const applications = [
    await Application.start('over the server', new WsProvider(serverUrl), bob.address),
    await Application.start('with the provider inside', embedded, bob.address),
  ] as const;
  const [remote, local] = applications;
  try {
    const before = await freeBalance(remote.api, bob.address);
    const pass = async (blocks = blocksEach): Promise<void> => {
      const goal = Math.max(remote.heads.last, local.heads.last, devnet.head.number) + blocks;
      await Promise.all(applications.map((application) => application.reach(goal, signal)));
      const [server, inside] = applications.map(({ heads }) => heads.last);
      say(`  finalized heads reach ${server} over the server, ${inside} inside the app`);
    };
    const [first, second, third] = devnet.nodes as readonly [DevNode, DevNode, DevNode];

    say('Both applications follow finalized heads and read a balance ten times a second.');
    await pass();
    say('//Alice sends //Bob a signed transfer through the server.');
    const height = await transferAndWatch(remote.api, alice, bob.address, amount);
    say(`  final in block ${height}`);
    say(`${first.id} is killed (SIGKILL). //Alice sends another transfer, from inside the app.`);
    await first.crash();
    say(`  accepted: ${await transfer(local.api, alice, bob.address, amount)}`);
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

    const received = (await freeBalance(remote.api, bob.address)) - before;
    say(`//Bob received ${received / amount} of 2 transfers.`);
    return (
      report('An ApiPromise', applications, [balancer, embedded.balancer], say) &&
      received === 2n * amount
    );
  } finally {
    await Promise.all(applications.map((application) => application.stop()));
  }
}
