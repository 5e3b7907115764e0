import { describe, expect, it } from 'vitest';
import type { Chain } from '../chain/chain.ts';
import { fakeChain, testBalancer } from '../testing/index.ts';

/** The fake chain, where odd params are refused. */
function pickyChain(): Chain {
  const chain = fakeChain();
  return {
    ...chain,
    traits: (method) => ({
      ...chain.traits(method),
      refuse: ([first]) => (first === 'odd' ? 'served with even params' : undefined),
    }),
  };
}

const handlers = { onSubscribed: () => {}, onItem: () => {}, onEnd: () => {} };
const asked = (nodes: readonly { readonly calls: readonly { readonly method: string }[] }[]) =>
  nodes.flatMap(({ calls }) => calls.map(({ method }) => method));

describe('a method that is refused with some params', () => {
  it('is answered as one that is not available, with the reason, and served otherwise', async () => {
    await using test = await testBalancer({ chain: pickyChain() });
    const { reply, upstream } = await test.balancer.forward({ method: 'local', params: '["odd"]' });
    expect(reply).toMatchObject({
      kind: 'error',
      error: { code: -32601, message: 'Method not available: served with even params' },
    });
    expect(upstream).toBeUndefined();
    expect(asked(test.nodes)).not.toContain('local');
    expect(await test.balancer.request('local', ['even'])).toMatch(/^local by/);
  });

  it('is denied as a subscription too', async () => {
    await using test = await testBalancer({ chain: pickyChain() });
    const odd = test.balancer.subscribe({ method: 'watch_value', params: '["odd"]' }, handlers);
    await expect(odd).rejects.toMatchObject({
      code: 'denied',
      rawMessage: 'served with even params',
    });
    expect(asked(test.nodes)).not.toContain('watch_value');
    const even = test.balancer.subscribe({ method: 'watch_value', params: '["even"]' }, handlers);
    expect(await even).toEqual({ kind: 'subscribed' });
  });
});
