import { describe, expect, it, vi } from 'vitest';
import type { Chain } from './chain/chain.ts';
import type { JsonRpcError } from './json-rpc/message.ts';
import { JsonRpcClient } from './json-rpc-client.ts';
import { fakeChain, result, type TestBalancer, testBalancer } from './testing/index.ts';

/** What becomes of one call. */
function ask(client: JsonRpcClient, method: string, params: unknown = []): unknown[] {
  const told: unknown[] = [];
  client.request(method, params, {
    onResult: (value) => told.push(value),
    onError: ({ code }: JsonRpcError) => told.push(code),
  });
  return told;
}

async function crashed(): Promise<TestBalancer> {
  const test = await testBalancer({ nodes: 1, policy: { upstreamWaitMs: 100 } });
  test.nodes[0]?.crash('gone');
  await test.clock.advance(0);
  expect(test.balancer.available).toBe(false);
  return test;
}

describe('a client of an engine', () => {
  it('waits for an upstream as long as it takes', async () => {
    await using test = await crashed();
    const client = new JsonRpcClient(test.balancer, { clock: test.clock });
    const told = ask(client, 'nonce', ['alice']);
    await test.clock.advance(600_000);
    expect(told).toEqual([]);
    test.nodes[0]?.handle('nonce', () => result(3));
    await test.nodes[0]?.restart();
    await test.clock.advance(600_000);
    expect(told).toEqual([3]);
    client.close();
  });

  it('waits no longer than it was told, and says what the engine says', async () => {
    await using test = await crashed();
    const options = { availabilityTimeoutMs: 1_000, clock: test.clock };
    const client = new JsonRpcClient(test.balancer, options);
    const told = [ask(client, 'nonce'), ask(client, 'nonce')];
    await test.clock.advance(999);
    expect(told).toEqual([[], []]);
    await test.clock.advance(200);
    expect(told).toEqual([[-32_050], [-32_050]]);
    client.close();
  });

  it('tells nothing once it was closed, and lets go of its session', async () => {
    await using test = await crashed();
    const made = vi.spyOn(test.balancer, 'session');
    const options = { availabilityTimeoutMs: 1_000, clock: test.clock };
    const client = new JsonRpcClient(test.balancer, options);
    const told = ask(client, 'nonce');
    client.close();
    await test.clock.advance(2_000);
    expect(told).toEqual([]);
    expect(made.mock.results.map(({ value }) => value.isClosed)).toEqual([true]);
  });

  it('answers what ends a subscription as the row says', async () => {
    const usual = fakeChain();
    const nothingToEnd = { code: -32_000, message: 'no such' };
    const rows: Readonly<Record<string, object>> = { end: {}, strict_end: { nothingToEnd } };
    const chain: Chain = {
      ...usual,
      traits: (method, allowed) => ({
        ...usual.traits(method, allowed),
        ...(rows[method] && { kind: 'unsubscribe', ...rows[method] }),
      }),
    };
    await using test = await testBalancer({ chain });
    const client = new JsonRpcClient(test.balancer, { clock: test.clock });
    expect(ask(client, 'strict_end', ['x'])).toEqual([-32_000]);
    expect(ask(client, 'end', ['x'])).toEqual([false]);
    client.close();
  });
});
