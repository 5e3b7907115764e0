/**
 * Rewrites the events of one `chainHead_v1_follow`: it starts at the final block and tells of
 * every block since, once, and of finality and of pruned forks when they come.
 */
export function followEvents(chain, finality, emit) {
  /** Blocks told of that are not older than the final one, by hash. */
  const told = new Map();
  let initialized = false;
  let lastFinal = finality.head.hash;
  // Some steps must look blocks up, and the next event must not overtake them.
  let line = Promise.resolve();
  const inLine = (step) => {
    line = line.then(step).catch((error) => console.error(error));
    return line;
  };

  const initialize = async (event) => {
    const final = finality.head;
    emit({ ...event, finalizedBlockHashes: [final.hash] });
    told.set(final.hash, await position(final));
    lastFinal = final.hash;
    initialized = true;
    const since = [];
    for (let block = chain.head; block.number > final.number; block = await block.parentBlock) {
      since.unshift(await position(block));
    }
    for (const { hash, number, parentHash } of since) {
      told.set(hash, { hash, number, parentHash });
      // This chain never changes its runtime.
      emit({ event: 'newBlock', blockHash: hash, parentBlockHash: parentHash, newRuntime: null });
    }
  };

  const finalize = async (blocks) => {
    const news = blocks.filter(({ hash }) => told.has(hash));
    const final = news.at(-1);
    if (!initialized || !final) return;
    const kept = new Set([final.hash]);
    const gone = [];
    const finals = new Set(news.map(({ hash }) => hash));
    // By height, so that a parent's fate is known before its children's.
    for (const block of [...told.values()].sort((a, b) => a.number - b.number)) {
      if (block.hash === final.hash) continue;
      if (block.number > final.number && kept.has(block.parentHash)) kept.add(block.hash);
      else gone.push(block.hash);
    }
    for (const hash of gone) told.delete(hash);
    emit({
      event: 'finalized',
      finalizedBlockHashes: [...finals],
      // What was final before is gone from the list as well, and is no fork.
      prunedBlockHashes: gone.filter((hash) => !finals.has(hash) && hash !== lastFinal),
    });
    lastFinal = final.hash;
  };

  const handlers = {
    initialized: initialize,
    // Chopsticks says its head is final.
    finalized: () => {},
    newBlock: async (event) => {
      if (!initialized || told.has(event.blockHash)) return;
      const block = await chain.getBlock(event.blockHash);
      told.set(event.blockHash, await position(block));
      emit(event);
    },
    bestBlockChanged: (event) => {
      if (initialized) emit(event);
    },
  };
  return {
    pass: (event) => inLine(() => (handlers[event.event] ?? emit)(event)),
    stop: finality.onFinalized((blocks) => inLine(() => finalize(blocks))),
  };
}

async function position(block) {
  const { parentHash } = await block.header;
  return { number: block.number, hash: block.hash, parentHash: parentHash.toHex() };
}
