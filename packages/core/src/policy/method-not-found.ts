import { errorReply, jsonRpcCodes, type Reply } from '../json-rpc/message.ts';
import type { Ineligibility } from '../selector/eligibility.ts';

/**
 * The answer when no upstream that could be asked has the method, from the reasons against each;
 * `undefined` when somebody may have it. Those that were never reached, though they had the time, or were no
 * nodes of our chain, are not waited for: they may have it, so the answer counts them. One that was connected to before is
 * waited for unless its list is known to lack the method.
 */
export function methodNotFound(reasons: ReadonlyMap<string, Ineligibility>): Reply | undefined {
  let lacking = 0;
  let unreached = 0;
  for (const reason of reasons.values()) {
    if (reason === 'lacks the method') lacking += 1;
    else if (reason === 'never reached' || reason === 'failed the identity check') unreached += 1;
    else if (reason !== 'labels do not match') return undefined;
  }
  if (lacking === 0) return undefined;
  const doubt = ` at any upstream that was reached; ${unreached} of ${reasons.size} never was`;
  const message = `Method not found${unreached > 0 ? doubt : ''}`;
  return errorReply({ code: jsonRpcCodes.methodNotFound, message });
}
