import type { Block, ChainView, Reply, UpstreamClient, UpstreamHealth } from '@dshackle/core';
import { errorReply } from '@dshackle/core';
import { hexToU8a } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto/blake2';
import { keccakAsHex } from '@polkadot/util-crypto/keccak';
import { describe, expect, it } from 'vitest';
import { madeUpExtrinsic } from '../testing/extrinsic.ts';
import { ScriptedChain } from '../testing/scripted-chain.ts';
import { headerHashers } from './header.ts';
import * as entry from './index.ts';
import { knownChains } from './known-chains.ts';
import { polkadot } from './polkadot.ts';

const genesis = `0x${'11'.repeat(32)}`;
const node =
  (answers: Record<string, unknown>) =>
  async (method: string): Promise<Reply> =>
    Object.hasOwn(answers, method)
      ? { kind: 'result', result: JSON.stringify(answers[method]) }
      : errorReply({ code: -32_601, message: 'Method not found' });
const client = (answers: Record<string, unknown>): UpstreamClient => ({
  canSubscribe: false,
  request: node(answers),
  subscribe: () => Promise.reject(new Error('no subscriptions')),
});

describe('the chain entry', () => {
  it('exports these', () => {
    expect(Object.keys(entry).sort()).toEqual([
      'defaultChainHeadLimits',
      'knownChains',
      'polkadot',
    ]);
  });
});

describe('the identity of a chain', () => {
  it('is the genesis hash that its name stands for', async () => {
    for (const [id, { genesisHash }] of Object.entries(knownChains)) {
      const chain = polkadot({ id });
      expect(chain.id).toBe(id);
      await expect(chain.identify(node({ chain_getBlockHash: genesisHash }))).resolves.toBe(
        genesisHash,
      );
    }
  });

  it('keeps out a node of another chain and says what it expected and found', async () => {
    await expect(polkadot().identify(node({ chain_getBlockHash: genesis }))).rejects.toThrow(
      `wrong chain: polkadot has genesis ${knownChains.polkadot.genesisHash}, the node ${genesis}`,
    );
  });

  it('may be a hash of the user, whatever its case', async () => {
    const chain = polkadot({ id: 'mine', genesisHash: genesis.toUpperCase().replace('0X', '0x') });
    await expect(chain.identify(node({ chain_getBlockHash: genesis }))).resolves.toBe(genesis);
  });

  it('is pinned to what the first node says when any is allowed', async () => {
    const chain = polkadot({ genesisHash: 'any' });
    await chain.identify(node({ chain_getBlockHash: genesis }));
    await expect(
      chain.identify(node({ chain_getBlockHash: `0x${'22'.repeat(32)}` })),
    ).rejects.toThrow('wrong chain');
    await expect(chain.identify(node({ chain_getBlockHash: genesis }))).resolves.toBe(genesis);
  });

  it('is not taken from a node that does not know it', async () => {
    const chain = polkadot({ genesisHash: 'any' });
    await expect(chain.identify(node({ chain_getBlockHash: null }))).rejects.toThrow('no genesis');
    await expect(chain.identify(node({}))).rejects.toThrow('Method not found');
  });

  it('must be given for a chain not known by name', () => {
    expect(() => polkadot({ id: 'mine' })).toThrow("unknown chain 'mine'");
    expect(() => polkadot({ id: 'toString' })).toThrow("unknown chain 'toString'");
    expect(() => polkadot({ id: 'mine', genesisHash: '0x12' })).toThrow('is not a hash');
  });
});

describe('the hash function of a chain', () => {
  const chainOf = (hasher: 'blake2-256' | 'keccak-256') =>
    polkadot({ id: 'mine', genesisHash: 'any', hasher });

  it('is that of its transactions', () => {
    const hex = madeUpExtrinsic();
    const read = (chain: ReturnType<typeof polkadot>) =>
      chain.submissions?.read('author_submitExtrinsic', [hex])?.id;
    expect(read(chainOf('keccak-256'))).toBe(keccakAsHex(hexToU8a(hex), 256));
    expect(read(chainOf('blake2-256'))).toBe(blake2AsHex(hexToU8a(hex), 256));
    expect(read(polkadot())).toBe(blake2AsHex(hexToU8a(hex), 256));
  });

  it('is that of its headers: one that has another hash is refused', async () => {
    for (const [name, hasher] of Object.entries(headerHashers)) {
      const chain = new ScriptedChain(2, hasher);
      const asked = client({ chain_getHeader: chain.header(2) });
      const { heads } = chainOf(name as keyof typeof headerHashers);
      expect(await heads.fetch(asked, chain.hash(2))).toMatchObject({ number: 2 });
      const other = chainOf(name === 'keccak-256' ? 'blake2-256' : 'keccak-256');
      expect(await other.heads.fetch(asked, chain.hash(2))).toBeUndefined();
    }
  });

  it('must be one that we have, and that of a chain known by name', () => {
    const hasher = 'md5' as 'blake2-256';
    expect(() => polkadot({ genesisHash: 'any', hasher })).toThrow("unknown hasher 'md5'");
    expect(() => polkadot({ hasher: 'keccak-256' })).toThrow('is blake2-256');
    expect(polkadot({ hasher: 'blake2-256' }).id).toBe('polkadot');
  });
});

describe('the health of a node', () => {
  const health = (system_health: unknown, minPeers = 3) =>
    polkadot({ minPeers }).probes.health(client({ system_health }));

  it('is bad while it syncs, and without the peers that it should have', async () => {
    expect(await health({ peers: 9, isSyncing: true })).toEqual({
      status: 'unhealthy',
      reason: 'syncing',
      peers: 9,
      shouldHavePeers: false,
    });
    expect(await health({ peers: 0, isSyncing: false, shouldHavePeers: true })).toEqual({
      status: 'unhealthy',
      reason: 'no peers',
      peers: 0,
      shouldHavePeers: true,
    });
    expect(await health({ peers: 2, isSyncing: false, shouldHavePeers: true })).toEqual({
      status: 'degraded',
      reason: '2 of 3 peers',
      peers: 2,
      shouldHavePeers: true,
    });
  });

  it('is good otherwise, also when the node hides it', async () => {
    expect(await health({ peers: 3, isSyncing: false, shouldHavePeers: true })).toEqual({
      status: 'healthy',
      peers: 3,
      shouldHavePeers: true,
    });
    expect(await health({ peers: 0, isSyncing: false, shouldHavePeers: false })).toEqual({
      status: 'healthy',
      peers: 0,
      shouldHavePeers: false,
    });
    expect(await polkadot().probes.health(client({}))).toEqual({ status: 'healthy' });
  });

  it('is a failed probe when the answer is an error', async () => {
    const broken = {
      ...client({}),
      request: async () => errorReply({ code: -32_603, message: 'x' }),
    };
    await expect(polkadot().probes.health(broken)).rejects.toThrow('x');
  });

  it('goes with the list of its methods, where it gives one', async () => {
    const { probes } = polkadot();
    const methods = await probes.methods(client({ rpc_methods: { methods: ['a', 'b'] } }));
    expect(methods).toEqual(new Set(['a', 'b']));
    expect(await probes.methods(client({}))).toBeUndefined();
  });
});

describe('what the pool answers itself', () => {
  const chain = polkadot();
  const block = (number: number, hash: string): Block => ({
    number,
    hash,
    parentHash: '0x',
    header: '{}',
  });
  const nothing: ChainView = {
    genesisHash: undefined,
    best: undefined,
    finalized: undefined,
    safe: undefined,
    isDenied: () => false,
    methods: () => undefined,
    health: () => [],
  };
  const view: ChainView = {
    ...nothing,
    genesisHash: genesis,
    best: block(9, '0x09'),
    finalized: block(7, '0x07'),
  };

  it.each([
    ['chain_getFinalizedHead', [], '"0x07"'],
    ['chain_getFinalisedHead', [], '"0x07"'],
    ['chain_getBlockHash', [], '"0x09"'],
    ['chain_getBlockHash', [null], '"0x09"'],
    ['chain_getHead', [], '"0x09"'],
    ['chain_getBlockHash', [0], JSON.stringify(genesis)],
    ['chainSpec_v1_genesisHash', [], JSON.stringify(genesis)],
    ['archive_v1_genesisHash', [], JSON.stringify(genesis)],
    ['archive_v1_finalizedHeight', [], '7'],
    ['chain_getBlockHash', [3], undefined],
    ['chain_getBlockHash', [[0, 1]], undefined],
    ['chain_getHeader', [], undefined],
    ['rpc_methods', [], undefined],
    ['system_health', [], undefined],
  ])('%s %j', (method, params, expected) => {
    expect(chain.answer?.(method, params, view)).toBe(expected);
    expect(chain.answer?.(method, params, nothing)).toBeUndefined();
  });

  const listed = (offered: readonly string[], denied: readonly string[] = []): string[] =>
    JSON.parse(
      chain.answer?.('rpc_methods', [], {
        ...nothing,
        methods: () => new Set(offered),
        isDenied: (method) => denied.includes(method),
      }) ?? '',
    ).methods;

  it('is a list of methods with versions before unstable ones', () => {
    const methods = listed([
      'transaction_unstable_x',
      'chainHead_unstable_follow',
      'system_unstable_networkState',
      'chainHead_v1_follow',
      'zzz_last',
    ]);
    expect(methods.slice(-4)).toEqual([
      'zzz_last',
      'chainHead_unstable_follow',
      'system_unstable_networkState',
      'transaction_unstable_x',
    ]);
    expect(methods).toContain('chainHead_v1_follow');
    expect(new Set(methods).size).toBe(methods.length);
  });

  it('has in its list what the pool itself serves, unless that is denied', () => {
    const own = ['rpc_methods', 'system_health', 'chain_subscribeNewHeads', 'subscribe_newHead'];
    expect(listed(['foo_bar'])).toEqual(expect.arrayContaining(['foo_bar', ...own]));
    const methods = listed(['foo_bar'], ['system_health', 'subscribe_newHead']);
    expect(methods).not.toContain('system_health');
    expect(methods).not.toContain('subscribe_newHead');
    expect(methods).toContain('chain_subscribeNewHeads');
  });

  it('is an empty list where no upstream tells its methods: clients take it for not known', () => {
    expect(listed([])).toEqual([]);
  });

  const health = (...upstreams: readonly UpstreamHealth[]) =>
    JSON.parse(chain.answer?.('system_health', [], { ...nothing, health: () => upstreams }) ?? '');

  it('is the health of those that serve', () => {
    const good = { status: 'healthy', peers: 5, shouldHavePeers: true } as const;
    const better = { status: 'healthy', peers: 40, shouldHavePeers: false } as const;
    const syncing = { status: 'unhealthy', peers: 50, shouldHavePeers: true } as const;
    expect(
      health(
        { serving: true, report: good },
        { serving: true, report: better },
        { serving: false, report: syncing },
      ),
    ).toEqual({ peers: 40, isSyncing: false, shouldHavePeers: true });
    expect(health({ serving: true, report: { status: 'healthy' } })).toEqual({
      peers: 0,
      isSyncing: false,
      shouldHavePeers: false,
    });
    expect(health({ serving: false, report: syncing })).toEqual({
      peers: 50,
      isSyncing: true,
      shouldHavePeers: true,
    });
  });
});
