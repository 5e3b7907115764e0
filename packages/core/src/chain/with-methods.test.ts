import { describe, expect, it } from 'vitest';
import { fakeChain, testBalancer } from '../testing/index.ts';
import type { Chain } from './chain.ts';
import { withMethods } from './with-methods.ts';

const kind = (chain: Chain, method: string) => chain.traits(method).kind;

/** The fake chain, where odd params are refused unless the method is switched on. */
function pickyChain(): Chain {
  const chain = fakeChain();
  return {
    ...chain,
    traits: (method, allowed) =>
      allowed || method !== 'local'
        ? chain.traits(method, allowed)
        : { ...chain.traits(method), refuse: ([first]) => (first === 'odd' ? 'odd' : undefined) },
  };
}

describe('a chain with another say on its methods', () => {
  it('serves what is enabled though denied by default', () => {
    expect(kind(fakeChain(), 'forbidden')).toBe('denied');
    expect(kind(withMethods(fakeChain(), { enabled: ['forbidden'] }), 'forbidden')).toBe('read');
  });

  it('denies what is disabled', () => {
    const chain = withMethods(fakeChain(), { disabled: ['get', 'nobody_knows'] });
    expect(kind(chain, 'get')).toBe('denied');
    expect(kind(chain, 'nobody_knows')).toBe('denied');
    expect(kind(chain, 'header')).toBe('read');
  });

  it('serves whole what is refused in part by default', () => {
    expect(withMethods(pickyChain(), {}).traits('local').refuse).toBeDefined();
    const whole = withMethods(pickyChain(), { enabled: ['local'] });
    expect(whole.traits('local').refuse).toBeUndefined();
  });

  it('may lie on another such: what is said last holds', () => {
    const first = withMethods(fakeChain(), { enabled: ['forbidden'], disabled: ['get'] });
    expect(kind(withMethods(first, {}), 'forbidden')).toBe('read');
    expect(kind(withMethods(first, {}), 'get')).toBe('denied');
    const second = withMethods(first, { enabled: ['get'], disabled: ['forbidden'] });
    expect(kind(second, 'get')).toBe('read');
    expect(kind(second, 'forbidden')).toBe('denied');
  });

  it('is the same chain in all else', () => {
    const chain = fakeChain();
    const other = withMethods(chain, { disabled: ['get'] });
    expect(other.id).toBe('fake');
    expect(other.probes).toBe(chain.probes);
    expect(other.positional('get', { key: 1 })).toEqual([1]);
  });

  it('may be of a class with private members', async () => {
    const plain = fakeChain();
    class PrivateChain implements Chain {
      readonly #plain = plain;
      readonly id = plain.id;
      readonly family = plain.family;
      readonly blockTimeMs = plain.blockTimeMs;
      readonly heads = plain.heads;
      readonly probes = plain.probes;
      traits(...args: Parameters<Chain['traits']>) {
        return this.#plain.traits(...args);
      }
      positional(...args: Parameters<Chain['positional']>) {
        return this.#plain.positional(...args);
      }
      answer(...args: Parameters<NonNullable<Chain['answer']>>) {
        return this.#plain.answer?.(...args);
      }
      identify(...args: Parameters<Chain['identify']>) {
        return this.#plain.identify(...args);
      }
      judge(...args: Parameters<Chain['judge']>) {
        return this.#plain.judge(...args);
      }
    }
    await using test = await testBalancer({ chain: new PrivateChain() });
    expect(await test.balancer.request('local', [1])).toMatch(/^local by/);
    expect(await test.balancer.request('best_hash')).toBe(test.ledger.head.hash);
  });

  it('is not made of a contradiction', () => {
    expect(() => withMethods(fakeChain(), { enabled: ['get'], disabled: ['get'] })).toThrow(
      '[invalid request] get is both enabled and disabled',
    );
  });
});

describe('a balancer with methods of its own', () => {
  const asked = (node: { readonly calls: readonly { readonly method: string }[] }, name: string) =>
    node.calls.filter(({ method }) => method === name).length;

  it('serves what it enables and declines what it disables, saying that it is disabled here', async () => {
    await using test = await testBalancer({
      methods: { enabled: ['forbidden'], disabled: ['local', 'follow_best'] },
    });
    expect(await test.balancer.request('forbidden')).toMatch(/^forbidden by/);
    await expect(test.balancer.request('local')).rejects.toMatchObject({
      code: -32601,
      message: 'Method not available: local is disabled on this balancer',
    });
    const handlers = { onSubscribed: () => {}, onItem: () => {}, onEnd: () => {} };
    await expect(
      test.balancer.subscribe({ method: 'follow_best', params: '[]' }, handlers),
    ).rejects.toMatchObject({ code: 'denied' });
    expect(test.balancer.chain.traits('local').kind).toBe('denied');
    for (const node of test.nodes) expect(asked(node, 'local')).toBe(0);
  });

  it('has views for callers who may use other methods', async () => {
    await using test = await testBalancer({ methods: { disabled: ['local'] } });
    const view = test.balancer.withMethods({ enabled: ['forbidden', 'local'], disabled: ['get'] });
    await view.ready();
    expect(view.available).toBe(true);
    expect(await view.request('forbidden')).toMatch(/^forbidden by/);
    expect(await view.request('local', [], { session: view.session() })).toMatch(/^local by/);
    await expect(view.request('get', ['k'])).rejects.toMatchObject({ code: -32601 });
    expect(view.chain.traits('get').kind).toBe('denied');
    // The balancer itself stays as it was.
    await expect(test.balancer.request('forbidden')).rejects.toMatchObject({ code: -32601 });
    await expect(test.balancer.request('local')).rejects.toMatchObject({ code: -32601 });
    expect(await test.balancer.request('get', ['k'])).toMatch(/^k@/);
    // It is open as long as the balancer is.
    await test.balancer.close();
    await expect(view.ready()).rejects.toMatchObject({ code: 'closed' });
  });

  it('sends what an upstream enables though denied by default to that upstream only', async () => {
    await using test = await testBalancer();
    const [a, b] = [test.nodes[0]!, test.nodes[1]!];
    await expect(test.balancer.request('forbidden')).rejects.toMatchObject({ code: -32601 });
    await test.balancer.removeUpstream('a');
    test.balancer.addUpstream(a.upstream({ methods: { enabled: ['forbidden'] } }));
    await test.clock.advance(1);
    // The others would take it too: they list no methods.
    for (let i = 0; i < 20; i += 1) {
      expect(await test.balancer.request('forbidden', [i])).toBe('forbidden by a');
    }
    expect(asked(b, 'forbidden')).toBe(0);
    await test.balancer.removeUpstream('a');
    await expect(test.balancer.request('forbidden')).rejects.toMatchObject({ code: -32601 });
  });
});
