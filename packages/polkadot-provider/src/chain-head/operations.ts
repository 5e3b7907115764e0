import { isBalancerError } from '@dshackle/core';

/** Why an operation ended without a result: nobody can give it, now (`inaccessible`) or ever. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly isInaccessible: boolean;

  constructor(message: string, isInaccessible: boolean) {
    super(message);
    this.isInaccessible = isInaccessible;
  }
}

/** One operation on its way, as the code that carries it out sees it. */
export interface Operation {
  /** Aborts when the client stops it, or its follow ends. */
  readonly signal: AbortSignal;
  /** Tells the client; `operationId` is added. */
  tell(event: string, members?: object): void;
  /** Tells the client to say when it wants more; resolves when it does, rejects on `signal`. */
  untilContinue(): Promise<void>;
}

/** Carries an operation out; what it throws is told to the client. */
export type OperationRun = (operation: Operation) => Promise<void>;

/** Params of this many characters weigh as much as one operation: what waits is kept in memory. */
const charsPerWeight = 16_384;

/** What an operation weighs whose params have so many characters. */
export function weightOf(chars: number): number {
  return 1 + Math.floor(chars / charsPerWeight);
}

/** Options of {@link Operations}. */
export interface OperationsOptions {
  /** At the same time; further ones wait. */
  readonly maxRunning: number;
  /** Weight that may wait beyond those that run. */
  readonly maxWaiting: number;
  /** Delivers one event. */
  readonly emit: (event: object) => void;
}

interface Entry {
  readonly id: string;
  readonly weight: number;
  readonly run: OperationRun;
  readonly abort: AbortController;
  /** Present while it waits for the client. */
  resume?: (() => void) | undefined;
}

/**
 * The operations of one follow: a bounded number runs, a bounded number waits. Clients that are told
 * `limitReached` try again only when another operation of theirs ends (polkadot-api does), so one is
 * told that only while others are under way.
 */
export class Operations {
  readonly #options: OperationsOptions;
  readonly #live = new Map<string, Entry>();
  readonly #waiting: Entry[] = [];
  #running = 0;
  #load = 0;
  #ids = 0;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** Can this weight be taken now? One operation always can be while there is no other. */
  fits(weight: number): boolean {
    const { maxRunning, maxWaiting } = this.#options;
    return this.#load === 0 || this.#load + weight <= maxRunning + maxWaiting;
  }

  /** Takes one whose weight {@link fits}; gives its id. It begins after this turn. */
  start(weight: number, run: OperationRun): string {
    this.#ids += 1;
    const id = String(this.#ids);
    const entry: Entry = { id, weight, run, abort: new AbortController() };
    this.#live.set(id, entry);
    this.#load += weight;
    this.#waiting.push(entry);
    // The client must have the id before it hears of it.
    queueMicrotask(() => this.#next());
    return id;
  }

  /** Goes on with one that waits for that; `undefined` when there is none with this id. */
  continue(id: string): 'continued' | 'not waiting' | undefined {
    const entry = this.#live.get(id);
    if (!entry) return undefined;
    if (!entry.resume) return 'not waiting';
    entry.resume();
    return 'continued';
  }

  /** Ends one: nothing more is told of it. Does nothing when there is none with this id. */
  stop(id: string): void {
    const entry = this.#live.get(id);
    if (entry) this.#end(entry);
  }

  /** Ends all. */
  close(): void {
    this.#waiting.length = 0;
    for (const entry of [...this.#live.values()]) this.#end(entry);
  }

  #next(): void {
    while (this.#running < this.#options.maxRunning) {
      const entry = this.#waiting.shift();
      if (!entry) return;
      void this.#carryOut(entry);
    }
  }

  async #carryOut(entry: Entry): Promise<void> {
    const { signal } = entry.abort;
    this.#running += 1;
    const tell = (event: string, members: object = {}): void => {
      if (!signal.aborted) this.#options.emit({ event, operationId: entry.id, ...members });
    };
    try {
      await entry.run({ signal, tell, untilContinue: () => untilContinue(entry, tell) });
    } catch (error) {
      tellFailure(error, tell);
    }
    this.#running -= 1;
    this.#end(entry);
    this.#next();
  }

  #end(entry: Entry): void {
    if (!this.#live.delete(entry.id)) return;
    this.#load -= entry.weight;
    const position = this.#waiting.indexOf(entry);
    if (position >= 0) this.#waiting.splice(position, 1);
    entry.abort.abort();
  }
}

function untilContinue(entry: Entry, tell: Operation['tell']): Promise<void> {
  const { signal } = entry.abort;
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => (): void => {
      entry.resume = undefined;
      signal.removeEventListener('abort', onAbort);
      then();
    };
    const onAbort = settle(() => reject(signal.reason));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    entry.resume = settle(resolve);
    tell('operationWaitingForContinue');
    return undefined;
  });
}

function tellFailure(error: unknown, tell: Operation['tell']): void {
  const isOurs = error instanceof OperationError;
  if (isBalancerError(error) || (isOurs && error.isInaccessible)) {
    tell('operationInaccessible');
    return;
  }
  tell('operationError', { error: error instanceof Error ? error.message : String(error) });
}
