import {
  createBalancer,
  errorReply,
  type JsonRpcError,
  type Reply,
  type UpstreamClient,
} from '@dshackle/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ScriptedChain } from '../testing/scripted-chain.ts';
import { ScriptedNode } from '../testing/scripted-node.ts';
import { polkadot } from './polkadot.ts';

const hash = `0x${'07'.repeat(32)}`;
const { probes } = polkadot();

/** A node that answers with these values or errors, by method. */
function client(answers: Record<string, unknown>): UpstreamClient {
  const request = async (method: string): Promise<Reply> => {
    const answer = answers[method];
    return answer instanceof Object && 'code' in answer
      ? errorReply(answer as JsonRpcError)
      : { kind: 'result', result: JSON.stringify(answer) };
  };
  return { canSubscribe: false, request, subscribe: () => Promise.reject(new Error('none')) };
}

const keeps = (data: 'block' | 'state', answers: Record<string, unknown>) =>
  probes.keeps?.(client({ chain_getBlockHash: hash, ...answers }), data, 7);

describe('whether a node keeps a block', () => {
  it('is seen from a value of its state, even one that is null', async () => {
    expect(await keeps('state', { state_getStorage: '0x07000000' })).toBe(true);
    expect(await keeps('state', { state_getStorage: null })).toBe(true);
    for (const message of [
      'Client error: UnknownBlock: State already discarded for 0x07',
      'Client error: UnknownBlock: Header was not found in the database: 0x07',
    ]) {
      expect(await keeps('state', { state_getStorage: { code: 4003, message } })).toBe(false);
    }
  });

  it('is seen from its body', async () => {
    expect(await keeps('block', { chain_getBlock: { block: {} } })).toBe(true);
    expect(await keeps('block', { chain_getBlock: null })).toBe(false);
  });

  it('is not to be asked further where it has no hash at that height', async () => {
    for (const data of ['block', 'state'] as const) {
      expect(await keeps(data, { chain_getBlockHash: null })).toBe(false);
    }
  });

  it('cannot be told from any other error', async () => {
    for (const error of [
      { code: -32_601, message: 'Method not found' },
      { code: 429, message: 'Too many requests' },
      { code: -32_603, message: 'Internal error' },
    ]) {
      await expect(keeps('state', { state_getStorage: error })).rejects.toThrow(error.message);
      await expect(keeps('block', { chain_getBlock: error })).rejects.toThrow(error.message);
      await expect(keeps('block', { chain_getBlockHash: error })).rejects.toThrow(error.message);
    }
  });
});

describe('nodes that prune beside one that does not', () => {
  let nodes: ScriptedNode[] = [];
  afterEach(() => Promise.all(nodes.map((node) => node.die())));
  const eventually = (check: () => void) => vi.waitFor(check, 20_000);

  it('are told apart, and old blocks are read where they are', async () => {
    const chain = new ScriptedChain(400);
    nodes = await Promise.all([1, 2, 3].map(() => ScriptedNode.start(chain)));
    const [archive, ...pruned] = nodes as [ScriptedNode, ScriptedNode, ScriptedNode];
    for (const node of pruned) node.kept = { state: 256, block: 280 };
    await using balancer = createBalancer({
      chain: polkadot({ id: 'scripted', genesisHash: chain.genesisHash }),
      upstreams: nodes.map(({ url }, i) => ({ id: `node-${i}`, transport: url })),
    });
    await eventually(() => {
      const bounds = balancer.snapshot().upstreams.map(({ lowerBounds }) => lowerBounds);
      expect(bounds).toEqual([
        { block: 0, state: 0 },
        { block: 120, state: 144 },
        { block: 120, state: 144 },
      ]);
    });
    // Each block is a call for its hash and one for its data: two heights for a full history.
    expect(archive.asked('chain_getBlockHash').length).toBeLessThanOrEqual(7);
    for (const node of pruned) {
      expect(node.asked('state_getStorage').length).toBeLessThanOrEqual(18);
      expect(node.asked('chain_getBlock').length).toBeLessThanOrEqual(18);
    }
    const before = pruned.map(({ calls }) => calls.length);
    for (let number = 1; number <= 20; number += 1) {
      const at = chain.hash(number);
      expect(await balancer.request('state_getStorage', ['0x26aa', at])).toBeNull();
      expect(await balancer.request('chain_getBlock', [at])).not.toBeNull();
    }
    const heard = pruned.map(({ calls }, i) =>
      calls.slice(before[i]).filter(({ method }) => /^(state|chain)_get/.test(method)),
    );
    expect(heard).toEqual([[], []]);
  });
});
