import type {
  ErrorReply,
  Reply,
  ServiceHost,
  ServiceSink,
  ServiceSubscribeCall,
  ServiceSubscription,
  Session,
} from '@dshackle/core';
import { u8aToHex } from '@polkadot/util';
import { encodeHeader, parseHeader } from '../chain/header.ts';
import { bytes, flag, hash, hashes, ParamError, text } from '../service/check-params.ts';
import type { StateReader } from '../service/state-reader.ts';
import { type StorageQuery, storageItems, storageQueries } from '../service/storage-items.ts';
import { CodeHashes, codeKey } from './code-hashes.ts';
import { Follow } from './follow.ts';
import { FollowClient } from './follow-client.ts';
import type { ResolvedLimits } from './limits.ts';
import { type OperationRun, weightOf } from './operations.ts';
import { followErrors, limitReached, nothing, result } from './replies.ts';
import { Runtimes } from './runtimes.ts';

/** The params of a call, less the id of its follow. */
type Params = readonly unknown[];

/**
 * `chainHead_v1` for any number of clients over the whole pool. Ids mean something only to the
 * client that got them; what names any other is answered as what has stopped.
 */
export class ChainHead {
  readonly #host: ServiceHost;
  readonly #limits: ResolvedLimits;
  readonly #reader: StateReader;
  readonly #codeHashes: CodeHashes;
  readonly #runtimes: Runtimes;
  readonly #clients = new WeakMap<Session, FollowClient>();
  readonly #follows = new Set<Follow>();
  readonly #stops: readonly (() => void)[];
  readonly #closing = new AbortController();
  /** Where blocks came since follows were told last; infinite when none did. */
  #lowestNew = Number.POSITIVE_INFINITY;
  #isScheduled = false;

  constructor(host: ServiceHost, reader: StateReader, limits: ResolvedLimits) {
    this.#host = host;
    this.#limits = limits;
    this.#reader = reader;
    this.#codeHashes = new CodeHashes(reader, this.#closing.signal);
    this.#runtimes = new Runtimes(host, () => this.#schedule());
    this.#stops = [
      host.onBlock(({ number }) => {
        if (number < this.#lowestNew) this.#lowestNew = number;
        this.#schedule();
      }),
      host.onChange(() => this.#schedule()),
    ];
  }

  /**
   * Answers one of the calls that name a follow.
   * @throws ParamError when the params are not what the method takes
   */
  answer(method: string, [followId, ...rest]: Params, session: Session | undefined): Reply {
    const id = text('followSubscription', followId);
    const follow = session && this.#clients.get(session)?.get(id);
    switch (method) {
      case 'chainHead_v1_header':
        return this.#header(follow, rest);
      case 'chainHead_v1_body':
        return this.#body(follow, rest);
      case 'chainHead_v1_call':
        return this.#call(follow, rest);
      case 'chainHead_v1_storage':
        return this.#storage(follow, rest);
      case 'chainHead_v1_unpin':
        return unpin(follow, rest);
      case 'chainHead_v1_continue':
        return goOn(follow, rest);
      case 'chainHead_v1_stopOperation':
        return stopOperation(follow, rest);
      default:
        throw new Error(`${method} is none of chainHead_v1`);
    }
  }

  /**
   * Begins a follow.
   * @throws ParamError when the params are not what the method takes
   */
  follow(call: ServiceSubscribeCall, sink: ServiceSink): ServiceSubscription | ErrorReply {
    const { client: session, params, id } = call;
    const withRuntime = flag('withRuntime', params[0]);
    if (!session) throw new ParamError('a follow needs a client of its own');
    const client = this.#clientOf(session);
    if (client.size >= this.#limits.maxFollows) return followErrors.tooManyFollows;
    const follow = new Follow({
      id,
      withRuntime,
      host: this.#host,
      runtimes: this.#runtimes,
      client,
      session,
      sink,
      onEnd: (ended) => this.#follows.delete(ended),
    });
    client.add(id, follow);
    this.#follows.add(follow);
    return follow;
  }

  /** Ends all. */
  close(): void {
    for (const stop of this.#stops) stop();
    for (const follow of [...this.#follows]) follow.close();
    this.#runtimes.close();
    this.#closing.abort();
  }

  #clientOf(session: Session): FollowClient {
    let client = this.#clients.get(session);
    if (!client) {
      client = new FollowClient(this.#host.clock, this.#limits);
      this.#clients.set(session, client);
    }
    return client;
  }

  /** Tells follows once for all that happens in one turn. */
  #schedule(): void {
    if (this.#isScheduled || this.#follows.size === 0) {
      // Whoever comes later looks at everything by itself.
      if (this.#follows.size === 0) this.#lowestNew = Number.POSITIVE_INFINITY;
      return;
    }
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      const lowestNew = this.#lowestNew;
      this.#lowestNew = Number.POSITIVE_INFINITY;
      for (const follow of [...this.#follows]) follow.advance(lowestNew);
    });
  }

  #header(follow: Follow | undefined, [at]: Params): Reply {
    const wanted = hash('hash', at);
    if (!follow) return nothing;
    const block = follow.pin(wanted);
    if (!block) return followErrors.notPinned;
    return result(JSON.stringify(u8aToHex(encodeHeader(parseHeader(block.header)))));
  }

  #body(follow: Follow | undefined, [at]: Params): Reply {
    const block = hash('hash', at);
    return begin(follow, block, 1, async ({ signal, tell }) => {
      tell('operationBodyDone', { value: await this.#reader.body(block, signal) });
    });
  }

  #call(follow: Follow | undefined, [at, name, input]: Params): Reply {
    const block = hash('hash', at);
    const entry = text('function', name);
    const given = bytes('callParameters', input);
    if (follow && !follow.withRuntime) return followErrors.noRuntime;
    const weight = weightOf(entry.length + given.length);
    return begin(follow, block, weight, async ({ signal, tell }) => {
      tell('operationCallDone', { output: await this.#reader.call(block, entry, given, signal) });
    });
  }

  #storage(follow: Follow | undefined, [at, items, childTrie]: Params): Reply {
    const block = hash('hash', at);
    const queries = storageQueries(items);
    const isMain = childTrie === undefined || childTrie === null;
    const child = isMain ? null : bytes('childTrie', childTrie);
    if (!follow) return limitReached;
    if (!follow.pin(block)) return followErrors.notPinned;
    const { operations } = follow;
    let weight = 0;
    let count = 0;
    for (const { key } of queries) {
      const more = weight + weightOf(key.length);
      if (!operations.fits(more)) break;
      weight = more;
      count += 1;
    }
    if (count === 0 && (queries.length > 0 || !operations.fits(1))) return limitReached;
    const run = this.#readStorage(block, child, queries.slice(0, count));
    const operationId = operations.start(weight, run);
    const discardedItems = queries.length - count;
    return result(JSON.stringify({ result: 'started', operationId, discardedItems }));
  }

  /** Tells what single keys hold at once, and the descendants of each key a page at a time. */
  #readStorage(at: string, child: string | null, queries: readonly StorageQuery[]): OperationRun {
    return async ({ signal, tell, untilContinue }) => {
      const place = { at, child, signal };
      let isFirst = true;
      for (const query of queries) {
        if (child === null && query.key === codeKey && query.type === 'hash') {
          const found = await this.#codeHashes.at(at);
          if (found !== null)
            tell('operationStorageItems', { items: [{ key: codeKey, hash: found }] });
          continue;
        }
        for await (const items of storageItems(this.#reader, place, query)) {
          if (signal.aborted) return;
          const isPaged = query.type.startsWith('descendants');
          if (isPaged && !isFirst) await untilContinue();
          isFirst &&= !isPaged;
          tell('operationStorageItems', { items });
        }
      }
      tell('operationStorageDone');
    };
  }
}

/** Begins an operation on a pinned block. */
function begin(
  follow: Follow | undefined,
  block: string,
  weight: number,
  run: OperationRun,
): Reply {
  if (!follow) return limitReached;
  if (!follow.pin(block)) return followErrors.notPinned;
  if (!follow.operations.fits(weight)) return limitReached;
  const operationId = follow.operations.start(weight, run);
  return result(JSON.stringify({ result: 'started', operationId }));
}

/** All or none. */
function unpin(follow: Follow | undefined, [hashOrHashes]: Params): Reply {
  const given = hashes('hashOrHashes', hashOrHashes);
  if (!follow) return nothing;
  if (new Set(given).size < given.length) return followErrors.duplicateHashes;
  if (given.some((each) => !follow.pin(each))) return followErrors.notPinned;
  follow.unpin(given);
  return nothing;
}

function stopOperation(follow: Follow | undefined, [operationId]: Params): Reply {
  const id = text('operationId', operationId);
  follow?.operations.stop(id);
  return nothing;
}

function goOn(follow: Follow | undefined, [operationId]: Params): Reply {
  const id = text('operationId', operationId);
  const outcome = follow?.operations.continue(id);
  return outcome === 'not waiting' ? followErrors.notWaiting : nothing;
}
