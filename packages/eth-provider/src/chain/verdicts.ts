import { type ErrorRule, type JsonRpcError, judgeBy, type Verdict, wordsOf } from '@dshackle/core';

/** Codes that JSON-RPC leaves to the server, under which nodes say most of what they say. */
const serverErrors = [[-32_099, -32_000] as const];

/** Said by those who would answer if less was asked for. */
const tooMuch =
  /block range|query time-?out|reduc(?:e|ing) (?:the |your )?range|query returned more than|max(?:imum)? (?:block )?range|exceeds? max (?:results|block)|range (?:is )?(?:too (?:large|wide)|exceeds)|response (?:size|is) (?:exceed|too|should)|too many (?:results|logs)|log response size|limited to an? [\d,]+k? (?:blocks? )?range|ranges over [\d,]+ blocks|logs matched by query exceeds?|max allowed range/i;

const tooMuchReason = 'asked for too much there';

/** Said of a query for logs that takes a node too long; of any other call it is the node's own trouble. */
const tooSlow = /timed? ?-?out|took too long|deadline exceeded/i;

/**
 * What errors mean, first match wins. Words come before codes: under -32000 nodes say anything, from a
 * revert to a lost database. They are those of geth (core, eth and rpc packages), Nethermind, Erigon,
 * Reth, Besu, Anvil, Hardhat and of the usual providers. Codes of providers: EIP-1474 and their pages.
 */
const rules: readonly ErrorRule[] = [
  // Besu's words for a transaction, under codes that mean something else elsewhere.
  { text: /upfront cost exceeds account balance|incorrect nonce/i, action: 'return', reason: '' },
  // The contract's own word. Hardhat says it under -32603, Nethermind under -32015.
  { codes: [3], action: 'return', reason: '' },
  {
    text: /execution reverted|vm exception while processing|reverted (?:with|without|0x)|vm execution error|invalid opcode|stack underflow|out of gas|gas required exceeds|always failing transaction/i,
    action: 'return',
    reason: '',
  },

  { codes: [429], action: 'cool down', reason: 'rate limited' },
  // Too much at once there; the caller may ask for less, another upstream may take it. Some say so under
  // the code, and in words, of a rate limit.
  { text: tooMuch, action: 'missing', reason: tooMuchReason },

  // This upstream asks for a rest.
  {
    codes: [-32_005, -32_016, -32_029, -32_090, -32_097],
    text: /rate|too many|limit reached|exceeded the|capacity|quota|credit/i,
    action: 'cool down',
    reason: 'rate limited',
  },
  { codes: [-32_029, -32_090, -32_097], action: 'cool down', reason: 'rate limited' },
  {
    text: /rate.?limit|too many requests|throttl|quota|requests? (?:per second|limit reached)|compute units|daily request count|capacity limit|out of credits/i,
    action: 'cool down',
    reason: 'rate limited',
  },

  // This upstream lacks what another may have.
  {
    text: /missing trie node|state (?:is |was )?(?:not available|unavailable|pruned)|state .{0,80}(?:is not available|is pruned|already pruned)|historical state|world state unavailable|no state (?:available|found)|history (?:has been )?pruned|pruned history|state histories haven't been fully indexed|old data not available|distance to target block exceeds/i,
    action: 'missing',
    reason: 'state is pruned',
    lacksBlock: true,
  },
  { codes: [4444], action: 'missing', reason: 'history is pruned', lacksBlock: true },
  {
    text: /header not found|block .{0,80}not found|unknown block|could not find block|cannot find block|no such block|missing block|block ?out ?of ?range|invalid block tag|header for hash not found|block is not canonical|beyond current head|one of the blocks specified in filter/i,
    action: 'missing',
    reason: 'block is unknown',
    lacksBlock: true,
  },
  { codes: [-39_001], action: 'missing', reason: 'block is unknown', lacksBlock: true },
  {
    codes: [-32_601, -32_004],
    action: 'missing',
    reason: 'method is missing',
  },
  {
    text: /method .{0,80}(?:not found|not supported|does not exist|is not available|not whitelisted|disabled)|unsupported method|not implemented/i,
    action: 'missing',
    reason: 'method is missing',
  },
  {
    text: /please specify an address|upgrade your plan|not available on (?:the|your) .{0,20}plan|archive .{0,40}(?:plan|tier|token)/i,
    action: 'missing',
    reason: 'is not served there',
  },
  { text: /transaction indexing is in progress/i, action: 'missing', reason: 'is still indexing' },

  // The client's mistake, whoever is asked.
  { codes: [-32_600, -32_602, -32_700], action: 'return', reason: '' },
  {
    text: /invalid argument|missing value for required|invalid params|cannot unmarshal|invalid (?:address|hex|input)|insufficient funds|err: .{0,80}\(supplied gas/i,
    action: 'return',
    reason: '',
  },
  // A pool without room, which another may have.
  {
    text: /pool .{0,20}(?:full|disabled|not enabled)|in-flight transaction limit/i,
    action: 'missing',
    reason: 'the pool does not take it',
  },
  // What transactions are refused with is read by those who sent them.
  {
    codes: [-32_003, -32_010],
    action: 'return',
    reason: '',
  },
  {
    text: /nonce too (?:low|high)|already known|known transaction|underpriced|intrinsic gas|max fee per gas|fee cap|exceeds block gas limit|invalid sender|invalid signature|invalid chain id|transaction type not supported/i,
    action: 'return',
    reason: '',
  },

  // This upstream is broken, or a proxy speaks for a node that is.
  {
    text: /service unavailable|bad gateway|gateway time-?out|connection (?:refused|closed|reset)|timed? ?out|database|leveldb|pebble|no available (?:node|upstream)|upstream|backend/i,
    action: 'failure',
    reason: 'upstream is unavailable',
  },
  { codes: [-32_603], action: 'failure', reason: 'internal error' },
  // Asking another costs nobody anything.
  { codes: serverErrors, action: 'missing', reason: 'server error' },
];

/** The meaning of an upstream's JSON-RPC error; what no rule knows is the answer. */
export function judge(error: JsonRpcError, method?: string): Verdict {
  if (method === 'eth_getLogs' && error.code !== 429 && tooSlow.test(wordsOf(error))) {
    return { action: 'missing', reason: tooMuchReason };
  }
  return judgeBy(rules, error);
}

/** The words of an error of `eth_getLogs` that speak against the width of its range; `undefined` when none do. */
export function refusesRange(error: JsonRpcError): string | undefined {
  if (error.code === 429) return undefined;
  return [error.message, wordsOf(error)].find((words) => tooMuch.test(words));
}

/**
 * The words of an error of `eth_getLogs` that say that less would be answered; `undefined` when none do.
 * Those of the message where it says so itself: numbers in the data may count anything.
 */
export function asksForLess(error: JsonRpcError): string | undefined {
  // Cut in parts, it would be all the more calls to one that asks for a rest.
  if (error.code === 429) return undefined;
  return [error.message, wordsOf(error)].find(
    (words) => tooMuch.test(words) || tooSlow.test(words),
  );
}
