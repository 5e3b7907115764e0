import type { Clock, RawJson, Reply, Transport } from '@dshackle/core';
import type { HeaderJson } from '../chain/header.ts';
import type { StorageItem, StorageQuery } from '../service/storage-items.ts';
import type { Budget } from './budget.ts';
import { decodeHeader } from './decode.ts';
import { NodeFollow } from './node-follow.ts';
import { failedCall, notNow, Refusal, unknownBlock } from './refusal.ts';

/** Items that one call may go through; further ones take a call that goes on after a key. */
const maxItems = 20_000;

/** What is asked of the state of one block. */
export interface StateQuery {
  /** Hash of the block. */
  readonly at: string;
  /** Key of a child trie of the default namespace; `null` for the main one. */
  readonly child: string | null;
  readonly key: string;
  readonly type: StorageQuery['type'];
  /** Of descendants: only those after this key, `count` of them at most. */
  readonly page?: { readonly after: string | null; readonly count: number };
}

type ArchiveEvent =
  | ({ readonly event: 'storage' } & StorageItem)
  | { readonly event: 'storageDone' }
  | { readonly event: 'storageError'; readonly error: string };

/**
 * Blocks and their state at a node that has only the new calls. `archive_v1` is asked where the node
 * lists it, as it serves every block; `chainHead_v1` otherwise, for the blocks that our follow has
 * pinned.
 *
 * All methods throw {@link Refusal} when the node cannot tell, and `BalancerError` without an answer.
 */
export class NewApiNode {
  readonly #node: Transport;
  readonly #clock: Clock;
  /** What the node lists. */
  readonly methods: ReadonlySet<string>;
  #follow: NodeFollow | undefined;

  constructor(node: Transport, clock: Clock, methods: ReadonlySet<string>) {
    this.#node = node;
    this.#clock = clock;
    this.methods = methods;
  }

  /** Does it list that? */
  has(method: string): boolean {
    return this.methods.has(method);
  }

  /** Can its heads be followed now? */
  get canFollow(): boolean {
    return this.#node.canSubscribe;
  }

  /** The follow that is under way. */
  get current(): NodeFollow | undefined {
    return this.#follow;
  }

  /** The follow, once it has told where the node stands; begins it where there is none. */
  async follow(budget: Budget): Promise<NodeFollow> {
    this.#follow ??= new NodeFollow(this.#node, this.#clock, (ended) => {
      if (this.#follow === ended) this.#follow = undefined;
    });
    const follow = this.#follow;
    let failure: unknown;
    await budget.wait('chainHead_v1_follow', (resolve) => {
      follow.ready.then(resolve, (error: unknown) => {
        failure = error;
        resolve();
      });
      return () => {};
    });
    if (failure !== undefined) throw failure;
    return follow;
  }

  /** Lets go of the follow. */
  close(): void {
    this.#follow?.end('the connection is closed');
  }

  /** The result of one call as raw JSON. */
  async ask(method: string, params: readonly unknown[], budget: Budget): Promise<RawJson> {
    const reply: Reply = await this.#node.request(method, JSON.stringify(params), budget.options);
    if (reply.kind === 'error') throw new Refusal(reply);
    return reply.result;
  }

  /** Makes a call whose answer does not matter. */
  tell(method: string, params: readonly unknown[]): void {
    const unheard = { onReply: (): void => {}, onFail: (): void => {} };
    this.#node.send(method, JSON.stringify(params), 10_000, unheard);
  }

  /** `undefined` when the node does not have the block. */
  async header(at: string, budget: Budget): Promise<HeaderJson | undefined> {
    const pinned = this.#follow?.block(at);
    if (pinned) return pinned.header;
    if (!this.has('archive_v1_header')) return undefined;
    const raw: unknown = JSON.parse(await this.ask('archive_v1_header', [at], budget));
    return typeof raw === 'string' ? decodeHeader(raw) : undefined;
  }

  /** `undefined` when the node does not have the block, or its body. */
  async body(at: string, budget: Budget): Promise<readonly string[] | undefined> {
    if (this.has('archive_v1_body')) {
      const raw: unknown = JSON.parse(await this.ask('archive_v1_body', [at], budget));
      return Array.isArray(raw) ? (raw as string[]) : undefined;
    }
    const follow = this.#pinning(at);
    if (!follow) return undefined;
    let body: readonly string[] | undefined;
    await follow.operations.run('chainHead_v1_body', [at], budget, ({ event, value }) => {
      if (event === 'operationBodyDone') body = value as string[];
      return false;
    });
    return body;
  }

  /** What the runtime answers, in hex. */
  async call(at: string, name: string, input: string, budget: Budget): Promise<string> {
    if (this.has('archive_v1_call')) {
      const raw = await this.ask('archive_v1_call', [at, name, input], budget);
      const outcome = JSON.parse(raw) as {
        success: boolean;
        value?: string;
        error?: unknown;
      } | null;
      if (outcome === null) throw unknownBlock(at);
      if (typeof outcome.value === 'string') return outcome.value;
      throw failedCall(`Execution failed: ${text(outcome.error)}`);
    }
    const follow = this.#pinning(at);
    if (!follow) throw unknownBlock(at);
    let output = '0x';
    const params = [at, name, input] as const;
    await follow.operations.run('chainHead_v1_call', params, budget, (event) => {
      if (event.event === 'operationCallDone') output = String(event.output);
      return false;
    });
    return output;
  }

  /** The items that answer one query; of descendants in the order of their keys. */
  async storage(query: StateQuery, budget: Budget): Promise<readonly StorageItem[]> {
    const items: StorageItem[] = [];
    const { page } = query;
    let seen = 0;
    const take = (item: StorageItem): boolean => {
      seen += 1;
      if (seen > maxItems)
        throw notNow(`more than ${maxItems} keys: this node cannot go on after one`);
      if (page && page.after !== null && item.key <= page.after) return false;
      items.push(item);
      return page !== undefined && items.length >= page.count;
    };
    if (page?.count !== 0) {
      if (this.has('archive_v1_storage')) await this.#archived(query, budget, take);
      else await this.#pinned(query, budget, take);
    }
    const isOrdered = items.every(({ key }, i) => i === 0 || (items[i - 1]?.key ?? '') < key);
    if (page && !isOrdered) throw notNow('the node tells keys in no order');
    return items;
  }

  async #archived(
    { at, child, key, type, page }: StateQuery,
    budget: Budget,
    take: (item: StorageItem) => boolean,
  ): Promise<void> {
    const after = page?.after;
    const item = { key, type, ...(after && { paginationStartKey: after }) };
    const params = JSON.stringify([at, [item], child]);
    const method = 'archive_v1_storage';
    await budget.wait(method, (resolve, reject) => {
      let stop = (): void => {};
      let over = false;
      const hear = (raw: RawJson): void => {
        if (over) return;
        const event = JSON.parse(raw) as ArchiveEvent;
        if (event.event === 'storageError') reject(failedCall(text(event.error)));
        else if (event.event === 'storageDone' || take(event)) resolve();
      };
      this.#node
        .subscribe(
          { method, params, unsubscribe: 'archive_v1_stopStorage' },
          {
            onSubscribed: (subscription) => {
              stop = () => subscription.unsubscribe();
              if (over) stop();
            },
            onNotification: (raw) => {
              try {
                hear(raw);
              } catch (error) {
                reject(error);
              }
            },
            onEnd: (reason) => reject(notNow(reason)),
          },
          budget.options,
        )
        .then((reply) => {
          if (reply.kind === 'error') reject(new Refusal(reply));
        }, reject);
      return () => {
        over = true;
        stop();
      };
    });
  }

  async #pinned(
    { at, child, key, type }: StateQuery,
    budget: Budget,
    take: (item: StorageItem) => boolean,
  ): Promise<void> {
    const follow = this.#pinning(at);
    if (!follow) throw unknownBlock(at);
    const params = [at, [{ key, type }], child] as const;
    await follow.operations.run('chainHead_v1_storage', params, budget, (event) => {
      const items = (event.items ?? []) as readonly StorageItem[];
      return items.some(take);
    });
  }

  /** The follow if it has pinned that block. */
  #pinning(at: string): NodeFollow | undefined {
    return this.#follow?.block(at) && this.#follow;
  }
}

function text(error: unknown): string {
  return typeof error === 'string' ? error : JSON.stringify(error);
}
