import { type Block, type RawJson, RpcResponseError, type ServiceHost } from '@dshackle/core';
import type { Blooms } from './blooms.ts';
import type { LogFilter } from './log-filter.ts';

/** Blocks' answers kept at most, over all filters. */
const maxKept = 16_384;
/** Characters of them at most, over all filters. */
const maxKeptChars = 2 ** 25;

/** Logs of one block, in their order: the text of each. */
export type LogTexts = readonly RawJson[];

interface Kept {
  readonly logs: LogTexts;
  readonly chars: number;
}

/**
 * The logs of single blocks, by hash. Those who want the same share one call. What was read is kept, so
 * that it can be told again when its block is taken back, by when nodes may have lost it: the 16,384
 * answers read last, of 32 Mi characters together.
 */
export class BlockLogs {
  readonly #host: ServiceHost;
  readonly #blooms: Blooms;
  readonly #kept = new Map<string, Kept>();
  readonly #running = new Map<string, Promise<LogTexts>>();
  #chars = 0;

  constructor(host: ServiceHost, blooms: Blooms) {
    this.#host = host;
    this.#blooms = blooms;
  }

  /** What is known without asking. */
  known(filter: LogFilter, block: Block): LogTexts | undefined {
    return this.#kept.get(keyOf(filter, block))?.logs ?? this.#ruledOut(filter, block);
  }

  /**
   * The block's logs; from whoever has them.
   *
   * @throws RpcResponseError when that is what upstreams answer
   * @throws BalancerError when no answer could be had
   * @throws Error when the answer makes no sense
   */
  read(filter: LogFilter, block: Block): Promise<LogTexts> {
    const known = this.known(filter, block);
    if (known) return Promise.resolve(known);
    const key = keyOf(filter, block);
    const running = this.#running.get(key);
    if (running) return running;
    const reading = this.#fetch(filter, block)
      .then((logs) => {
        this.#keep(key, logs);
        return logs;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, reading);
    return reading;
  }

  #ruledOut(filter: LogFilter, block: Block): LogTexts | undefined {
    return this.#blooms.ruleOut(block, filter) ? none : undefined;
  }

  async #fetch(filter: LogFilter, block: Block): Promise<LogTexts> {
    const params = [{ ...filter.criteria, blockHash: block.hash }];
    const reply = await this.#host.forward('eth_getLogs', params);
    if (reply.kind === 'error') throw new RpcResponseError(reply.error);
    const logs = JSON.parse(reply.result) as readonly { readonly blockHash?: unknown }[] | null;
    if (!Array.isArray(logs)) throw new Error(`block ${block.hash}: its logs are ${reply.result}`);
    // A node that changed over meanwhile may speak of another block.
    for (const { blockHash } of logs) {
      if (String(blockHash).toLowerCase() === block.hash) continue;
      throw new Error(`asked for logs of ${block.hash}, got some of ${String(blockHash)}`);
    }
    if (logs.length === 0 && this.#blooms.promise(block, filter)) {
      throw new Error(`block ${block.hash} must have logs, and nobody has them`);
    }
    return logs.map((log) => JSON.stringify(log));
  }

  #keep(key: string, logs: LogTexts): void {
    let chars = 0;
    for (const log of logs) chars += log.length;
    this.#kept.set(key, { logs, chars });
    this.#chars += chars;
    while (this.#chars > maxKeptChars || this.#kept.size > maxKept) {
      const [oldest] = this.#kept.keys();
      this.#chars -= this.#kept.get(oldest as string)?.chars ?? 0;
      this.#kept.delete(oldest as string);
    }
  }
}

const none: LogTexts = [];

function keyOf(filter: LogFilter, block: Block): string {
  return `${block.hash}${filter.key}`;
}

/** The same logs as they are told of a block that was taken back: the last one first. */
export function takenBack(logs: LogTexts): LogTexts {
  return logs
    .map((log) => JSON.stringify({ ...(JSON.parse(log) as object), removed: true }))
    .reverse();
}
