import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Balancer, createBalancer, type UpstreamOptions } from '@dshackle/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScriptedChain } from '../testing/scripted-chain.ts';
import { type Handler, NodeError, ScriptedNode } from '../testing/scripted-node.ts';
import { polkadot } from './polkadot.ts';

/*
 * What becomes of a call that its first node answers with an error, over real sockets: a is asked
 * first, b only when a is of no use.
 */

type Action = 'return' | 'missing' | 'failure' | 'cool down';
type Row = readonly [code: number | undefined, message: string, data?: unknown];

const rows: Readonly<Record<Action, readonly Row[]>> = {
  'cool down': [
    [-32_999, 'RPC rate limit exceeded'],
    [-32_009, 'Server is busy, try again later'],
    [-32_604, 'Server is busy, try again later'],
    [-32_006, 'Too many subscriptions on the connection'],
    [-32_812, 'backoff'],
    [429, 'slow down'],
    [-32_005, 'Too Many Requests'],
    [undefined, 'rate limit reached'],
  ],
  missing: [
    [4003, 'Client error: UnknownBlock: State already discarded for 0x12'],
    [4003, 'Client error: UnknownBlock: Header was not found in the database: 0x12'],
    [4003, 'Client error: Api called for an unknown Block: Header was not found'],
    [-32_000, 'Client error: UnknownBlock: State already discarded for BlockId::Hash(0x12)'],
    [-32_603, 'Internal error', 'State already discarded for 0x12'],
    [-32_000, 'Server error', 'Header was not found in the database'],
    [-32_601, 'Method not found'],
    [-32_601, 'RPC call is unsafe to be called externally'],
    [-32_008, 'Response is too big', 'Exceeded max limit of 15728640'],
    [-32_702, 'Response is too big'],
    [-32_800, 'Maximum number of chainHead_follow has been reached'],
    [-32_811, 'retry'],
    [-32_000, 'something'],
    [1, 'Block 0x12 not found'],
    [undefined, 'Method not found: state_call'],
    [undefined, 'Block 0x12 not found'],
    [undefined, 'Cannot find block 0x12'],
    [-32_603, 'Internal Error: Cannot find block 0x12'],
    [undefined, 'Subscription is not supported'],
  ],
  failure: [
    [-32_603, 'Internal error'],
    [-32_000, 'Bad Gateway'],
    [-1, 'upstream connection refused'],
    [undefined, 'something broke'],
  ],
  return: [
    [4003, 'Client error: Execution failed: Execution aborted due to trap: wasm trap'],
    [4001, 'Cannot resolve a block range'],
    [4002, 'count exceeds maximum value'],
    [-32_602, 'Invalid params'],
    [-32_600, 'Invalid request'],
    [-32_700, 'Parse error'],
    [-32_007, 'Request is too big'],
    [-32_701, 'Request is too big'],
    [-32_010, 'The batch request was too large'],
    [-32_801, 'not pinned'],
    [-32_802, 'no runtime'],
    [-32_803, 'nothing to continue'],
    [-32_804, 'duplicate hashes'],
    [-32_810, 'fail'],
    [2000, 'a system error'],
    [3000, 'a chain error'],
    [5000, 'an offchain error'],
    [6000, 'a dev error'],
    [7000, 'a statement error'],
    [8000, 'a mixnet error'],
    [undefined, 'Invalid request: {"params":{}}'],
    [undefined, '[\n  {\n    "code": "invalid_type",\n    "path": [0]\n  }\n]'],
    [-32_603, 'Internal ZodError: [\n  {\n    "code": "invalid_type"\n  }\n]'],
    [undefined, 'getReadProof requires a non-empty array of keys'],
    [undefined, 'Client error: Invalid child storage key'],
    [-32_603, 'Internal Error: pageSize must be less or equal to 256'],
  ],
};

/** What the transaction pool says of a submission. */
const submissions: Readonly<Record<'return' | 'missing', readonly Row[]>> = {
  return: [
    [1013, 'Transaction Already Imported'],
    [1010, 'Invalid Transaction', 'Transaction is outdated'],
    [1010, 'Invalid Transaction', 'Inability to pay some fees'],
    [1014, 'Priority is too low'],
    [1015, 'Cycle Detected'],
    [1019, 'No tags'],
    [1001, 'Extrinsic has invalid format'],
    [undefined, '{"invalid":{"stale":null}}'],
  ],
  missing: [
    [1012, 'Transaction is temporarily banned'],
    [1010, 'Invalid Transaction', 'Transaction has an ancient birth block'],
    [1010, 'Invalid Transaction', 'Transaction will be valid in the future'],
    [1010, 'Invalid Transaction', 'Transaction has a bad signature'],
    [1011, 'Unknown Transaction Validity'],
    [1002, 'Verification Error'],
    [1016, 'Immediately Dropped'],
    [1018, 'Unactionable'],
    [1020, 'Invalid block id'],
    [1021, 'No future transactions'],
    [1040, 'Other'],
  ],
};

type Case = readonly [action: Action, code: number | undefined, message: string, data: unknown];

const listed = (table: Readonly<Record<string, readonly Row[]>>): Case[] =>
  Object.entries(table).flatMap(([action, list]) =>
    list.map(([code, message, data]): Case => [action as Action, code, message, data]),
  );
/** The same in another case than they come in, as far as the text tells them from others. */
const otherwise = listed(rows).map(([action, code, message, data]): Case => {
  const loud = typeof data === 'string' ? data.toUpperCase() : data;
  return [action, code, message.toUpperCase(), loud];
});

const chain = new ScriptedChain(3);
const one = { strategy: { kind: 'one' } } as const;
let a: ScriptedNode;
let b: ScriptedNode;
let balancer: Balancer;

/** Connects to both, and waits until both serve. */
async function connect(...upstreams: readonly UpstreamOptions[]): Promise<void> {
  balancer = createBalancer({
    chain: polkadot({ id: 'scripted', genesisHash: chain.genesisHash }),
    upstreams,
  });
  await vi.waitFor(() => {
    expect(balancer.snapshot().upstreams.map(({ reason }) => reason)).toEqual(
      upstreams.map(() => undefined),
    );
  }, 20_000);
}

/** Connects to both nodes, of which the first answers so from now on. */
async function start(method: string, answer: Handler): Promise<void> {
  await connect({ id: 'a', transport: a.url }, { id: 'b', transport: b.url, role: 'secondary' });
  a.on(method, answer);
  b.on(method, () => 'from b');
  // What was asked to follow the heads.
  a.calls.length = 0;
  b.calls.length = 0;
}

const refuses =
  (...[code, message, data]: Row): Handler =>
  () => {
    throw new NodeError(code, message, data);
  };

beforeEach(async () => {
  [a, b] = await Promise.all([ScriptedNode.start(chain), ScriptedNode.start(chain)]);
});
afterEach(async () => {
  await balancer.close();
  await Promise.all([a.die(), b.die()]);
});

async function expectAction(method: string, action: Action, row: Row): Promise<void> {
  await start(method, refuses(...row));
  const { reply } = await balancer.forward({ method, params: '["0x00","0x"]' }, one);
  const [first] = balancer.snapshot().upstreams;
  expect(a.asked(method)).toHaveLength(1);
  expect(b.asked(method)).toHaveLength(action === 'return' ? 0 : 1);
  if (action === 'return') {
    const [code, message] = row;
    expect(reply).toMatchObject({ kind: 'error', error: { code: code ?? -32_603, message } });
  } else {
    expect(reply).toEqual({ kind: 'result', result: '"from b"' });
  }
  expect(first?.failed).toBe(action === 'failure' ? 1 : 0);
  expect(first?.reason).toBe(action === 'cool down' ? 'cooling down' : undefined);
}

describe('an error of the first node', () => {
  it.each(listed(rows))('(%s) %s %s', async (action, code, message, data) => {
    await expectAction('state_call', action, [code, message, data]);
  });

  it.each(otherwise)('(%s) %s %s, whatever the case', async (action, code, message, data) => {
    await expectAction('state_call', action, [code, message, data]);
  });

  it.each(listed(submissions))(
    'about a submission: (%s) %s %s',
    async (action, code, message, data) => {
      await expectAction('author_submitExtrinsic', action, [code, message, data]);
    },
  );

  it.each([
    [-32_601, 'Method not found'],
    [-32_008, 'Response is too big'],
    [4003, 'Client error: UnknownBlock: State already discarded for 0x12'],
  ])('is the answer when every other says the same: %s %s', async (code, message) => {
    await start('state_call', refuses(code, message));
    b.on('state_call', refuses(code, message));
    const { reply } = await balancer.forward({ method: 'state_call', params: '["x","0x"]' });
    expect(reply).toMatchObject({ kind: 'error', error: { code, message } });
    // Of the best block it is not believed at once: somebody must have that.
    const times = code === 4003 ? 3 : 1;
    expect([a, b].map((node) => node.asked('state_call').length)).toEqual([times, times]);
  });
});

describe('no answer of the first node', () => {
  it('that never comes, or whose connection breaks, is had from another', async () => {
    await start('state_call', () => undefined);
    expect(await balancer.request('state_call', ['x', '0x'])).toBe('from b');
    a.on('state_call', () => a.die());
    expect(await balancer.request('state_call', ['y', '0x'])).toBe('from b');
    expect(a.asked('state_call')).toHaveLength(2);
  });

  it.each(['chain_getHeader', 'chain_getBlock', 'archive_v1_header', 'archive_v1_body'])(
    'but null, to %s of a block that there must be',
    async (method) => {
      // What nobody lists of the new interface is served in another way.
      for (const node of [a, b]) node.on('rpc_methods', () => ({ methods: [method] }));
      await start(method, () => null);
      // Heads are followed by the same calls: only of this block is it not to be believed.
      const hash = chain.hash(1);
      const answer = await balancer.request(method, [hash]);
      expect(answer).toBe('from b');
    },
  );

  it('but null to the hash of a number that the pool has reached is had from another', async () => {
    await start('chain_getBlockHash', () => null);
    expect(await balancer.request('chain_getBlockHash', [2])).toBe('from b');
    // Nobody has this one: the first word is as good as any other.
    expect(await balancer.request('chain_getBlockHash', [99])).toBeNull();
  });
});

describe('an HTTP status of the first node', () => {
  let http: Server | undefined;
  afterEach(() => http?.close());

  it.each([
    [429, 'cooling down'],
    [503, undefined],
  ])('%i lets another answer', async (status, reason) => {
    b.on('state_call', () => 'from b');
    http = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString());
      if (method === 'state_call') response.writeHead(status).end();
      else response.end(JSON.stringify({ jsonrpc: '2.0', id, result: facts(method, params) }));
    });
    await new Promise<void>((resolve) => http?.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    await connect(
      { id: 'a', transport: `http://127.0.0.1:${port}` },
      { id: 'b', transport: b.url, role: 'secondary' },
    );
    expect(await balancer.request('state_call', ['x', '0x'])).toBe('from b');
    expect(balancer.snapshot().upstreams[0]?.reason).toBe(reason);
  });

  /** What the engine asks of a node before it serves. */
  function facts(method: string, [first]: readonly unknown[]): unknown {
    if (method === 'chain_getBlockHash') return chain.hash(Number(first ?? chain.height));
    if (method === 'chain_getFinalizedHead') return chain.hash(chain.height);
    if (method === 'chain_getHeader')
      return chain.header(chain.numberOf(String(first)) ?? chain.height);
    if (method === 'rpc_methods') return { methods: ['state_call'] };
    return { peers: 1, isSyncing: false, shouldHavePeers: true };
  }
});
