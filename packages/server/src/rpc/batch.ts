import type { Response } from './answer.ts';
import { doorErrorCodes, limitError } from './errors.ts';
import type { DoorLimits } from './limits.ts';
import type { Item } from './request.ts';
import { errorResponse } from './response.ts';

/**
 * Answers the items of a batch, a bounded number at a time, and joins the responses in the order
 * of the requests. Resolves with `undefined` when there is nothing to say (notifications only).
 *
 * @param onLeftOut told of each item whose response was too big for the rest of the batch's
 */
export async function answerBatch(
  items: readonly Item[],
  answerItem: (item: Item, respond: (response: Response) => void) => void,
  limits: DoorLimits,
  onLeftOut: (item: Item) => void = () => {},
): Promise<Response> {
  const responses: Response[] = new Array(items.length);
  let next = 0;
  let bytes = 0;

  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      const item = items[index]!;
      const response = await new Promise<Response>((respond) => answerItem(item, respond));
      bytes += response?.length ?? 0;
      const isTooBig = bytes > limits.maxBatchResponseBytes;
      if (isTooBig) onLeftOut(item);
      responses[index] = isTooBig ? tooBig(item, limits) : response;
    }
  };
  const workers = Math.min(limits.batchConcurrency, items.length);
  await Promise.all(Array.from({ length: workers }, work));

  const due = responses.filter((response) => response !== undefined);
  return due.length === 0 ? undefined : `[${due.join(',')}]`;
}

function tooBig(item: Item, limits: DoorLimits): Response {
  if (item.kind === 'notification') return undefined;
  const limit = limits.maxBatchResponseBytes;
  return errorResponse(
    item.id,
    limitError(doorErrorCodes.responseTooBig, 'Response is too big', limit),
  );
}
