import type { Call } from '../call.ts';
import type { Chain, MethodParams } from '../chain/chain.ts';
import { splitObject } from '../json-rpc/members.ts';
import { errorReply, jsonRpcCodes, type RawJson, type Reply } from '../json-rpc/message.ts';
import type { Policy } from './call-context.ts';

/** What a call is sent as, or the error with which it is declined. */
export type CheckedCall = Call | Extract<Reply, { kind: 'error' }>;

/**
 * Looks at the params of a call before anyone is asked. Params that no upstream could make sense of are
 * declined here, because not every node survives them, or answers. Params by name are put in order.
 *
 * @param params by position, as {@link Chain.positional} gives them
 */
export function checkCall(chain: Chain, call: Call, params: readonly unknown[]): CheckedCall {
  const known = chain.params?.(call.method);
  if (known === undefined) return call;
  const isByName = call.params.trimStart().startsWith('{');
  const ordered = isByName ? inOrder(call.params, known) : call.params;
  if (typeof ordered !== 'string') return declined(call.method, known, ordered.fault);
  const fault = known.fault(params);
  if (fault !== undefined) return declined(call.method, known, fault);
  return isByName ? { method: call.method, params: ordered } : call;
}

/** Answers calls with params that are at fault, and puts those by name in order. */
export function checkParams(chain: Chain): Policy {
  return (next) => (context, receiver) => {
    const checked = checkCall(chain, context.call, context.params);
    if ('kind' in checked) {
      receiver.onAnswer({ reply: checked, upstream: undefined, attempts: [] });
      return;
    }
    context.call = checked;
    next(context, receiver);
  };
}

/** The params in order, in the words of the caller, or what is wrong with their names. */
function inOrder(params: RawJson, known: MethodParams): RawJson | { readonly fault: string } {
  const values: RawJson[] = [];
  for (const [name, value] of splitObject(params)) {
    const position = known.position(name);
    if (position === undefined) return { fault: `${excerpt(name)} is not one of its params` };
    if (values[position] !== undefined) return { fault: `${excerpt(name)} is given twice` };
    values[position] = value;
  }
  // A hole in the middle must be null: JSON has no other way to say it.
  return `[${Array.from(values, (value) => value ?? 'null').join(',')}]`;
}

function declined(
  method: string,
  { description }: MethodParams,
  fault: string,
): Extract<Reply, { kind: 'error' }> {
  const message = `Invalid params: ${fault}; ${method} takes ${description}`;
  return errorReply({ code: jsonRpcCodes.invalidParams, message });
}

/** Names may be of any length. */
function excerpt(name: string): string {
  return JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
}
