import type { Block, ChainView, Reply, UpstreamClient } from '@dshackle/core';
import { errorReply } from '@dshackle/core';
import { describe, expect, it } from 'vitest';
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
    expect(Object.keys(entry).sort()).toEqual(['knownChains', 'polkadot']);
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

describe('the health of a node', () => {
  const health = (system_health: unknown, minPeers = 3) =>
    polkadot({ minPeers }).probes.health(client({ system_health }));

  it('is bad while it syncs, and without the peers that it should have', async () => {
    expect(await health({ peers: 9, isSyncing: true })).toEqual({
      status: 'unhealthy',
      reason: 'syncing',
    });
    expect(await health({ peers: 0, isSyncing: false, shouldHavePeers: true })).toEqual({
      status: 'unhealthy',
      reason: 'no peers',
    });
    expect(await health({ peers: 2, isSyncing: false, shouldHavePeers: true })).toEqual({
      status: 'degraded',
      reason: '2 of 3 peers',
    });
  });

  it('is good otherwise, also when the node hides it', async () => {
    expect(await health({ peers: 3, isSyncing: false, shouldHavePeers: true })).toEqual({
      status: 'healthy',
    });
    expect(await health({ peers: 0, isSyncing: false, shouldHavePeers: false })).toEqual({
      status: 'healthy',
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
  const view: ChainView = {
    genesisHash: genesis,
    best: block(9, '0x09'),
    finalized: block(7, '0x07'),
  };
  const nothing: ChainView = { genesisHash: undefined, best: undefined, finalized: undefined };

  it.each([
    ['chain_getFinalizedHead', [], '"0x07"'],
    ['chain_getFinalisedHead', [], '"0x07"'],
    ['chain_getBlockHash', [], '"0x09"'],
    ['chain_getBlockHash', [null], '"0x09"'],
    ['chain_getHead', [], '"0x09"'],
    ['chain_getBlockHash', [0], JSON.stringify(genesis)],
    ['chain_getBlockHash', [3], undefined],
    ['chain_getBlockHash', [[0, 1]], undefined],
    ['chain_getHeader', [], undefined],
  ])('%s %j', (method, params, expected) => {
    expect(chain.answer?.(method, params, view)).toBe(expected);
    expect(chain.answer?.(method, params, nothing)).toBeUndefined();
  });
});
