import type { ServiceHost } from '@dshackle/core';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import { blake2, type HeaderHasher } from '../chain/header.ts';
import { judge } from '../chain/verdicts.ts';
import { OperationError } from '../chain-head/operations.ts';
import { archiveItems } from './archive-items.ts';

/** Keys with their values, both in hex. */
export type Entries = readonly (readonly [key: string, value: string])[];

/** What `state_queryStorageAt` answers. */
type StorageChanges = readonly {
  readonly changes: readonly (readonly [key: string, value: string | null])[];
}[];

/** A child trie's key in the main trie begins with these bytes: `:child_storage:default:`. */
const childPrefix = '0x3a6368696c645f73746f726167653a64656661756c743a';

/** Single reads of one page that run at the same time. */
const concurrency = 16;

/**
 * Reads blocks and their state by the calls that upstreams offer: the older `chain_*` and `state_*`
 * calls, which every node has, and those of `archive_v1` where these are missing. Each goes through
 * the whole pipeline, to any upstream that has the block.
 *
 * All methods throw {@link OperationError} for an upstream's error, and `BalancerError` when no
 * answer could be had.
 */
export class StateReader {
  readonly #host: ServiceHost;
  readonly #hasher: HeaderHasher;

  constructor(host: ServiceHost, hasher: HeaderHasher = blake2) {
    this.#host = host;
    this.#hasher = hasher;
  }

  /** The extrinsics of a block in hex. */
  async body(hash: string, signal: AbortSignal): Promise<readonly string[]> {
    if (this.#lacks('chain_getBlock', 'archive_v1_body')) {
      const body = await this.#ask('archive_v1_body', [hash], signal);
      if (Array.isArray(body)) return body as string[];
    } else {
      const found = await this.#ask('chain_getBlock', [hash], signal);
      const { block } = (found ?? {}) as { block?: { extrinsics: string[] } };
      if (block) return block.extrinsics;
    }
    throw new OperationError('nobody has the body of the block', true);
  }

  /** What the runtime answers to a call, in hex. */
  async call(hash: string, name: string, input: string, signal: AbortSignal): Promise<string> {
    if (!this.#lacks('state_call', 'archive_v1_call')) {
      return (await this.#ask('state_call', [name, input, hash], signal)) as string;
    }
    const outcome = await this.#ask('archive_v1_call', [hash, name, input], signal);
    const { value, error } = (outcome ?? {}) as { value?: string; error?: string };
    if (value !== undefined) return value;
    throw new OperationError(error ?? 'nobody has the state of the block', error === undefined);
  }

  /** The value of a key; `null` when there is none. `child` is the key of a child trie. */
  async value(
    hash: string,
    child: string | null,
    key: string,
    signal: AbortSignal,
  ): Promise<string | null> {
    const found =
      child === null
        ? await this.#ask('state_getStorage', [key, hash], signal)
        : await this.#ask('childstate_getStorage', [childKey(child), key, hash], signal);
    return found as string | null;
  }

  /** The hash of the value of a key; `null` when there is none. */
  async valueHash(
    hash: string,
    child: string | null,
    key: string,
    signal: AbortSignal,
  ): Promise<string | null> {
    const method = child === null ? 'state_getStorageHash' : 'childstate_getStorageHash';
    if (this.#host.offers(method)) {
      const params = child === null ? [key, hash] : [childKey(child), key, hash];
      return (await this.#ask(method, params, signal)) as string | null;
    }
    const value = await this.value(hash, child, key, signal);
    return value === null ? null : u8aToHex(this.#hasher(hexToU8a(value)));
  }

  /** At most `count` keys that begin with `prefix` and come after `after`, in order. */
  async keys(
    hash: string,
    child: string | null,
    prefix: string,
    count: number,
    after: string | null,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const page = [prefix, count, after, hash];
    const found =
      child === null
        ? await this.#ask('state_getKeysPaged', page, signal)
        : await this.#ask('childstate_getKeysPaged', [childKey(child), ...page], signal);
    return found as string[];
  }

  /** The values of these keys, read one by one; without those that have none. */
  values(
    hash: string,
    child: string | null,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<Entries> {
    return eachOf(keys, (key) => this.value(hash, child, key, signal));
  }

  /**
   * The values of these keys by one call; `undefined` where no upstream gives them so: nodes and
   * proxies may list the call and give it to nobody, or find the answer too big.
   */
  async valuesTogether(
    hash: string,
    child: string | null,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<Entries | undefined> {
    if (child !== null || !this.#host.offers('state_queryStorageAt')) return undefined;
    const reply = await this.#host.forward('state_queryStorageAt', [keys, hash], { signal });
    if (reply.kind === 'error') return undefined;
    const changes = (JSON.parse(reply.result) as StorageChanges).flatMap((set) => set.changes);
    return changes.flatMap(([key, value]) => pair(key, value));
  }

  /** The hashes of the values of these keys; without those that have none. */
  hashes(
    hash: string,
    child: string | null,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<Entries> {
    return eachOf(keys, (key) => this.valueHash(hash, child, key, signal));
  }

  /**
   * The Merkle value of the trie's node at a key, or of its closest descendant; `null` when there is
   * none. Only upstreams with `archive_v1_storage` tell it: by the older calls it would take a proof
   * of the key and a walk through its nodes.
   */
  async merkleValue(
    hash: string,
    child: string | null,
    key: string,
    signal: AbortSignal,
  ): Promise<string | null> {
    const type = 'closestDescendantMerkleValue';
    if (!this.#host.offers('archive_v1_storage', true)) {
      throw new OperationError(`${type} needs an upstream with archive_v1_storage`, false);
    }
    const items = await archiveItems(this.#host, [hash, [{ key, type }], child], signal);
    return items.find((item) => item[type] !== undefined)?.[type] ?? null;
  }

  #lacks(older: string, newer: string): boolean {
    return !this.#host.offers(older) && this.#host.offers(newer);
  }

  async #ask(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    const reply = await this.#host.forward(method, params, { signal });
    if (reply.kind === 'result') return JSON.parse(reply.result) as unknown;
    const isInaccessible = judge(reply.error).action !== 'return';
    throw new OperationError(reply.error.message, isInaccessible);
  }
}

function childKey(key: string): string {
  return `${childPrefix}${key.slice(2)}`;
}

function pair(key: string, value: string | null): Entries {
  return value === null ? [] : [[key, value]];
}

/** Reads one by one, a few at a time, and keeps the order. */
async function eachOf(
  keys: readonly string[],
  read: (key: string) => Promise<string | null>,
): Promise<Entries> {
  const found: (string | null)[] = new Array(keys.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < keys.length; i = next++) found[i] = await read(keys[i] as string);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, keys.length) }, work));
  return keys.flatMap((key, i) => pair(key, found[i] ?? null));
}
