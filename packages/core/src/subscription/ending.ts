import type { MethodTraits } from '../chain/chain.ts';
import { errorReply, type Reply } from '../json-rpc/message.ts';

/**
 * What a call of an `unsubscribe` method is answered.
 * @param wasThere the client had a subscription with this id
 */
export function endingReply({ ended, nothingToEnd }: MethodTraits, wasThere: boolean): Reply {
  if (!wasThere && nothingToEnd) return errorReply(nothingToEnd);
  return { kind: 'result', result: ended ?? String(wasThere) };
}
