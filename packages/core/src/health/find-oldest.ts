/** How far pruning nodes are expected to look back, at most, in blocks; only the search's speed. */
const usualWindow = 4096;

/** How far a moving bound may have come while a search went on, in blocks. */
const drift = 16;

/**
 * Finds the oldest block of which an upstream has the data, when it has it of all blocks from there
 * on. Asks `has` about 2 times for a full history, 18 times for the usual pruned one, and never more
 * often than 9 + log2(`head`): 34 times for thirty million blocks.
 *
 * 1. The first block and the middle one are there: so is all.
 * 2. The head's own data is not: then there is nothing to find.
 * 3. Halve what lies between, but look first where the bound is likely: around `guess`, then within
 *    the window that most pruning nodes keep.
 * 4. Ask both sides of what was found once more: several nodes behind one URL contradict themselves.
 *
 * A hole in the middle (a node that fills its history from the beginning) counts as not there, and
 * all before it with it.
 *
 * @param has Is the data of the block at this height there? Its rejections are passed on.
 * @param head A height of 1 or more that the upstream has reached.
 * @param guess Where the bound was the last time, moved on with the head.
 * @returns the height of the oldest block, 0 for all; `undefined` when the answers do not fit
 */
export async function findOldest(
  has: (height: number) => Promise<boolean>,
  head: number,
  guess?: number,
): Promise<number | undefined> {
  const middle = Math.ceil(head / 2);
  const hasFirst = await has(1);
  if (hasFirst && (middle === 1 || (await has(middle)))) return 0;
  if (!(await has(head))) return undefined;
  let missing = hasFirst ? middle : 1;
  let present = head;
  const likely = guess === undefined ? [] : [guess, guess - 1];
  likely.push(head - usualWindow);
  while (present - missing > 1) {
    const pivot = likely.shift() ?? Math.floor((missing + present) / 2);
    if (pivot <= missing || pivot >= present) continue;
    if (await has(pivot)) present = pivot;
    else missing = pivot;
  }
  const isSure = !(await has(missing)) && (await has(Math.min(present + drift, head)));
  return isSure ? present : undefined;
}
