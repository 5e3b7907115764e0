import {
  BalancerError,
  type ForwardOptions,
  type Reply,
  type ServiceHost,
  type ServiceSink,
  type ServiceSubscription,
} from '@dshackle/core';
import { u8aToHex } from '@polkadot/util';
import { encodeHeader, parseHeader } from '../chain/header.ts';
import { judge } from '../chain/verdicts.ts';
import { bytes, hash, ParamError, text } from './check-params.ts';
import type { StateReader } from './state-reader.ts';
import {
  type StorageItem,
  type StorageQuery,
  storageItems,
  storageQueries,
} from './storage-items.ts';

/**
 * Items of one `archive_v1_storage` at most. There is no way to slow it down by the client's reading;
 * `paginationStartKey` goes on where it ended.
 */
const maxItems = 10_000;

/** `archive_v1` and `chainSpec_v1` by way of the older calls, for pools in which nobody lists them. */
export class Archive {
  readonly #host: ServiceHost;
  readonly #reader: StateReader;

  constructor(host: ServiceHost, reader: StateReader) {
    this.#host = host;
    this.#reader = reader;
  }

  /**
   * Answers one call.
   * @throws ParamError when the params are not what the method takes
   * @throws BalancerError when no answer could be had
   */
  async call(method: string, params: readonly unknown[], options: ForwardOptions): Promise<Reply> {
    switch (method) {
      case 'chainSpec_v1_chainName':
        return this.#host.forward('system_chain', [], options);
      case 'chainSpec_v1_properties':
        return this.#host.forward('system_properties', [], options);
      case 'chainSpec_v1_genesisHash':
      case 'archive_v1_genesisHash':
        return this.#host.forward('chain_getBlockHash', [0], options);
      case 'archive_v1_finalizedHeight':
        return this.#finalizedHeight(options);
      case 'archive_v1_hashByHeight':
        return this.#hashByHeight(params[0], options);
      case 'archive_v1_header':
        return mapped(
          await this.#host.forward('chain_getHeader', [hash('hash', params[0])], options),
          (raw) => JSON.stringify(u8aToHex(encodeHeader(parseHeader(raw)))),
        );
      case 'archive_v1_body':
        return mapped(
          await this.#host.forward('chain_getBlock', [hash('hash', params[0])], options),
          (raw) => {
            const { extrinsics } = (JSON.parse(raw) as SignedBlock).block;
            if (!Array.isArray(extrinsics)) throw new Error('a block without extrinsics');
            return JSON.stringify(extrinsics);
          },
        );
      case 'archive_v1_call':
        return this.#call(params, options);
      default:
        throw new Error(`${method} is not emulated`);
    }
  }

  /**
   * Serves one `archive_v1_storage`.
   * @throws ParamError when the params are not what the method takes
   */
  storage([at, items, childTrie]: readonly unknown[], sink: ServiceSink): ServiceSubscription {
    const block = hash('hash', at);
    const queries = storageQueries(items);
    const isMain = childTrie === undefined || childTrie === null;
    const child = isMain ? null : bytes('childTrie', childTrie);
    const stop = new AbortController();
    const tell = (event: object): void => {
      if (!stop.signal.aborted) sink.onItem(JSON.stringify(event));
    };
    const run = async (): Promise<void> => {
      try {
        const place = { at: block, child, signal: stop.signal };
        await this.#tellItems(queries, place, tell);
        tell({ event: 'storageDone' });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        tell({ event: 'storageError', error: reason });
      }
      if (!stop.signal.aborted) sink.onDone();
    };
    return { start: () => void run(), close: () => stop.abort() };
  }

  async #tellItems(
    queries: readonly StorageQuery[],
    place: { readonly at: string; readonly child: string | null; readonly signal: AbortSignal },
    tell: (event: object) => void,
  ): Promise<void> {
    const childTrieKey = place.child === null ? {} : { childTrieKey: place.child };
    let told = 0;
    for (const query of queries) {
      for await (const items of storageItems(this.#reader, place, query)) {
        if (place.signal.aborted) return;
        for (const item of items) {
          told += 1;
          if (told > maxItems) throw new Error(`more than ${maxItems} items: go on after the last`);
          tell({ event: 'storage', ...(item satisfies StorageItem), ...childTrieKey });
        }
      }
    }
  }

  async #finalizedHeight(options: ForwardOptions): Promise<Reply> {
    // Waits for an upstream, as every call does; by then the pool knows.
    const reply = await this.#host.forward('chain_getFinalizedHead', [], options);
    const height = this.#host.finalized?.number;
    if (reply.kind === 'error' || height !== undefined) {
      return height === undefined ? reply : { kind: 'result', result: String(height) };
    }
    const header = await this.#host.forward('chain_getHeader', [JSON.parse(reply.result)], options);
    return mapped(header, (raw) => String(Number(parseHeader(raw).number)));
  }

  async #hashByHeight(height: unknown, options: ForwardOptions): Promise<Reply> {
    if (!Number.isSafeInteger(height) || Number(height) < 0) {
      throw new ParamError('height must be a number of at least 0');
    }
    const { finalized } = this.#host;
    const known = this.#host.blocksAt(Number(height));
    if (finalized !== undefined && Number(height) > finalized.number && known.length > 0) {
      return { kind: 'result', result: JSON.stringify(known.map((block) => block.hash)) };
    }
    const reply = await this.#host.forward('chain_getBlockHash', [height], options);
    if (reply.kind === 'error') return reply;
    return { kind: 'result', result: reply.result === 'null' ? '[]' : `[${reply.result}]` };
  }

  async #call([at, name, input]: readonly unknown[], options: ForwardOptions): Promise<Reply> {
    const params = [text('function', name), bytes('callParameters', input), hash('hash', at)];
    const reply = await this.#host.forward('state_call', params, options);
    if (reply.kind === 'result') {
      return { kind: 'result', result: `{"success":true,"value":${reply.result}}` };
    }
    const verdict = judge(reply.error);
    if (verdict.action === 'missing' && verdict.lacksBlock)
      return { kind: 'result', result: 'null' };
    if (verdict.action !== 'return') return reply;
    const { message: error } = reply.error;
    return { kind: 'result', result: JSON.stringify({ success: false, error }) };
  }
}

/** What `chain_getBlock` answers. */
interface SignedBlock {
  readonly block: { readonly extrinsics: readonly string[] };
}

/**
 * The same in another form; `null` and errors stay.
 * @throws BalancerError when the upstream's answer is not what it should be
 */
function mapped(reply: Reply, map: (raw: string) => string): Reply {
  if (reply.kind === 'error' || reply.result === 'null') return reply;
  try {
    return { kind: 'result', result: map(reply.result) };
  } catch (cause) {
    const message = 'an upstream gave an answer that cannot be read';
    throw new BalancerError('transport', message, { origin: 'upstream', cause });
  }
}
