import type { BlockId } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { Emitter } from './emitter.ts';
import type { BalancerEvents } from './events.ts';

/** Passes the head's events on without the header bytes that only the feeds need. */
export function tellOfHead(head: ChainHead, events: Emitter<BalancerEvents>): void {
  const id = (block: BlockId): BlockId => ({ number: block.number, hash: block.hash });
  head.events.on('best', (block) => events.emit('best', id(block)));
  head.events.on('finalized', (block) => events.emit('finalized', id(block)));
  head.events.on('stalled', (event) => events.emit('stalled', event));
  head.events.on('resumed', (event) => events.emit('resumed', event));
  head.events.on('finalityViolation', ({ held, taken }) =>
    events.emit('finalityViolation', { held: id(held), taken: id(taken) }),
  );
  head.events.on('reorg', ({ retracted, applied }) => {
    const [from, to] = [retracted[0], applied.at(-1)];
    if (from && to) events.emit('reorg', { depth: retracted.length, from: id(from), to: id(to) });
  });
}
