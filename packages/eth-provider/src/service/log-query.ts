import {
  type Block,
  type ForwardOptions,
  type Reply,
  RpcResponseError,
  type ServiceHost,
  Session,
} from '@dshackle/core';
import { headOfTag } from '../chain/block-params.ts';
import { isHash, toNumber, toQuantity } from '../chain/header.ts';
import { asksForLess } from '../chain/verdicts.ts';
import { AcceptedSpan, type Span } from './accepted-span.ts';
import type { LogTexts } from './block-logs.ts';
import type { Blooms } from './blooms.ts';
import { type LogFilter, readLogFilter } from './log-filter.ts';
import type { ResolvedLogOptions } from './log-options.ts';
import { ParamError } from './param-error.ts';
import { SplitQuery } from './split-query.ts';

/** A filter object as the caller wrote it. */
type FilterObject = Readonly<Record<string, unknown>>;

/**
 * Answers `eth_getLogs`. The range is sent whole first, or in pieces of what upstreams are known to take;
 * what they refuse as too much is cut, and the answers are joined as text. Heads are filled in with the
 * pool's. Whatever is not understood goes to an upstream as it is written, whose own error comes back.
 */
export class LogQuery {
  readonly #host: ServiceHost;
  readonly #blooms: Blooms;
  readonly #options: ResolvedLogOptions;
  readonly #accepted: AcceptedSpan;

  constructor(host: ServiceHost, blooms: Blooms, options: ResolvedLogOptions) {
    this.#host = host;
    this.#blooms = blooms;
    this.#options = options;
    this.#accepted = new AcceptedSpan(host.clock);
  }

  /** @throws BalancerError when no answer could be had */
  answer(params: readonly unknown[], options: ForwardOptions): Promise<Reply> | Reply {
    const [filter] = params;
    const { best } = this.#host;
    const isPlain = typeof filter === 'object' && filter !== null && !Array.isArray(filter);
    if (!isPlain || params.length !== 1) return this.#asWritten(params, options);
    if (this.#isRuledOut(filter as FilterObject)) return { kind: 'result', result: '[]' };
    const span = best && this.#spanOf(filter as FilterObject, best);
    // The upstream that showed the client a newer block may be gone: the engine waits for another.
    const isBehind = (options.session?.seen ?? -1) > (best?.number ?? -1);
    if (span === undefined || best === undefined || isBehind) {
      return this.#asWritten(params, options);
    }
    return this.#range(filter as FilterObject, span, best, options);
  }

  /**
   * The logs of a range, which the pool's best chain has.
   *
   * @throws RpcResponseError when that is what upstreams answer
   * @throws BalancerError when no answer could be had
   */
  async read(filter: LogFilter, span: Span): Promise<LogTexts> {
    const { best } = this.#host;
    if (best === undefined || span.from > span.to) return [];
    const reply = await this.#range(filter.criteria as FilterObject, span, best, {});
    if (reply.kind === 'error') throw new RpcResponseError(reply.error);
    const logs = JSON.parse(reply.result) as readonly unknown[] | null;
    if (!Array.isArray(logs)) throw new Error(`logs of a range are ${reply.result.slice(0, 80)}`);
    return logs.map((log) => JSON.stringify(log));
  }

  #asWritten(params: readonly unknown[], options: ForwardOptions): Promise<Reply> {
    return this.#host.forward('eth_getLogs', params, options);
  }

  /** Nobody need be asked for what a known block surely has not. */
  #isRuledOut(filter: FilterObject): boolean {
    const { blockHash, fromBlock, toBlock } = filter;
    if (!isHash(blockHash) || fromBlock !== undefined || toBlock !== undefined) return false;
    const block = this.#host.block(blockHash.toLowerCase());
    if (block === undefined) return false;
    try {
      return this.#blooms.ruleOut(block, readLogFilter(filter));
    } catch (error) {
      if (error instanceof ParamError) return false;
      throw error;
    }
  }

  /** `undefined` for what only a node can say something about. */
  #spanOf({ blockHash, fromBlock, toBlock }: FilterObject, best: Block): Span | undefined {
    if (blockHash !== undefined) return undefined;
    const [from, to] = [this.#heightOf(fromBlock, best), this.#heightOf(toBlock, best)];
    return from === undefined || to === undefined ? undefined : { from, to };
  }

  #heightOf(param: unknown, best: Block): number | undefined {
    if (param === 'earliest') return 0;
    const name = headOfTag(param);
    if (name === undefined) return toNumber(param);
    return name === 'best' ? best.number : this.#host[name]?.number;
  }

  async #range(
    filter: FilterObject,
    span: Span,
    best: Block,
    options: ForwardOptions,
  ): Promise<Reply> {
    const ask = ({ from, to }: Span, signal: AbortSignal | undefined): Promise<Reply> => {
      const query = { ...filter, fromBlock: toQuantity(from), toBlock: toQuantity(to) };
      return this.#host.forward('eth_getLogs', [query], { ...options, ...(signal && { signal }) });
    };
    const end = Math.min(span.to, best.number);
    let reply: Reply;
    if (span.from > end) {
      // Nothing of it is there: what nodes say of that is their own matter.
      reply = await ask(span, options.signal);
    } else if (span.to > end) {
      reply = await this.#beyondHead(filter, span, best, options);
    } else {
      reply = await this.#split(span, best, ask, options);
    }
    if (reply.kind === 'result') options.session?.observe(end);
    return reply;
  }

  /** Asks once as it is written; if that is too much, for what there is. */
  async #beyondHead(
    filter: FilterObject,
    span: Span,
    best: Block,
    options: ForwardOptions,
  ): Promise<Reply> {
    // Of a node that lacks the best block the answer would be shorter.
    const upToDate = new Session();
    upToDate.observe(best.number);
    const query = { ...filter, fromBlock: toQuantity(span.from), toBlock: toQuantity(span.to) };
    const reply = await this.#host.forward('eth_getLogs', [query], {
      ...options,
      session: upToDate,
    });
    if (reply.kind !== 'error' || asksForLess(reply.error) === undefined) return reply;
    return this.#range(filter, { from: span.from, to: best.number }, best, options);
  }

  #split(
    span: Span,
    best: Block,
    ask: (span: Span, signal: AbortSignal | undefined) => Promise<Reply>,
    { signal, deadlineMs = this.#options.deadlineMs }: ForwardOptions,
  ): Promise<Reply> {
    const query = new SplitQuery({
      host: this.#host,
      options: { ...this.#options, deadlineMs },
      accepted: this.#accepted,
      ask,
      span,
      best,
      signal,
    });
    return query.run();
  }
}
