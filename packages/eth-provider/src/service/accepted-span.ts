import type { Clock } from '@dshackle/core';

/** For so long a refusal is remembered; by then upstreams may be others. */
const memoryMs = 600_000;

/** A lower number in a refusal is something else, of a request or a second. */
const fewestBlocks = 5;

const pair = /(0x[0-9a-f]+|\d+)\s*(?:-|,|\bto\b)\s*(0x[0-9a-f]+|\d+)/i;
const limit = /(?:range|limit|limited|max\w*|up to)[^\d]{0,40}?(\d[\d,]*)(k\b)?/i;

/** A range of heights, both ends included. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** How many blocks upstreams take in one query for logs, as far as they said so by refusing. */
export class AcceptedSpan {
  readonly #clock: Clock;
  #blocks = Number.POSITIVE_INFINITY;
  #untilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Infinite while no refusal is remembered. */
  get blocks(): number {
    return this.#clock.now() < this.#untilMs ? this.#blocks : Number.POSITIVE_INFINITY;
  }

  /**
   * Cuts a range that was refused in two or more, as the refusal's words say or else in halves;
   * `undefined` when that makes more than `most`.
   */
  cut(span: Span, message: string, most: number): readonly Span[] | undefined {
    const told = pair.exec(message);
    const [from, to] = [Number(told?.[1]), Number(told?.[2])];
    if (from === span.from && to >= from && to < span.to) {
      return [
        { from, to },
        { from: to + 1, to: span.to },
      ];
    }
    const count = span.to - span.from + 1;
    const half = Math.ceil(count / 2);
    // What is too many logs in one place, or takes too long there, is few elsewhere.
    if (speaksOfResults(message)) return chunks(span, half);
    const blocks = Math.min(half, limitIn(message) ?? half);
    this.#blocks = Math.min(this.blocks, blocks);
    this.#untilMs = this.#clock.now() + memoryMs;
    return count / blocks > most ? undefined : chunks(span, blocks);
  }
}

/** Does a refusal speak of what was found, or of the time it takes, and not of blocks? */
export function speaksOfResults(message: string): boolean {
  return /results|logs (?:returned|matched)|many logs|size|time|too long|deadline/i.test(message);
}

/** How many blocks a refusal says that are taken; `undefined` when it names no such number. */
export function limitIn(message: string): number | undefined {
  const [, digits, isThousands] = limit.exec(message) ?? [];
  if (digits === undefined) return undefined;
  const blocks = Number(digits.replaceAll(',', '')) * (isThousands ? 1000 : 1);
  return blocks >= fewestBlocks ? blocks : undefined;
}

/** Cuts a range in pieces of so many blocks. */
export function chunks({ from, to }: Span, blocks: number): readonly Span[] {
  const pieces: Span[] = [];
  for (let at = from; at <= to; at += blocks) {
    pieces.push({ from: at, to: Math.min(to, at + blocks - 1) });
  }
  return pieces;
}
