import {
  BalancerError,
  type Block,
  type ErrorReply,
  errorReply,
  type RawJson,
  type Reply,
  type ServiceHost,
  TimeoutError,
} from '@dshackle/core';
import { asksForLess } from '../chain/verdicts.ts';
import { type AcceptedSpan, chunks, type Span } from './accepted-span.ts';
import type { ResolvedLogOptions } from './log-options.ts';

/** So often a reorganisation may make a part of one query be read again. */
const maxRounds = 4;

/** What {@link SplitQuery} is made of. */
export interface SplitQueryOptions {
  readonly host: ServiceHost;
  readonly options: ResolvedLogOptions;
  readonly accepted: AcceptedSpan;
  readonly ask: (span: Span, signal: AbortSignal) => Promise<Reply>;
  readonly span: Span;
  /** The head that the range was made of. */
  readonly best: Block;
  readonly signal: AbortSignal | undefined;
}

/** One part of the range, and the text of its logs. */
interface Part {
  readonly span: Span;
  readonly reply: Extract<Reply, { kind: 'result' }>;
}

/**
 * One query for the logs of a range, in as many calls as it takes: several at a time, cut where upstreams
 * ask for less, joined in order, and all of one chain: what a reorganisation reaches is read again.
 */
export class SplitQuery {
  readonly #options: SplitQueryOptions;
  readonly #stop = new AbortController();
  /** What is still to be asked for, the highest first. */
  #todo: Span[];
  #done: Part[] = [];
  #isSplit: boolean;
  #calls = 0;
  #chars = 0;
  /** The error that is the answer to all of it. */
  #error: ErrorReply | undefined;
  #isLate = false;

  constructor(options: SplitQueryOptions) {
    this.#options = options;
    const { host, span, accepted } = options;
    const blocks = Math.min(accepted.blocks, host.widestRange, span.to - span.from + 1);
    this.#todo = this.#exceeds(span, blocks) ? [] : [...chunks(span, blocks)].reverse();
    this.#isSplit = this.#todo.length > 1;
  }

  /** @throws BalancerError when no answer could be had, or not in time */
  async run(): Promise<Reply> {
    const { host, options, signal } = this.#options;
    const onAbort = (): void => this.#stop.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = host.clock.setTimeout(() => {
      this.#isLate = true;
      this.#stop.abort();
    }, options.deadlineMs);
    try {
      return await this.#answer();
    } catch (error) {
      this.#stop.abort();
      if (!this.#isLate) throw error;
      const message = `eth_getLogs: not all parts were answered in ${options.deadlineMs} ms`;
      throw new TimeoutError(message, { cause: error });
    } finally {
      host.clock.clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #answer(): Promise<Reply> {
    let { best } = this.#options;
    for (let round = 0; round < maxRounds; round += 1) {
      await this.#askAll();
      if (this.#error) return this.#error;
      const now = this.#options.host.best ?? best;
      if (!this.#reopen(best, now)) return this.#joined();
      best = now;
    }
    throw new BalancerError('transport', 'eth_getLogs: the chain changed while it was read', {
      origin: 'upstream',
    });
  }

  #askAll(): Promise<void> {
    const { parallel } = this.#options.options;
    let running = 0;
    return new Promise((resolve, reject) => {
      const pump = (): void => {
        while (running < parallel && this.#todo.length > 0 && !this.#error) {
          running += 1;
          this.#askFor(this.#todo.pop() as Span).then(() => {
            running -= 1;
            pump();
          }, reject);
        }
        if (running === 0) resolve();
      };
      pump();
    });
  }

  async #askFor(span: Span): Promise<void> {
    this.#calls += 1;
    if (this.#calls > this.#options.options.maxCalls) {
      this.#failForCalls();
      return;
    }
    let reply: Reply;
    try {
      reply = await this.#options.ask(span, this.#stop.signal);
    } catch (error) {
      // Given up, because the answer is known by now.
      if (this.#error) return;
      throw error;
    }
    if (this.#error) return;
    if (reply.kind === 'result') {
      this.#keep({ span, reply });
      return;
    }
    const words = asksForLess(reply.error);
    if (words !== undefined && span.from < span.to) this.#cut(span, words);
    else this.#end(reply);
  }

  #keep(part: Part): void {
    const { maxChars } = this.#options.options;
    this.#chars += part.reply.result.length;
    // A single call has an answer of its size in any case.
    if (this.#chars > maxChars && this.#isSplit) {
      const message = `query exceeds ${maxChars} characters of logs: narrow the range`;
      this.#end(limitExceeded(message));
      return;
    }
    this.#done.push(part);
  }

  #cut(span: Span, words: string): void {
    const left = this.#options.options.maxCalls - this.#calls;
    const spans = this.#options.accepted.cut(span, words, left);
    if (spans === undefined || spans.length > left) {
      this.#failForCalls();
      return;
    }
    this.#isSplit = true;
    this.#todo.push(...[...spans].reverse());
  }

  /** Are that many calls too many? Known before they are made. */
  #exceeds({ from, to }: Span, blocks: number): boolean {
    if (Math.ceil((to - from + 1) / blocks) <= this.#options.options.maxCalls) return false;
    this.#failForCalls();
    return true;
  }

  #failForCalls(): void {
    const { maxCalls } = this.#options.options;
    this.#end(limitExceeded(`query needs more than ${maxCalls} calls: narrow the range`));
  }

  #end(error: ErrorReply): void {
    this.#error ??= error;
    this.#stop.abort();
  }

  /** Lets go of what a reorganisation has reached since it was asked for; false when that is nothing. */
  #reopen(then: Block, now: Block): boolean {
    const { host } = this.#options;
    // One call is one node's word at one moment.
    if (!this.#isSplit || then.hash === now.hash) return false;
    const path = host.path(then.hash, now.hash);
    const lowest = path
      ? (path.retracted.at(-1)?.number ?? Number.POSITIVE_INFINITY)
      : (host.finalized?.number ?? -1) + 1;
    const reached = this.#done.filter(({ span }) => span.to >= lowest);
    this.#done = this.#done.filter(({ span }) => span.to < lowest);
    for (const { span, reply } of reached) {
      this.#chars -= reply.result.length;
      this.#todo.push(span);
    }
    return reached.length > 0;
  }

  #joined(): Reply {
    const parts = this.#done.sort((a, b) => a.span.from - b.span.from);
    const [only] = parts;
    if (!this.#isSplit && only) return only.reply;
    const lists: RawJson[] = [];
    for (const { span, reply } of parts) {
      const items = itemsOf(reply.result);
      if (items === undefined) {
        const message = `eth_getLogs: no list for blocks ${span.from} to ${span.to}`;
        throw new BalancerError('transport', message, { origin: 'upstream' });
      }
      if (items !== '') lists.push(items);
    }
    return { kind: 'result', result: `[${lists.join(',')}]` };
  }
}

/** What callers are told when their query is beyond the balancer's bounds (EIP-1474: limit exceeded). */
function limitExceeded(message: string): ErrorReply {
  return errorReply({ code: -32_005, message });
}

/** The text of a list without its brackets; `undefined` when it is no list. */
function itemsOf(result: RawJson): RawJson | undefined {
  const text = result.trim();
  return text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1).trim() : undefined;
}
