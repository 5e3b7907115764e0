import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type BadInputStage, badInputStage, tableMethods } from '../testing/bad-input-stage.ts';
import { FrameClient, post } from '../testing/clients.ts';

/*
 * Every method of the table with params that are wrong in every way we could think of, before nodes that
 * answer as polkadot-sdk does: one well-formed answer each, nobody is blamed, nothing stays.
 */

const hash = `"0x${'ab'.repeat(32)}"`;
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

/** Params as they stand in a request. */
const bad: readonly (readonly [string, string])[] = [
  ['none', '[]'],
  ['an empty object', '{}'],
  ['null', 'null'],
  ['nulls', '[null,null,null,null,null]'],
  ['too many', `["0x00",${hash},3,4,5,6,7,8,9,10]`],
  ['numbers', '[1,2,3,4]'],
  ['negative numbers', '[-1,-1,-1]'],
  ['fractions', '[1.5,0.5]'],
  ['numbers above u32', '[4294967296,18446744073709551616,1e300]'],
  ['numbers as strings', '["1","2","3"]'],
  ['booleans', '[true,false]'],
  ['objects', '[{},{"a":1}]'],
  ['lists', '[[],[[]],[null]]'],
  ['no hex', '["zz","0xzz","x"]'],
  ['a hash that is too short', '["0x12","0x12","0x12"]'],
  ['a hash that is too long', `["0x${'ab'.repeat(33)}","0x${'ab'.repeat(33)}"]`],
  ['a hash with an odd digit', `["0x${'a'.repeat(63)}"]`],
  ['a hash without 0x', `["${'ab'.repeat(32)}"]`],
  ['deep nesting', `[${deep(5_000)}]`],
  ['names of Object.prototype', '["__proto__","constructor","toString"]'],
  ['them as names', '{"__proto__":{"hash":1},"constructor":2}'],
  ['unknown names', '{"nonsense":1}'],
  ['a huge string', `["${'x'.repeat(100_000)}"]`],
  ['a lone surrogate', '["\\ud800",{"\\udfff":1}]'],
  ['ids of nobody', '["7","8"]'],
];

let stage: BadInputStage;
beforeAll(async () => {
  stage = await badInputStage();
});
afterAll(() => stage?.[Symbol.asyncDispose]());

interface Answered {
  readonly jsonrpc: string;
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: unknown; readonly message: unknown };
}

/** Codes with which bad input may be answered: the node's, or ours with a text that says what is wrong. */
const codes = [-32_600, -32_601, -32_602, -32_800, -32_801, -32_802, -32_803, -32_804];

function expectSound(method: string, answer: Answered): void {
  expect(answer.jsonrpc).toBe('2.0');
  if (answer.error === undefined) {
    expect('result' in answer, method).toBe(true);
    return;
  }
  expect(codes, `${method}: ${JSON.stringify(answer.error).slice(0, 200)}`).toContain(
    answer.error.code,
  );
  expect(answer.error.message).toBeTypeOf('string');
  expect(String(answer.error.message).length).toBeLessThan(400);
}

async function expectNothingLeft(): Promise<void> {
  const { balancer, server, nodes, bugs } = stage;
  await expect.poll(() => balancer.snapshot().calls.running).toBe(0);
  // The stage's own WebSocket door.
  await expect.poll(() => server.load).toEqual({ webSockets: 1, subscriptions: 0, requests: 0 });
  await expect.poll(() => balancer.snapshot().subscriptions).toBe(0);
  await expect.poll(() => nodes.flatMap(({ subscriptions }) => subscriptions)).toEqual([]);
  for (const upstream of balancer.snapshot().upstreams) {
    expect(upstream).toMatchObject({ breaker: 'closed', failed: 0, reason: undefined });
  }
  expect(bugs).toEqual([]);
}

const methods = [...tableMethods(), 'foo_bar', '__proto__', 'constructor', 'toString'];

it('the table is read', () => {
  expect(methods.length).toBeGreaterThan(150);
  expect(methods).toContain('state_getStorage');
  expect(methods).toContain('chain_unsubscribeNewHeads');
});

describe.each(bad)('every method with %s', (_, params) => {
  const request = (method: string, id: number): string =>
    `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;

  it('over HTTP', async () => {
    // A hundred are one batch.
    for (let from = 0; from < methods.length; from += 100) {
      const some = methods.slice(from, from + 100);
      const { status, text } = await post(stage.url, `[${some.map(request).join()}]`);
      expect(status).toBe(200);
      const answers = JSON.parse(text) as readonly Answered[];
      expect(answers.map(({ id }) => id)).toEqual(some.map((_, i) => i));
      for (const [i, answer] of answers.entries()) expectSound(some[i] as string, answer);
    }
    await expectNothingLeft();
  });

  it('over WebSocket', async () => {
    const client = await FrameClient.open(stage.url);
    onTestFinished(() => client.close());
    const answers = new Map<number, Answered>();
    for (const [id, method] of methods.entries()) {
      client.send(request(method, id));
      for (;;) {
        const frame = JSON.parse(await client.next()) as Answered;
        // A notification of a subscription for which these params are good enough.
        if (frame.id === undefined) continue;
        expect(frame.id).toBe(id);
        expect(answers.has(id)).toBe(false);
        answers.set(id, frame);
        break;
      }
      expectSound(method, answers.get(id) as Answered);
    }
    await client.close();
    await expectNothingLeft();
  });
});
