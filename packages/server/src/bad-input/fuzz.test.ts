import { errorReply, type Reply } from '@dshackle/core';
import { result, seededRandom } from '@dshackle/core/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { badInputStage, tableMethods } from '../testing/bad-input-stage.ts';
import { FrameClient, post } from '../testing/clients.ts';
import { invalidParams, word } from '../testing/substrate-node.ts';

/*
 * Random JSON-RPC at both doors, before nodes that answer at random, crash and come back. Whatever is
 * sent: each request with an id has one well-formed answer or its connection closes with a code that is
 * documented, and in the end nothing stays open.
 */

/** Another one is a longer run: `FUZZ_RUNS=1000 FUZZ_SEED=7`. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 120);
const seed = Number(process.env.FUZZ_SEED ?? 20_261_122);

const methods = [
  ...tableMethods(),
  'foo_bar',
  '',
  '__proto__',
  'rpc_methods',
  'a\u0000b',
  '\ud800',
];
const ends = methods.filter((method) => /_un[a-z]+/.test(method));

const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    '',
    '0x',
    '0x0',
    '0x26aa',
    word(1),
    word(4),
    word(0xcc),
    'Core_version',
    '__proto__',
    '\ud800',
    'x'.repeat(5_000),
  ),
  fc.integer(),
  fc.string({ maxLength: 10 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.dictionary(fc.string({ maxLength: 6 }), tie('value'), { maxKeys: 3 }),
    },
  ),
}));
const params = fc.oneof(
  { weight: 6, arbitrary: fc.array(value, { maxLength: 5 }) },
  {
    weight: 2,
    arbitrary: fc.dictionary(
      fc.constantFrom('hash', 'key', 'keys', 'at', 'count', 'followSubscription', '__proto__', 'x'),
      value,
      { maxKeys: 3 },
    ),
  },
  { weight: 1, arbitrary: value },
);
const method = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...methods) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);
/** A request with an id of its own is added when it is sent. */
const request = fc.oneof(
  { weight: 8, arbitrary: fc.record({ method, params }) },
  { weight: 1, arbitrary: fc.record({ method: fc.constantFrom(...ends), params: fc.array(leaf) }) },
  // Broken envelopes with an id that can be read.
  { weight: 1, arbitrary: fc.record({ method: leaf, params: value, jsonrpc: leaf }) },
);

type Step =
  | { readonly kind: 'call'; readonly request: object; readonly door: 'http' | 'ws' }
  | { readonly kind: 'batch'; readonly requests: readonly object[]; readonly door: 'http' | 'ws' }
  | { readonly kind: 'garbage'; readonly text: string; readonly door: 'http' | 'ws' }
  | { readonly kind: 'end'; readonly which: number }
  | { readonly kind: 'leave' }
  | { readonly kind: 'crash'; readonly node: number };

const door = fc.constantFrom<'http' | 'ws'>('http', 'ws', 'ws', 'ws');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('call' as const), request, door }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      requests: fc.array(request, { minLength: 1, maxLength: 8 }),
      door,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('garbage' as const),
      text: fc.oneof(
        fc.string(),
        fc.json(),
        fc.constantFrom('[]', '{}', '[1,{}]', '{"id":', 'null'),
      ),
      door,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), node: fc.nat(2) }) },
);

/** What a node says, whatever it is asked. */
const replies: readonly Reply[] = [
  result(null),
  result('0x00'),
  result([]),
  result({ a: 1 }),
  result(7),
  invalidParams,
  errorReply({ code: -32_603, message: 'Internal error' }),
  errorReply({ code: -32_601, message: 'Method not found' }),
  errorReply({ code: 4003, message: 'Client error: UnknownBlock: State already discarded' }),
  errorReply({ code: 1010, message: 'Invalid Transaction' }),
];

/** Each frame that comes back, with the ids that it answers. */
function idsIn(text: string): readonly unknown[] {
  const parsed: unknown = JSON.parse(text);
  const list = Array.isArray(parsed) ? parsed : [parsed];
  return list.map((answer: Record<string, unknown>) => {
    expect(answer.jsonrpc).toBe('2.0');
    if ('method' in answer) {
      const told = answer.params as object;
      expect(told).toHaveProperty('subscription');
      expect('result' in told !== 'error' in told).toBe(true);
      return undefined;
    }
    expect('result' in answer !== 'error' in answer, text.slice(0, 200)).toBe(true);
    if ('error' in answer) {
      const { code, message } = answer.error as { code: unknown; message: unknown };
      expect(Number.isInteger(code)).toBe(true);
      expect(message).toBeTypeOf('string');
    }
    return answer.id;
  });
}

it('random requests are each answered once, and leave nothing behind', async () => {
  const random = seededRandom(seed);
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  await using stage = await badInputStage({
    engine: { policy: { deadlineMs: 2_000, attemptTimeoutMs: 500, upstreamWaitMs: 100 } },
  });
  for (const node of stage.nodes) {
    node.answers = () => replies[Math.floor(random() * replies.length)] as Reply;
  }
  let ids = 0;
  const withId = (body: object): { id: number; text: string } => {
    ids += 1;
    return { id: ids, text: JSON.stringify({ jsonrpc: '2.0', ...body, id: ids }) };
  };

  const run = async (steps: readonly Step[]): Promise<void> => {
    let client = await FrameClient.open(stage.url);
    /** Ids sent on this connection and not answered yet. */
    const open = new Set<unknown>();
    /** Ids of subscriptions that were told. */
    const told: unknown[] = [];
    const posts: Promise<void>[] = [];
    const take = async (): Promise<void> => {
      const text = await client.next();
      for (const id of idsIn(text)) {
        // Garbage is answered without an id.
        if (id === undefined || id === null) continue;
        if (typeof id === 'string') throw new Error(`an id that nobody sent: ${id}`);
        expect(open.delete(id), `answered twice, or never asked: ${id}`).toBe(true);
      }
      const { result: found } = JSON.parse(text) as { result?: unknown };
      if (typeof found === 'string' && told.length < 10) told.push(found);
    };
    const overHttp = async (text: string, expected: readonly number[]): Promise<void> => {
      const answer = await post(stage.url, text);
      expect([200, 204]).toContain(answer.status);
      const found = answer.status === 204 ? [] : idsIn(answer.text);
      expect(found.filter((id) => typeof id === 'number')).toEqual(expected);
    };
    for (const one of steps) {
      if (one.kind === 'call' || one.kind === 'batch') {
        const made = (one.kind === 'call' ? [one.request] : one.requests).map(withId);
        const list = made.map(({ text }) => text);
        const text = one.kind === 'call' ? String(list[0]) : `[${list.join()}]`;
        const expected = made.map(({ id }) => id);
        if (one.door === 'http') posts.push(overHttp(text, expected));
        else {
          for (const id of expected) open.add(id);
          client.send(text);
        }
      } else if (one.kind === 'garbage') {
        // Its own ids, if it has any, would not be told from ours.
        if (/"id"/.test(one.text)) continue;
        if (one.door === 'ws') client.send(one.text);
        else posts.push(overHttp(one.text, []));
      } else if (one.kind === 'end') {
        const { id, text } = withId({
          method: ends[one.which % ends.length],
          params: [told[one.which % Math.max(1, told.length)] ?? null],
        });
        open.add(id);
        client.send(text);
        while (open.has(id)) await take();
      } else if (one.kind === 'leave') {
        client.webSocket.terminate();
        await client.closed;
        open.clear();
        told.length = 0;
        client = await FrameClient.open(stage.url);
      } else {
        const node = stage.nodes[one.node];
        node?.crash();
        await node?.restart();
      }
    }
    while (open.size > 0) await take();
    await Promise.all(posts);
    client.webSocket.terminate();
    await client.closed;
  };

  try {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), run), {
      numRuns,
      seed,
      // A run takes up to a second: shrinking one is for whoever looks into it.
      endOnFailure: process.env.FUZZ_SHRINK === undefined,
    });
    const { server, balancer, nodes } = stage;
    await expect.poll(() => server.load).toEqual({ webSockets: 1, subscriptions: 0, requests: 0 });
    await expect.poll(() => balancer.snapshot().calls).toEqual({ running: 0, waiting: 0 });
    await expect.poll(() => balancer.snapshot().subscriptions).toBe(0);
    await expect.poll(() => nodes.flatMap(({ subscriptions }) => subscriptions)).toEqual([]);
    expect(stage.bugs).toEqual([]);
    expect(rejections).toEqual([]);
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}, 120_000);
