/**
 * Which block is final: `lag` blocks behind the newest canonical one. Chopsticks calls its head
 * final, whatever it is; here a block nobody else agrees on is best at most, and what was final
 * stays so.
 */
export function finalityTracker(genesis, lag) {
  const listeners = new Set();
  let finalized = genesis;
  return {
    /** The newest final block. */
    get head() {
      return finalized;
    },
    /** Hears each list of newly final blocks, oldest first, until the returned function is called. */
    onFinalized(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** Told of each canonical block the node has. */
    async advance(canonical) {
      const blocks = [];
      for (
        let block = canonical;
        block.number > finalized.number;
        block = await block.parentBlock
      ) {
        if (block.number <= canonical.number - lag) blocks.unshift(block);
      }
      if (blocks.length === 0) return;
      finalized = blocks.at(-1);
      for (const listener of listeners) await listener(blocks);
    },
  };
}
