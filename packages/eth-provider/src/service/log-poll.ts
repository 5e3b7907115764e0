import {
  type Block,
  delay,
  isBalancerError,
  type RawJson,
  type ServiceHost,
  type Session,
} from '@dshackle/core';
import { toNumber } from '../chain/header.ts';
import type { Span } from './accepted-span.ts';
import { type BlockLogs, type LogTexts, takenBack } from './block-logs.ts';
import { FilterLost, type FilterPoll } from './filter-poll.ts';
import { type LogFilter, readLogFilter } from './log-filter.ts';
import { ParamError } from './param-error.ts';

/** How many blocks' logs are read at a time. */
const parallel = 8;
/** How often they are tried for one question, and the pause in between, in milliseconds. */
const maxTries = 5;
const againMs = 200;

/** What {@link LogPoll} is made of. */
export interface LogPollOptions {
  readonly host: ServiceHost;
  readonly logs: BlockLogs;
  /** Reads the logs of a range of heights. */
  readonly readRange: (filter: LogFilter, span: Span) => Promise<LogTexts>;
  /** The filter object of `eth_newFilter`. */
  readonly param: unknown;
}

/**
 * A filter of logs: those of the blocks that came to the best chain since it was last asked, after those
 * of the blocks that were taken back, with `removed: true`.
 */
export class LogPoll implements FilterPoll {
  readonly query: unknown;
  readonly #options: LogPollOptions;
  readonly #stop = new AbortController();
  readonly #filter: LogFilter;
  readonly #span: Span;
  #at: Block | undefined;
  /** Nothing was told of blocks up to this height. */
  #floor: number;

  /** @throws ParamError when the filter object is not what nodes take */
  constructor(options: LogPollOptions) {
    this.#options = options;
    this.#filter = readLogFilter(options.param);
    this.#span = readSpan(options.param);
    this.query = options.param ?? {};
    this.#at = options.host.best;
    this.#floor = this.#at?.number ?? -1;
  }

  async changes(client: Session | undefined): Promise<readonly RawJson[]> {
    const { host } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#read(client);
      } catch (error) {
        // What the engine could not have, it has tried for long enough.
        if (error instanceof FilterLost || isBalancerError(error) || tries >= maxTries) throw error;
        // Those that have the newest block may be changing over to another one.
        await delay(host.clock, againMs, this.#stop.signal);
      }
    }
  }

  async #read(client: Session | undefined): Promise<readonly RawJson[]> {
    const { host, readRange } = this.#options;
    const { best } = host;
    const from = this.#at;
    if (best === undefined || from?.hash === best.hash) return [];
    if (from === undefined) {
      this.#at = best;
      this.#floor = best.number;
      return [];
    }
    const path = host.path(from.hash, best.hash);
    // Best stepped back with an upstream that went: its blocks are not taken back until others come.
    if (path?.applied.length === 0) return [];
    const told: LogTexts[] = [];
    if (path === undefined) {
      const span = {
        from: Math.max(this.#span.from, from.number + 1),
        to: Math.min(this.#span.to, best.number),
      };
      told.push(await readRange(this.#filter, span));
    } else {
      for (const block of path.retracted) told.push(takenBack(await this.#lost(block)));
      for (let at = 0; at < path.applied.length; at += parallel) {
        const blocks = path.applied.slice(at, at + parallel);
        told.push(...(await Promise.all(blocks.map((block) => this.#logsOf(block)))));
      }
    }
    this.#at = best;
    const lowest = path?.retracted.at(-1)?.number;
    if (lowest !== undefined) this.#floor = Math.min(this.#floor, lowest - 1);
    client?.observe(best.number);
    return told.flat();
  }

  close(): void {
    this.#stop.abort();
  }

  #logsOf(block: Block): Promise<LogTexts> {
    const { from, to } = this.#span;
    if (block.number < from || block.number > to) return Promise.resolve([]);
    return this.#options.logs.read(this.#filter, block);
  }

  async #lost(block: Block): Promise<LogTexts> {
    if (block.number <= this.#floor) return [];
    try {
      return await this.#logsOf(block);
    } catch (cause) {
      throw new FilterLost(`nobody has the logs of block ${block.hash} any more`, { cause });
    }
  }
}

/** The heights that it is about; heads stand for no bound. */
function readSpan(param: unknown): Span {
  const { blockHash, fromBlock, toBlock } = (param ?? {}) as Readonly<Record<string, unknown>>;
  if (blockHash !== undefined) throw new ParamError('invalid argument 0: blockHash in a filter');
  const from = readBound(fromBlock) ?? 0;
  const to = readBound(toBlock) ?? Number.POSITIVE_INFINITY;
  if (from > to) throw new ParamError('invalid block range params');
  return { from, to };
}

function readBound(bound: unknown): number | undefined {
  if (bound === undefined || bound === null) return undefined;
  if (bound === 'latest' || bound === 'safe' || bound === 'finalized') return undefined;
  if (bound === 'earliest') return 0;
  const number = toNumber(bound);
  if (number === undefined) {
    throw new ParamError(`invalid argument 0: ${JSON.stringify(bound)} is no block of a filter`);
  }
  return number;
}
