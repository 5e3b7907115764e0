import { type Block, errorReply, type Reply, type UpstreamClient } from '@dshackle/core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { childOf, ScriptedChain, word } from '../testing/scripted-chain.ts';
import { blake2, type HeaderHasher, type HeaderJson, headerHash, keccak } from './header.ts';
import { substrateHeads } from './heads.ts';
import { Identity } from './identity.ts';

const genesisHash = word(0x45);

/** A hash function that this package does not know. */
const strange: HeaderHasher = (bytes) => blake2(blake2(bytes));
const fork = word(0xee);

/** An upstream that serves a chain of headers and whose subscriptions are fed by hand. */
class ScriptedClient implements UpstreamClient {
  readonly canSubscribe = true;
  readonly calls: string[] = [];
  readonly feeds = new Map<
    string,
    { item: (raw: string) => void; end: (reason: string) => void }
  >();
  readonly missing = new Set<string>();
  readonly chain: ScriptedChain;
  finalized = 0;

  constructor(hasher: HeaderHasher, blocks = 0) {
    this.chain = new ScriptedChain(blocks, hasher);
  }

  async request(method: string, params: string): Promise<Reply> {
    this.calls.push(method);
    const [param] = JSON.parse(params) as unknown[];
    const result = (value: unknown): Reply => ({
      kind: 'result',
      result: JSON.stringify(value ?? null),
    });
    switch (method) {
      case 'chain_getBlockHash':
        return result(this.chain.hash(Number(param ?? this.chain.height)));
      case 'chain_getFinalizedHead':
        return result(this.chain.hash(this.finalized));
      case 'chain_getHeader':
        return result(this.headerOf(String(param)));
      default:
        return errorReply({ code: -32_601, message: 'Method not found' });
    }
  }

  headerOf(hash: string): HeaderJson | undefined {
    return this.chain.header(this.chain.numberOf(hash) ?? -1);
  }

  async subscribe(
    method: string,
    _params: string,
    _unsubscribe: string,
    item: (raw: string) => void,
    end: (reason: string) => void,
  ): Promise<() => void> {
    if (this.missing.has(method)) {
      throw Object.assign(new Error('Method not found'), { code: -32_601 });
    }
    this.feeds.set(method, { item, end });
    return () => this.feeds.delete(method);
  }

  send(kind: 'AllHeads' | 'NewHeads' | 'FinalizedHeads', raw: string): void {
    this.feeds.get(`chain_subscribe${kind}`)?.item(raw);
  }

  /** Adds a block to the chain; gives its header. */
  grow(): string {
    return this.chain.raw(this.chain.grow());
  }
}

/** Writes down what an observer is told. */
function recorder() {
  const told: string[] = [];
  return {
    told,
    onBlock: ({ number, hash }: Block, best: boolean) =>
      void told.push(`${best ? 'best' : 'block'} ${number} ${hash}`),
    onFinalized: ({ number, hash }: Block) => void told.push(`final ${number} ${hash}`),
    onEnd: (reason: string) => void told.push(`end ${reason}`),
  };
}

const identity = new Identity('test', genesisHash);
const heads = () => substrateHeads(identity, [blake2, keccak]);
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe.each([
  ['blake2', blake2],
  ['keccak', keccak],
])('following a node whose headers hash with %s', (_, hasher) => {
  let node: ScriptedClient;
  beforeEach(() => {
    node = new ScriptedClient(hasher, 2);
  });

  it('computes the hashes and asks for none once calibrated', async () => {
    const observer = recorder();
    await heads().follow(node, observer);
    node.calls.length = 0;
    const raw = node.grow();
    node.send('AllHeads', raw);
    node.send('NewHeads', raw);
    node.send('FinalizedHeads', node.chain.raw(2));
    expect(observer.told).toEqual([
      `block 3 ${node.chain.hash(3)}`,
      `best 3 ${node.chain.hash(3)}`,
      `final 2 ${node.chain.hash(2)}`,
    ]);
    expect(node.calls).toEqual([]);
  });

  it('hears of forks too', async () => {
    const observer = recorder();
    await heads().follow(node, observer);
    const sibling = childOf(node.chain.hash(1), 2, fork);
    node.send('AllHeads', JSON.stringify(sibling));
    expect(observer.told).toEqual([`block 2 ${headerHash(sibling, hasher)}`]);
  });

  it('refuses a header that does not have the hash it was asked under', async () => {
    const source = heads();
    await source.follow(node, recorder());
    vi.spyOn(node, 'headerOf').mockReturnValue(childOf(node.chain.hash(0), 1, fork));
    expect(await source.fetch(node, node.chain.hash(1))).toBeUndefined();
  });
});

describe('following a node', () => {
  it('makes do with new heads where there is no subscription to all', async () => {
    const node = new ScriptedClient(blake2, 1);
    node.missing.add('chain_subscribeAllHeads');
    const observer = recorder();
    await heads().follow(node, observer);
    node.send('NewHeads', node.grow());
    expect(observer.told).toEqual([`best 2 ${node.chain.hash(2)}`]);
  });

  it('fails, leaving nothing behind, where there is none to new heads', async () => {
    const node = new ScriptedClient(blake2, 1);
    node.missing.add('chain_subscribeNewHeads');
    await expect(heads().follow(node, recorder())).rejects.toThrow('Method not found');
    expect(node.feeds.size).toBe(0);
  });

  it('ends once, with all subscriptions, when one of them dies', async () => {
    const node = new ScriptedClient(blake2, 1);
    const observer = recorder();
    await heads().follow(node, observer);
    const { end } = node.feeds.get('chain_subscribeFinalizedHeads')!;
    end('socket closed');
    end('again');
    expect(observer.told).toEqual(['end socket closed']);
    expect(node.feeds.size).toBe(0);
  });

  it('ends when the node talks nonsense', async () => {
    const node = new ScriptedClient(blake2, 1);
    const observer = recorder();
    await heads().follow(node, observer);
    node.send('NewHeads', '{"number":"0x1"}');
    expect(observer.told).toEqual(['end not a block header: {"number":"0x1"}']);
  });

  it('says nothing after it was stopped', async () => {
    const node = new ScriptedClient(strange, 1);
    const observer = recorder();
    const stop = await heads().follow(node, observer);
    node.send('NewHeads', node.grow());
    stop();
    await settle();
    expect(observer.told).toEqual([]);
    expect(node.feeds.size).toBe(0);
  });

  it('knows the genesis by the identity, as development nodes make up its hash', async () => {
    const node = new ScriptedClient(blake2);
    const observer = recorder();
    await heads().follow(node, observer);
    node.send('NewHeads', node.chain.raw(0));
    await settle();
    node.send('NewHeads', node.grow());
    await settle();
    expect(observer.told).toEqual([`best 0 ${genesisHash}`, `best 1 ${node.chain.hash(1)}`]);
  });
});

describe('on a chain whose headers hash in an unknown way', () => {
  it('takes the word of the node for the hash, in order', async () => {
    const node = new ScriptedClient(strange, 1);
    const observer = recorder();
    await heads().follow(node, observer);
    node.send('NewHeads', node.grow());
    node.send('FinalizedHeads', node.chain.raw(1));
    node.send('NewHeads', node.grow());
    await settle();
    expect(observer.told).toEqual([
      `best 2 ${node.chain.hash(2)}`,
      `final 1 ${node.chain.hash(1)}`,
      `best 3 ${node.chain.hash(3)}`,
    ]);
  });

  it('leaves out a header of a fork, whose hash the node does not tell', async () => {
    const node = new ScriptedClient(strange, 2);
    const observer = recorder();
    await heads().follow(node, observer);
    node.send('AllHeads', JSON.stringify(childOf(node.chain.hash(1), 2, fork)));
    await settle();
    expect(observer.told).toEqual([]);
  });

  it('fetches only what the node says is on its chain', async () => {
    const node = new ScriptedClient(strange, 2);
    const source = heads();
    expect(await source.fetch(node, node.chain.hash(1))).toMatchObject({
      number: 1,
      hash: node.chain.hash(1),
    });
    // Chopsticks serves its genesis for every hash that it does not know.
    vi.spyOn(node, 'headerOf').mockReturnValue(JSON.parse(node.chain.raw(0)) as HeaderJson);
    expect(await source.fetch(node, fork)).toBeUndefined();
  });

  it('gives up when headers come faster than their hashes', async () => {
    const node = new ScriptedClient(strange, 2);
    const observer = recorder();
    await heads().follow(node, observer);
    for (let i = 0; i < 300; i += 1) node.send('NewHeads', node.chain.raw(2));
    await settle();
    expect(observer.told).toEqual(['end headers come faster than their hashes']);
  });

  it('refuses it where the chain is known to hash otherwise', async () => {
    const node = new ScriptedClient(strange, 2);
    const source = substrateHeads(identity, blake2);
    expect(await source.fetch(node, node.chain.hash(1))).toBeUndefined();
    await expect(source.poll(node)).rejects.toThrow('serves another header for its');
  });
});

describe('polling a node', () => {
  it('reads its best and its finalized block', async () => {
    const node = new ScriptedClient(blake2, 3);
    node.finalized = 1;
    const { best, finalized } = await heads().poll(node);
    expect([best.number, best.hash]).toEqual([3, node.chain.hash(3)]);
    expect([finalized.number, finalized.hash]).toEqual([1, node.chain.hash(1)]);
    expect(best.header).toBe(node.chain.raw(3));
  });

  it('asks for headers only when the heads have moved', async () => {
    const node = new ScriptedClient(blake2, 3);
    const source = heads();
    await source.poll(node);
    node.calls.length = 0;
    await source.poll(node);
    expect(node.calls.sort()).toEqual(['chain_getBlockHash', 'chain_getFinalizedHead']);
  });

  it('gives undefined for a block that the node does not have', async () => {
    expect(await heads().fetch(new ScriptedClient(blake2, 1), fork)).toBeUndefined();
  });
});
