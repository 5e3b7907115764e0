import { describe, expect, it } from 'vitest';
import { methodTraits } from './methods.ts';

function planOf(method: string, ...params: readonly unknown[]) {
  const { subscription } = methodTraits(method);
  if (subscription?.source !== 'upstream') throw new Error(`${method} is not carried`);
  return subscription.share?.(params);
}

describe('clients share', () => {
  it('the runtime version under both names, notified under one', () => {
    const [one, other] = ['state', 'chain'].map((of) => `${of}_subscribeRuntimeVersion`);
    expect(planOf(one as string)).toBe(planOf(other as string));
    for (const method of [one, other]) {
      const { subscription } = methodTraits(method as string);
      expect(subscription?.notification).toBe('state_runtimeVersion');
    }
  });

  it('storage of the same keys, in whatever order and case they are named', () => {
    const plan = planOf('state_subscribeStorage', ['0x02', '0xAB', '0x02']);
    expect(plan?.call.params).toBe('[["0x02","0xab"]]');
    expect(planOf('state_subscribeStorage', ['0xab', '0x02'])?.call).toEqual(plan?.call);
    expect(plan?.present?.read('0x11')).toEqual({
      method: 'state_queryStorageAt',
      params: '[["0x02","0xab"],"0x11"]',
    });
  });

  it.each([[[]], [['0x02', 5]], [['0x2']], [['text']], ['0x02'], [null], [undefined]])(
    'no storage subscription with %j for keys',
    (keys) => {
      expect(planOf('state_subscribeStorage', keys)).toBeUndefined();
    },
  );

  it('justifications, of which the one for the same round and block is the same', () => {
    const { fingerprint } = planOf('grandpa_subscribeJustifications') ?? {};
    const of = (round: string, rest: string): string => `"0x${round}${'ab'.repeat(32)}${rest}"`;
    const first = fingerprint?.(of('0100000000000000', '00aa'));
    expect(fingerprint?.(of('0100000000000000', '11bbcc'))).toBe(first);
    expect(fingerprint?.(of('0200000000000000', '00aa'))).not.toBe(first);
    expect(planOf('beefy_subscribeJustifications')?.present).toBeUndefined();
  });

  it('Ethereum subscriptions with equal params', () => {
    const [a, b] = [
      { address: '0x1', topics: [] },
      { topics: [], address: '0x1' },
    ];
    expect(planOf('eth_subscribe', 'logs', a)?.call).toEqual(
      planOf('eth_subscribe', 'logs', b)?.call,
    );
    expect(planOf('eth_subscribe', 'newHeads')?.call.params).toBe('["newHeads"]');
    expect(planOf('eth_subscribe', 'syncing')?.fingerprint).toBeUndefined();
    expect(planOf('eth_subscribe', 5)).toBeUndefined();
  });

  it('nothing that submits', () => {
    expect(planOf('author_submitAndWatchExtrinsic', '0x00')).toBeUndefined();
    expect(planOf('archive_v1_storage', '0x00', [])).toBeUndefined();
  });
});
