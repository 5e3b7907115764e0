import {
  type Devnet,
  devKeyring,
  type FaultProxy,
  startDevnet,
  startFaultProxy,
} from '@dshackle/devnet';
import { ApiPromise } from '@polkadot/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { polkadot } from './chain/polkadot.ts';
import { PolkadotProvider } from './provider.ts';

/** Patient, for a busy machine. */
const eventually = <T>(check: () => T): Promise<T> => vi.waitFor(check, 30_000) as Promise<T>;

type KeyringPair = ReturnType<Awaited<ReturnType<typeof devKeyring>>['getPairs']>[number];

let devnet: Devnet;
let proxies: FaultProxy[];
let provider: PolkadotProvider;
let api: ApiPromise;
let alice: KeyringPair;
let bob: KeyringPair;

const serving = (): string[] =>
  (provider.balancer?.snapshot().upstreams ?? [])
    .filter(({ reason }) => reason === undefined)
    .map(({ id }) => id);

/** Cuts the ways to all nodes but these, or opens them again, and waits until that is noticed. */
async function only(...indices: number[]): Promise<void> {
  proxies.forEach((proxy, i) => {
    proxy.setLatency(0);
    proxy.refuse(!indices.includes(i));
    if (!indices.includes(i)) proxy.cut();
  });
  await eventually(() => expect(serving()).toEqual(indices.map((i) => `node-${i + 1}`)));
}

/** The statuses that a signed transfer goes through. */
async function watched(amount: number): Promise<string[]> {
  const heard: string[] = [];
  // Asked anew: polkadot-js remembers its own question for a while.
  const nonce = Number(await provider.send('system_accountNextIndex', [alice.address]));
  await api.tx.balances!.transferKeepAlive!(bob.address, amount).signAndSend(
    alice,
    { nonce },
    ({ status }) => {
      heard.push(status.type);
    },
  );
  return heard;
}

beforeAll(async () => {
  devnet = await startDevnet({ nodes: 3, blockTimeMs: 0, finalityLag: 1 });
  proxies = await Promise.all(devnet.nodes.map(({ wsUrl }) => startFaultProxy({ target: wsUrl })));
  provider = new PolkadotProvider({
    chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs: 3000 }),
    upstreams: proxies.map(({ wsUrl }, i) => ({ id: `node-${i + 1}`, transport: wsUrl })),
  });
  api = await ApiPromise.create({ provider, noInitWarn: true });
  [alice, bob] = (await devKeyring()).getPairs() as [KeyringPair, KeyringPair];
}, 180_000);
beforeEach(() => only(0, 1, 2), 60_000);
afterAll(async () => {
  await api?.disconnect();
  await Promise.all((proxies ?? []).map((proxy) => proxy.close()));
  await devnet?.close();
});

describe('a signed transfer over real nodes', () => {
  it('is heard of to its end when its node dies between submission and block', async () => {
    await only(0);
    const heard = await watched(1_000_000_000_000);
    await eventually(() => expect(heard).toContain('Ready'));
    await only(1, 2);
    await devnet.mine();
    await eventually(() => expect(heard).toContain('InBlock'));
    await devnet.mine();
    await eventually(() => expect(heard.slice(-2)).toEqual(['InBlock', 'Finalized']));
    await devnet.mine();
    expect(heard.filter((status) => status === 'Finalized')).toHaveLength(1);
  }, 120_000);

  it('is heard of though its node dies before it answers', async () => {
    await only(0);
    const [node] = proxies as [FaultProxy];
    const nonce = Number(await provider.send('system_accountNextIndex', [alice.address]));
    const transfer = api.tx.balances!.transferKeepAlive!(bob.address, 2_000_000_000_000);
    await transfer.signAsync(alice, { nonce });
    // What is sent arrives; the answers do not.
    node.setLatency(600_000);
    const heard: string[] = [];
    const sent = transfer.send(({ status }) => {
      heard.push(status.type);
    });
    await eventually(async () => {
      const pending = await pool(devnet.nodes[0]!.httpUrl);
      if (!pending.includes(transfer.toHex())) throw new Error('not there yet');
    });
    await only(1, 2);
    await sent;
    await eventually(() => expect(heard).toEqual(['Ready']));
    await devnet.mine();
    await eventually(() => expect(heard).toEqual(['Ready', 'InBlock']));
    await devnet.mine();
    await eventually(() => expect(heard).toEqual(['Ready', 'InBlock', 'Finalized']));
  }, 120_000);

  it('is followed by others of the same account before any is in a block', async () => {
    const all = [await watched(1), await watched(2), await watched(3)];
    await devnet.mine(3);
    for (const heard of all) await eventually(() => expect(heard).toContain('Finalized'));
  }, 120_000);

  it('tells the hash when nobody knows what became of it', async () => {
    await only(0);
    const [node] = proxies as [FaultProxy];
    const transfer = api.tx.balances!.transferKeepAlive!(bob.address, 4);
    await transfer.signAsync(alice, { nonce: 1_000_000 });
    node.blackHole(true);
    const outcome = provider
      .send('author_submitExtrinsic', [transfer.toHex()])
      .catch((error) => error);
    const error = (await outcome) as Error & { data: unknown };
    node.blackHole(false);
    expect(error.message).toContain(`what became of ${transfer.hash.toHex()} is not known`);
    expect(error.data).toEqual({ hash: transfer.hash.toHex() });
  }, 120_000);
});

/** The extrinsics in a node's pool, asked of the node itself. */
async function pool(url: string): Promise<string[]> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'author_pendingExtrinsics', params: [] }),
  });
  return ((await response.json()) as { result: string[] }).result;
}
