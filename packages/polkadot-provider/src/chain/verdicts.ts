import type { JsonRpcError, Verdict } from '@dshackle/core';

/** One kind of error and what it means; a condition that is left out holds for every error. */
interface Rule {
  /** Single codes, or inclusive ranges `[from, to]`. */
  readonly codes?: readonly (number | readonly [from: number, to: number])[];
  /** Sought in message and data, whatever the case. */
  readonly text?: RegExp;
  readonly action: Verdict['action'];
  /** What is said of the attempt. */
  readonly reason: string;
  /** With `missing`: it lacks the block asked for, or its data. @default false */
  readonly lacksBlock?: boolean;
  /** With `failure`: the call may be at fault instead. @default false */
  readonly isDoubtful?: boolean;
}

/** Codes that no pallet and no SDK module uses: proxies and providers speak with these. */
const outside = [[-Infinity, 999] as const];
/** Codes that JSON-RPC leaves to the server. */
const serverErrors = [[-32_099, -32_000] as const];

/**
 * What errors mean, first match wins. Codes from polkadot-sdk (client/rpc-api/src, module
 * `error.rs` of each API) and jsonrpsee (types/src/error.rs). Texts come before codes, because 4003
 * stands for every error of the client and old nodes used -32000 or -32603 for all.
 */
const rules: readonly Rule[] = [
  // This upstream asks for a rest.
  { codes: [429, -32_029, -32_999], action: 'cool down', reason: 'rate limited' },
  {
    codes: outside,
    text: /rate.?limit|too many requests|throttl|quota exceeded|request limit/i,
    action: 'cool down',
    reason: 'rate limited',
  },
  { codes: [-32_009, -32_604], action: 'cool down', reason: 'busy' },
  { codes: outside, text: /server is (too )?busy/i, action: 'cool down', reason: 'busy' },
  { codes: [-32_006], action: 'cool down', reason: 'too many subscriptions' },
  { codes: [-32_812], action: 'cool down', reason: 'backs off' },

  // This upstream lacks what another may have.
  {
    text: /state already discarded/i,
    action: 'missing',
    reason: 'state is pruned',
    lacksBlock: true,
  },
  {
    // The last two are what Chopsticks says.
    text: /unknown ?block|header was not found|block .{0,80}not found|cannot find block/i,
    action: 'missing',
    reason: 'block is unknown',
    lacksBlock: true,
  },
  {
    text: /missing expected key|missing trie node/i,
    action: 'missing',
    reason: 'state is missing',
    lacksBlock: true,
  },
  { text: /unsafe to be called externally/i, action: 'missing', reason: 'method is unsafe there' },
  { codes: [-32_601], action: 'missing', reason: 'method is missing' },
  // Chopsticks says these over HTTP, with no code at all.
  {
    codes: outside,
    text: /^method not found|subscription is not supported/i,
    action: 'missing',
    reason: 'method is missing',
  },
  { codes: [-32_008, -32_702], action: 'missing', reason: 'response too big' },
  { codes: [-32_800], action: 'missing', reason: 'too many follows' },
  { codes: [-32_811], action: 'missing', reason: 'asks to retry' },

  // Transaction pools: what is one node's own state, and what a lagging one cannot know yet.
  { codes: [1012], action: 'missing', reason: 'temporarily banned there' },
  {
    codes: [1010],
    text: /ancient ?birth ?block|future|bad (signature|proof)|badproof/i,
    action: 'missing',
    reason: 'not valid yet there',
  },
  { codes: [1002, 1011], action: 'missing', reason: 'could not be validated there' },
  { codes: [1016, 1018, 1020, 1021, 1040], action: 'missing', reason: 'pool does not take it' },

  // The answer, whoever is asked: the client's mistake or the runtime's own word.
  // The last two are what Chopsticks says.
  {
    text: /execution failed|wasm.{0,20}trap|runtime panicked|wasm .?unreachable|function to start was not found/i,
    action: 'return',
    reason: '',
  },
  {
    codes: [[1000, 9999], -32_700, -32_600, -32_602, -32_007, -32_010, -32_701],
    action: 'return',
    reason: '',
  },
  // Ids of one follow, and content that is nowhere.
  { codes: [[-32_804, -32_801], -32_810], action: 'return', reason: '' },

  // Chopsticks again: what it made of the params, in words or as its parser's list of issues, and
  // what is wrong with a transaction.
  {
    codes: outside,
    text: /^(?:internal (?:zod)?error: )?(?:invalid (?:request|params|child storage key)|client error: invalid|invalid type: |hexadecimal string |createType\(|getReadProof (?:requires|does not support)|pagesize must be|\[\s*\{\s*"code": ?"|\{"(?:invalid|unknown)":)/i,
    action: 'return',
    reason: '',
  },

  // This upstream is broken, or a proxy speaks for a node that is.
  {
    codes: outside,
    text: /service unavailable|bad gateway|gateway time-?out|connection (refused|closed|reset)|timed out/i,
    action: 'failure',
    reason: 'upstream is unavailable',
  },
  // Nodes say this of their own failures, and some of params that they stumble over.
  { codes: [-32_603], action: 'failure', reason: 'internal error', isDoubtful: true },
  // Old nodes and proxies say anything under these. Asking another costs nobody anything.
  { codes: serverErrors, action: 'missing', reason: 'server error' },
];

const answer: Verdict = { action: 'return' };

/** The meaning of an upstream's JSON-RPC error; what no rule knows is the answer. */
export function judge(error: JsonRpcError): Verdict {
  const text = `${error.message} ${typeof error.data === 'string' ? error.data : JSON.stringify(error.data ?? '')}`;
  const rule = rules.find(
    (each) => hasCode(each, error.code) && (each.text === undefined || each.text.test(text)),
  );
  if (rule === undefined || rule.action === 'return') return answer;
  const { action, reason } = rule;
  if (action === 'missing' && rule.lacksBlock) return { action, reason, lacksBlock: true };
  if (action === 'failure' && rule.isDoubtful) return { action, reason, isDoubtful: true };
  return { action, reason };
}

function hasCode({ codes }: Rule, code: number): boolean {
  if (codes === undefined) return true;
  return codes.some((each) =>
    typeof each === 'number' ? each === code : code >= each[0] && code <= each[1],
  );
}
