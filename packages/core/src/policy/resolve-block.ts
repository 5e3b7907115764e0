import type { Block } from '../chain/chain.ts';
import { BalancerError } from '../errors.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { isBatch, splitBatch } from '../json-rpc/envelope.ts';
import type { RawJson } from '../json-rpc/message.ts';
import type { Requirement } from '../selector/eligibility.ts';
import type { CallContext, Policy } from './call-context.ts';
import { requireNamed } from './required-block.ts';

/** How far below the best head a servable block is looked for. */
const maxStepsBack = 16;

/**
 * Fixes the block that a call speaks of before anyone is chosen to answer it.
 *
 * 1. A block hash param that was left out becomes the highest block, best or just below, that an
 *    eligible upstream has; never below what the session has seen.
 * 2. The block that the params name becomes a requirement on the upstream.
 * 3. The session has then seen that block.
 */
export function resolveBlock(
  head: ChainHead,
  canServe: (need: Requirement, nowMs: number) => boolean,
): Policy {
  return (next) => (context, receiver) => {
    const isFilledIn = fillIn(head, canServe, context);
    // Of a range only the end was filled in.
    if (!isFilledIn || context.traits.since !== undefined) require(head, context);
    next(context, receiver);
  };
}

/** Fills in the block where it was left out, and requires it; false when there is nothing to do. */
function fillIn(
  head: ChainHead,
  canServe: (need: Requirement, nowMs: number) => boolean,
  context: CallContext,
): boolean {
  const { traits, params, call } = context;
  const at = traits.at;
  if (at === undefined || (params[at] !== undefined && params[at] !== null)) return false;
  const { best } = head;
  const { need } = context;
  // Without a head (nobody has reported one yet) the upstream's own head has to do.
  if (best === undefined || best.number < need.seen) return false;
  // The highest block that someone can answer for; best itself when nobody can right now.
  let chosen = best;
  let block: Block | undefined = best;
  for (let step = 0; block && step < maxStepsBack && block.number >= need.seen; step += 1) {
    need.hash = block.hash;
    if (canServe(need, context.startedMs)) {
      chosen = block;
      break;
    }
    block = head.tree.get(block.parentHash);
  }
  need.hash = chosen.hash;
  const filled = params.slice();
  while (filled.length < at) filled.push(null);
  filled[at] = chosen.hash;
  context.params = filled;
  context.call = { method: call.method, params: insert(call.params, params, at, chosen.hash) };
  context.session?.observe(chosen.number);
  return true;
}

/** Puts the hash at its position, leaving the other params' text as the caller wrote it. */
function insert(text: RawJson, params: readonly unknown[], at: number, hash: string): RawJson {
  const trimmed = text.trimEnd();
  if (params.length <= at && trimmed.startsWith('[')) {
    const gap = 'null,'.repeat(at - params.length);
    return `${trimmed.slice(0, -1)}${params.length > 0 ? ',' : ''}${gap}"${hash}"]`;
  }
  const filled = isBatch(text) ? splitBatch(text, params.length) : params.map(textOf);
  while (filled.length < at) filled.push('null');
  filled[at] = `"${hash}"`;
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
    if (isBeyond && traits.nullMeans === 'missing') {
      context.traits = { ...traits, nullMeans: 'value' };
    }
  } else if (context.need.hash !== undefined) {
    const number = head.numberOf(context.need.hash);
    if (number !== undefined) session?.observe(number);
  }
}
