import type { Clock, TimerHandle } from './clock.ts';

/** An opaque handle of a pending deadline. */
export type DeadlineHandle = object;

/** Told when a deadline has passed; an object where a function for each deadline costs too much. */
export interface Alarm {
  ring(): void;
}

/** A pending deadline; doubles as its handle. Linked into its slot, so that leaving is one step. */
interface Deadline {
  readonly callback: (() => void) | Alarm;
  slot: Slot | undefined;
  previous: Deadline | undefined;
  next: Deadline | undefined;
}

/** All deadlines that end at one instant. */
interface Slot {
  readonly dueAtMs: number;
  first: Deadline | undefined;
  last: Deadline | undefined;
}

/** No deadline is kept more exactly than this. */
const finestMs = 10;
/** A deadline may be late by its own length divided by this. */
const slotsPerDelay = 64;
/** The longest delay a real timer takes; past it Node fires at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Deadlines for thousands of calls on a single timer of the clock.
 *
 * Nearly every call is answered long before its deadline, so adding and cancelling must cost next
 * to nothing, while firing exactly on time matters to nobody. As in the timing wheels of G. Varghese
 * and T. Lauck ("Hashed and Hierarchical Timing Wheels", SOSP 1987) time is cut into slots, coarser
 * for longer delays:
 *
 * 1. The slot's width is the largest 10 ms × 2^k that is at most delay / 64, and 10 ms at least.
 * 2. A deadline goes to the slot that ends at or after its instant: never early, late by less than
 *    the slot's width. 30 s end at most 320 ms late.
 * 3. The one timer is set to the earliest slot. Cancelling leaves it alone: should it fire for an
 *    empty slot, it goes on to the next that is not, or rests when nothing is pending.
 *
 * Slots live in a sorted list: at most 128 for each width, a few hundred in practice.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Slot>();
  /** The ends of all slots, latest first, so that the earliest leaves at the cheap end. */
  readonly #dueTimes: number[] = [];
  #timer: TimerHandle;
  /** When the timer will fire; infinite when it is not set. */
  #timerAtMs = Number.POSITIVE_INFINITY;
  #size = 0;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Deadlines pending. */
  get size(): number {
    return this.#size;
  }

  /**
   * Calls `callback` once after `delayMs`, or a little later (see above); less than 1 ms counts as
   * 1 ms. What it throws is thrown again in a microtask of its own, so that it cannot hold up the
   * others. After `close()` nothing is ever called.
   *
   * @param nowMs the time, where the caller has just read the clock: that is most of what
   *   this costs. @default the clock's
   * @throws RangeError when the delay is not a finite number
   */
  add(
    delayMs: number,
    callback: (() => void) | Alarm,
    nowMs: number = this.#clock.now(),
  ): DeadlineHandle {
    if (!Number.isFinite(delayMs)) throw new RangeError(`no deadline after ${delayMs} ms`);
    const deadline: Deadline = { callback, slot: undefined, previous: undefined, next: undefined };
    if (this.#closed) return deadline;
    const widthMs = slotWidth(delayMs);
    // At least 1 ms, or a callback that adds itself again would find its own slot still firing.
    const endMs = nowMs + Math.max(1, delayMs);
    const slot = this.#slotAt(Math.ceil(endMs / widthMs) * widthMs);
    deadline.slot = slot;
    deadline.previous = slot.last;
    if (slot.last) slot.last.next = deadline;
    else slot.first = deadline;
    slot.last = deadline;
    this.#size++;
    if (slot.dueAtMs < this.#timerAtMs) this.#arm(slot.dueAtMs, nowMs);
    return deadline;
  }

  /** Drops a pending deadline; does nothing when it has passed or was dropped. */
  cancel(handle: DeadlineHandle): void {
    const deadline = handle as Deadline;
    const { slot, previous, next } = deadline;
    if (slot === undefined) return;
    if (previous) previous.next = next;
    else slot.first = next;
    if (next) next.previous = previous;
    else slot.last = previous;
    deadline.slot = undefined;
    // An old deadline that still pointed at younger ones would carry them all into the old space.
    deadline.previous = undefined;
    deadline.next = undefined;
    this.#size--;
  }

  /** Forgets all deadlines without calling anybody. */
  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    for (const slot of this.#slots.values()) while (slot.first) this.cancel(slot.first);
    this.#slots.clear();
    this.#dueTimes.length = 0;
  }

  #slotAt(dueAtMs: number): Slot {
    const known = this.#slots.get(dueAtMs);
    if (known) return known;
    const slot: Slot = { dueAtMs, first: undefined, last: undefined };
    this.#slots.set(dueAtMs, slot);
    let low = 0;
    let high = this.#dueTimes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#dueTimes[middle]! > dueAtMs) low = middle + 1;
      else high = middle;
    }
    this.#dueTimes.splice(low, 0, dueAtMs);
    return slot;
  }

  #arm(atMs: number, nowMs: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    const delayMs = Math.min(Math.max(0, atMs - nowMs), longestTimerMs);
    this.#timer = this.#clock.setTimeout(() => this.#fire(), delayMs);
  }

  #fire(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.now();
    for (let dueAtMs = this.#dueTimes.at(-1); dueAtMs !== undefined; ) {
      const slot = this.#slots.get(dueAtMs);
      if (dueAtMs > nowMs && slot?.first) break;
      if (slot) this.#fireSlot(slot);
      this.#dueTimes.pop();
      this.#slots.delete(dueAtMs);
      dueAtMs = this.#dueTimes.at(-1);
    }
    const nextMs = this.#dueTimes.at(-1);
    if (nextMs !== undefined && nextMs < this.#timerAtMs) this.#arm(nextMs, nowMs);
  }

  #fireSlot(slot: Slot): void {
    // Taken one by one from the head: a callback may cancel others of this slot, or close it all.
    for (let deadline = slot.first; deadline; deadline = slot.first) {
      this.cancel(deadline);
      try {
        const { callback } = deadline;
        if (typeof callback === 'function') callback();
        else callback.ring();
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** Step 1 above. */
function slotWidth(delayMs: number): number {
  const wanted = Math.min(delayMs / slotsPerDelay / finestMs, 2 ** 30);
  // 31 − clz32(x) is the binary logarithm of an integer, rounded down. A shift, because `**` here
  // costs more than all the rest of adding a deadline.
  return wanted < 2 ? finestMs : finestMs * (1 << (31 - Math.clz32(wanted)));
}
