import type { Receiver } from '../call.ts';
import type { Block, BlockParams, Chain } from '../chain/chain.ts';
import { BalancerError } from '../errors.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { isBatch, splitBatch } from '../json-rpc/envelope.ts';
import type { RawJson } from '../json-rpc/message.ts';
import type { Session } from '../session/session.ts';
import { BestBlock, type CanServe } from './best-block.ts';
import type { CallContext, Policy } from './call-context.ts';
import { requireNamed } from './required-block.ts';

/** Block hashes as params, which is how most chains name blocks. */
const byHash: BlockParams = {
  headOf: (param) => (param === undefined || param === null ? 'best' : undefined),
  write: ({ hash }) => hash,
};

/**
 * Fixes the block that a call speaks of before anyone is chosen to answer it.
 *
 * 1. A block param that speaks of a head (most often by being left out) becomes that block. For the
 *    best head it is one that can be served (`BestBlock`), and the strategy may ask for another.
 * 2. The block that the params name becomes a requirement on the upstream.
 * 3. The session has then seen that block; the best one once the call is answered, as it may end at another.
 */
export function resolveBlock(
  chain: Pick<Chain, 'blockParams'>,
  head: ChainHead,
  canServe: CanServe,
): Policy {
  const params = chain.blockParams ?? byHash;
  return (next) => (context, receiver) => {
    const isFilledIn = fillIn(params, head, canServe, context);
    // Of a range only the end was filled in.
    if (!isFilledIn || context.traits.since !== undefined) require(head, context);
    const { session, bestBlock } = context;
    next(context, session && bestBlock ? observing(session, context, receiver) : receiver);
  };
}

function observing(session: Session, context: CallContext, receiver: Receiver): Receiver {
  return {
    onAnswer: (answer) => {
      session.observe(context.bestBlock?.block?.number ?? -1);
      receiver.onAnswer(answer);
    },
    onFailure: (error) => receiver.onFailure(error),
  };
}

/** Fills in the block where a head is meant, and requires it; false when there is nothing to do. */
function fillIn(
  { headOf, write, pads = true }: BlockParams,
  head: ChainHead,
  canServe: CanServe,
  context: CallContext,
): boolean {
  const { traits, params, call, need, session } = context;
  const at = traits.at;
  if (at === undefined) return false;
  // What is amiss with such params only an upstream can say in its own words.
  if (traits.isAtRequired && (params[at] ?? null) === null) return false;
  if (!pads && params.length < at) return false;
  const name = headOf(params[at]);
  if (name === undefined) return false;
  const fill = (block: Block): void => {
    need.hash = block.hash;
    const param = write(block);
    const filled = params.slice();
    while (filled.length < at) filled.push(null);
    filled[at] = param;
    context.params = filled;
    context.call = { method: call.method, params: insert(call.params, params, at, param) };
  };
  // Without a head (nobody has reported one yet) the upstream's own head has to do.
  if (name === 'best') {
    const best = new BestBlock(head, canServe, context, fill);
    if (!best.choose()) return false;
    context.bestBlock = best;
    return true;
  }
  const block = head[name];
  if (block === undefined) return false;
  fill(block);
  session?.observe(block.number);
  return true;
}

/** Puts a param at its position, leaving the other params' text as the caller wrote it. */
function insert(text: RawJson, params: readonly unknown[], at: number, param: string): RawJson {
  const trimmed = text.trimEnd();
  if (params.length <= at && trimmed.startsWith('[')) {
    const gap = 'null,'.repeat(at - params.length);
    return `${trimmed.slice(0, -1)}${params.length > 0 ? ',' : ''}${gap}"${param}"]`;
  }
  const filled = isBatch(text) ? splitBatch(text, params.length) : params.map(textOf);
  while (filled.length < at) filled.push('null');
  filled[at] = `"${param}"`;
  return `[${filled.join(',')}]`;
}

function textOf(param: unknown): RawJson {
  try {
    return JSON.stringify(param ?? null);
  } catch (cause) {
    throw new BalancerError('invalid request', 'the params are nested too deeply', { cause });
  }
}

function require(head: ChainHead, context: CallContext): void {
  const { traits, session } = context;
  const named = traits.block?.(context.params);
  if (named === undefined) return;
  requireNamed(head, named, traits.data, context.need);
  if (named.kind === 'number') {
    const isBeyond = head.best !== undefined && named.number > head.best.number;
    // Beyond the head nobody has it: the first node's `null` is as good as any other's.
    if (isBeyond && traits.nullMeans !== 'value') {
      context.traits = { ...traits, nullMeans: 'value' };
    }
  } else if (context.need.hash !== undefined) {
    const number = head.numberOf(context.need.hash);
    if (number !== undefined) session?.observe(number);
  }
}
