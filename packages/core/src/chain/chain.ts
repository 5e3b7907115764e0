import type { JsonRpcError, RawJson, Reply } from '../json-rpc/message.ts';
import type { ChainService, ServiceHost } from '../service/chain-service.ts';
import type { Transport, TransportContext } from '../transport/transport.ts';
import type { Submissions } from './submissions.ts';

export type {
  Sender,
  Submissions,
  SubmissionVerdict,
  Transaction,
  WatchedItem,
  WatchFormat,
} from './submissions.ts';

/** One block as the engine sees it. */
export interface Block {
  /** Height; genesis is 0. */
  readonly number: number;
  /** Lower-case hex with 0x. */
  readonly hash: string;
  readonly parentHash: string;
  /** The header as the upstream sent it, for head subscriptions. */
  readonly header: RawJson;
}

/** Names a block by height and hash. */
export type BlockId = Pick<Block, 'number' | 'hash'>;

/**
 * The block that a call needs its upstream to have.
 *
 * - `none`: any upstream can answer (constants, facts of the node itself).
 * - `best`, `finalized`: the call speaks of the pool's head, without naming a block.
 * - `hash`, `number`, `range`: named in the params. Of several numbers `number` is the highest, and
 *   `from` the lowest when it is another one; `blocks` is how many the answer is read from, for calls
 *   of which upstreams bound that ({@link ChainProbes.widestRange}).
 */
export type BlockNeed =
  | { readonly kind: 'none' }
  | { readonly kind: 'best' }
  | { readonly kind: 'finalized' }
  | { readonly kind: 'hash'; readonly hash: string }
  | {
      readonly kind: 'number';
      readonly number: number;
      readonly from?: number;
      readonly blocks?: number;
    }
  | { readonly kind: 'range'; readonly from: string; readonly to: string };

/**
 * What an upstream may have thrown away of an old block: its `state` (what was true after it), or
 * the `block` itself, meaning its body.
 */
export type BlockData = 'block' | 'state';

/**
 * What sort of call a method is. `local` is answered for the pool, by {@link Chain.answer}: an
 * upstream's answer would speak of that upstream alone. `service` is answered by
 * {@link Chain.service}: what it names is bound to one client, and must not be bound to an upstream.
 */
export type MethodKind =
  | 'read'
  | 'submit'
  | 'subscribe'
  | 'unsubscribe'
  | 'local'
  | 'service'
  | 'denied';

/**
 * How long an answer stays true: `constant` for the life of the chain, `by-hash` for ever once its
 * block is named by hash, `by-number` once that number is final, `head` until the next block,
 * `never` beyond the moment (facts of one node).
 */
export type AnswerLifetime = 'constant' | 'by-hash' | 'by-number' | 'head' | 'never';

/**
 * Who answers a call.
 *
 * - `one`: one upstream; another only after a failure or as a hedge.
 * - `broadcast`: sent to several at once, the first result wins (submissions).
 * - `maximum`: asked of several, the largest number wins (nonces).
 * - `agree`: asked of several until `count` of them give equal answers.
 */
export type Strategy =
  | { readonly kind: 'one' }
  | { readonly kind: 'broadcast'; readonly width: number }
  | { readonly kind: 'maximum'; readonly width: number }
  | { readonly kind: 'agree'; readonly count: number; readonly width: number };

/** Where a shared subscription takes its items from. */
export type FeedKind = 'best' | 'finalized' | 'all';

/** One of the pool's agreed heads. */
export type HeadName = 'best' | 'safe' | 'finalized';

/** How a chain's callers name blocks in params. */
export interface BlockParams {
  /**
   * The head that a param speaks of, as text or by being left out; `undefined` when it names a block
   * itself, or nothing that the pool knows.
   */
  headOf(param: unknown): HeadName | undefined;
  /**
   * May params before that of the block be left out? `null` then stands for them where the block is
   * filled in; else a call without them goes as it is written. @default true
   */
  readonly pads?: boolean;
  /** The param that names this block: a string that needs no escapes in JSON. */
  write(block: BlockId): string;
}

/** Keeps what one shared subscription has told: the value as it stands. */
export interface KeptValue {
  /**
   * Takes an item from an upstream, or one that was made of a reading; says what subscribers are to
   * hear of it: the item, a part of it, or `undefined` when it tells nothing new.
   *
   * @throws Error when it is no item of such a subscription
   */
  take(item: RawJson): RawJson | undefined;
  /** What a late subscriber hears first: all of the value. `undefined` before the first item. */
  readonly whole: RawJson | undefined;
}

/** Of subscriptions that tell a value and its changes: how the value is kept and read. */
export interface PresentValue {
  /** Makes the keeper of one shared subscription. */
  keep(): KeptValue;
  /** The call that reads the whole value at a block, by hash; at the best one when left out. */
  read(at: string | undefined): { readonly method: string; readonly params: RawJson };
  /** The item that an upstream would send at that moment, made of that call's result. */
  toItem(result: RawJson): RawJson;
  /** Hash of the block at which an item holds. @default items do not say */
  blockOf?(item: RawJson): string | undefined;
}

/** How any number of clients share one upstream subscription. */
export interface SharePlan {
  /** What upstreams are asked, in one spelling: requests with an equal one share. */
  readonly call: { readonly method: string; readonly params: RawJson };
  /**
   * Present when the subscription tells a value and its changes. Late subscribers then hear the value
   * first, silence is checked by reading it, and it is read at each new best block while no upstream
   * can carry the subscription. Absent: it tells events, of which each hears those still to come.
   */
  readonly present?: PresentValue;
  /** What makes two events the same one: none is told twice. @default all are told */
  readonly fingerprint?: (item: RawJson) => string;
  /** After so many block times of silence the upstream is suspected to have forgotten it. */
  readonly quietBlocks: number;
}

/** How a subscription is served and brought back after its upstream died. */
export type SubscriptionTraits = {
  /** The notification's method name; clients match on it. */
  readonly notification: string;
  readonly unsubscribe: string;
} & (
  | {
      /** Served from the pool's own head; no upstream subscription of its own. */
      readonly source: 'head';
      readonly feed: FeedKind;
      /** Whether a subscriber hears the block there is before those that come. @default true */
      readonly tellsCurrent?: boolean;
    }
  | {
      /** Served by the chain's own service, {@link Chain.service}, on top of the whole pool. */
      readonly source: 'service';
    }
  | {
      /** Carried by one upstream. */
      readonly source: 'upstream';
      /**
       * `resubscribe`: subscribed again elsewhere after a death. `never`: it ends, because
       * repeating it would do something twice.
       */
      readonly resume: 'resubscribe' | 'never';
      /**
       * Makes the reducer of one subscription: given each item, it returns what the client is to
       * hear, or `undefined` for nothing (a repetition after a resume). What it makes itself may be
       * the last item. Absent: everything is heard.
       */
      readonly reducer?: () => (item: RawJson) => RawJson | undefined;
      /**
       * True for the item after which the upstream has no more to say: what happens to the upstream
       * afterwards is no loss. Absent: it goes on for ever.
       */
      readonly isLast?: (item: RawJson) => boolean;
      /**
       * How long its upstream may say nothing, in milliseconds: then it is begun again elsewhere, where
       * `resume` allows it. Learnt upwards from silences that end by themselves. Absent: silence is no sign.
       */
      readonly quietMs?: number;
      /**
       * How it is shared, from the parsed params; `undefined` when it has an upstream subscription of
       * its own with these. Its plan then takes the place of `reducer` and `isLast`.
       * @default never shared
       */
      readonly share?: (params: readonly unknown[]) => SharePlan | undefined;
      /** Plans have a present value, so it is served without an upstream that can subscribe. @default false */
      readonly isReadable?: boolean;
    }
);

/** One method of a chain, as data. A row of the chain package's table. */
export interface MethodTraits {
  readonly kind: MethodKind;
  readonly lifetime: AnswerLifetime;
  /** May be sent again after an attempt whose outcome is unknown. Implies that it may be hedged. */
  readonly idempotent: boolean;
  /**
   * What a `null` result means: a `value` like any other, or `missing`: this upstream does not have
   * what the chain must have, so another is asked before `null` is believed, and the block that was
   * asked for counts as gone there. `unsure`: the block may be gone, or have no such part; another is
   * asked, and nothing is learned of this one. Of a block number above the pool's head nobody must
   * have anything: there it is a value in any case.
   */
  readonly nullMeans: 'value' | 'missing' | 'unsure';
  /**
   * True for further results that say only that the upstream lacks something (an empty list). Asked
   * only where `null` is no value. @default none do
   */
  readonly isMiss?: (result: RawJson) => boolean;
  readonly strategy: Strategy;
  /**
   * Height of the newest block that a result speaks of, found in its text without parsing all of it;
   * `undefined` when it names none that the chain has. The client has then seen that block. For answers
   * whose block the params do not tell. @default none is looked for
   */
  readonly tells?: (result: RawJson, params: readonly unknown[]) => number | undefined;
  /** The block needed, from the parsed params. Absent: none. */
  readonly block?: (params: readonly unknown[]) => BlockNeed;
  /**
   * What the answer is made of besides hashes and headers, which every upstream keeps: the call goes
   * only to upstreams that still have it of all blocks that the params name. @default nothing
   */
  readonly data?: BlockData;
  /**
   * Position of the block param. When the caller left it out, or named a head, it is filled in with
   * the pool's head before routing, so that all that follows speaks of one block.
   */
  readonly at?: number;
  /**
   * Callers must not leave the param at `at` out: what becomes of a call without it is the upstream's
   * to say. @default false
   */
  readonly isAtRequired?: boolean;
  /** Position of the block hash param at which a range begins that ends with `at`. */
  readonly since?: number;
  /**
   * Why a call with these params is not served though the method is: what is allowed, for the
   * caller to read. `undefined` when it is served. @default all are
   */
  readonly refuse?: (params: readonly unknown[]) => string | undefined;
  /**
   * The account whose next nonce the answer tells, in the words of {@link Sender}; `undefined` when
   * the params name none. What the session submitted is then counted too. @default no nonce
   */
  readonly nonceOf?: (params: readonly unknown[]) => string | undefined;
  /** Present on `subscribe` methods. */
  readonly subscription?: SubscriptionTraits;
  /**
   * How a subscription with these params is served, where the params decide that; `undefined`: as
   * `subscription` says. Its notification and the call that ends it are those of `subscription` in any
   * case. @default all are served alike
   */
  readonly subscriptionOf?: (params: readonly unknown[]) => SubscriptionTraits | undefined;
  /**
   * True where {@link Chain.service} answers the call as long as no upstream that serves offers the
   * method; one that offers it is asked otherwise. Does nothing on other kinds than `read` and
   * `subscribe`. @default false
   */
  readonly emulated?: boolean;
  /**
   * On `unsubscribe` methods: what ending is answered, whether or not there was something to end.
   * @default `true` or `false`
   */
  readonly ended?: RawJson;
  /**
   * On `unsubscribe` methods: the error that is told when the client has no subscription of that id.
   * @default none: as `ended` says
   */
  readonly nothingToEnd?: JsonRpcError;
}

/** The params of one method, as far as the chain package knows them. */
export interface MethodParams {
  /**
   * The position of the param of this name, in any spelling that upstreams take; `undefined` when the
   * method has none of that name.
   */
  position(name: string): number | undefined;
  /**
   * What is wrong with params that no upstream could make sense of, and what is allowed; `undefined`
   * when nothing is. Params that only upstreams can judge pass.
   */
  fault(params: readonly unknown[]): string | undefined;
  /** The params in words, for the caller to read. */
  readonly description: string;
}

/**
 * What an answer means for routing.
 *
 * - `return`: it is the answer, whatever it says (also the client's mistake): never retried.
 * - `missing`: this upstream lacks what others may have: another is asked, no penalty. With
 *   `lacksBlock` it is the block asked for, or its data: what is older is not asked of it either.
 * - `failure`: this upstream failed: another is asked, and it counts against this one. With `isDoubtful`
 *   the call itself may be at fault: it counts only once another upstream answers it with a result.
 * - `cool down`: rate limit or overload: another is asked, this one rests.
 */
export type Verdict =
  | { readonly action: 'return' }
  | { readonly action: 'missing'; readonly reason: string; readonly lacksBlock?: boolean }
  | { readonly action: 'failure'; readonly reason: string; readonly isDoubtful?: boolean }
  | { readonly action: 'cool down'; readonly reason: string; readonly retryAfterMs?: number };

/** What the engine lets a chain package ask of one upstream. */
export interface UpstreamClient {
  /** True when `subscribe` can work now; a head source polls otherwise. */
  readonly canSubscribe: boolean;
  /** One call, past limits and breaker. Rejects like `Transport.request`. */
  request(method: string, params: RawJson): Promise<Reply>;
  /**
   * One subscription. `onItem` gets each `params.result` as raw text, `onEnd` the reason when it
   * dies. Resolves with the function that ends it; rejects with `RpcResponseError` when the
   * upstream declines.
   */
  subscribe(
    method: string,
    params: RawJson,
    unsubscribe: string,
    onItem: (item: RawJson) => void,
    onEnd: (reason: string) => void,
  ): Promise<() => void>;
}

/** What a head source tells about its upstream. */
export interface HeadObserver {
  /** The upstream has this block; `best` when it says it is its best one. */
  onBlock(block: Block, best: boolean): void;
  /** The upstream says this block is final. */
  onFinalized(block: Block): void;
  /** The upstream says this block is safe: it expects it to become final, short of an attack. */
  onSafe?(block: Block): void;
  /** Following ended by itself: the subscription died, or the upstream talks nonsense. */
  onEnd(reason: string): void;
}

/** What one reading of an upstream's heads gives. */
export interface PolledHeads {
  readonly best: Block;
  readonly finalized: Block;
  /** Absent: the chain knows no such thing, or the upstream none yet. */
  readonly safe?: Block;
}

/** How to follow the head of one upstream. */
export interface HeadSource {
  /**
   * Starts following by subscription. Calls the observer until the returned function is called.
   * Rejects when it could not start.
   */
  follow(client: UpstreamClient, observer: HeadObserver): Promise<() => void>;
  /** Reads the heads once, for upstreams that cannot subscribe. */
  poll(client: UpstreamClient): Promise<PolledHeads>;
  /** Fetches one block by hash, to fill a gap; `undefined` when the upstream does not have it. */
  fetch(client: UpstreamClient, hash: string): Promise<Block | undefined>;
}

/** Outcome of one health probe. */
export interface HealthReport {
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  /** Why it is not healthy: a short text. */
  readonly reason?: string;
  /** How many peers it has. Absent: it does not say. */
  readonly peers?: number;
  /** False: it is meant to stand alone, as a development node. Absent: it does not say. */
  readonly shouldHavePeers?: boolean;
}

/** Probes that the engine runs on each upstream at its own pace. */
export interface ChainProbes {
  /** Is the upstream fit to serve (synced, has peers)? Rejecting counts as a failed probe. */
  health(client: UpstreamClient): Promise<HealthReport>;
  /** The methods that it offers; `undefined` when it does not say. */
  methods(client: UpstreamClient): Promise<ReadonlySet<string> | undefined>;
  /**
   * What program it says it is, for people to read; `undefined` when it does not say. Asked as often as
   * `methods`; one that fails is as good as none. @default nobody asks
   */
  version?(client: UpstreamClient): Promise<string | undefined>;
  /**
   * Does the upstream still have this of its block at that height (1 or more, not above its head)?
   * The engine searches with it for the oldest block, now and then, a few dozen calls at most, one
   * after another. It should cost the upstream little. Absent: nobody knows how far back an upstream
   * goes, and each call tries.
   *
   * @throws Error when the upstream cannot say; the search is made again later
   */
  keeps?(client: UpstreamClient, data: BlockData, height: number): Promise<boolean>;
  /**
   * The most blocks from which the upstream reads one answer; `undefined` when it takes as many as
   * anybody may ask for, or does not say. `offers` tells whether it may be asked a method. Asked as often
   * as for the oldest block; calls for more go to others first. Absent: nobody asks.
   *
   * @throws Error when the upstream cannot say; it is asked again later
   */
  widestRange?(
    client: UpstreamClient,
    offers: (method: string) => boolean,
  ): Promise<number | undefined>;
}

/** One upstream's last health probe, as the pool sees it. */
export interface UpstreamHealth {
  /** May it answer an ordinary call now, or within moments? */
  readonly serving: boolean;
  readonly report: HealthReport;
}

/**
 * What the pool knows at the moment of a call; handed to {@link Chain.answer}. Everything is looked
 * up when it is asked for: most calls ask for nothing.
 */
export interface ChainView {
  readonly genesisHash: string | undefined;
  readonly best: Block | undefined;
  readonly finalized: Block | undefined;
  /** Between the two, where the chain has such a thing; the finalized one elsewhere. */
  readonly safe: Block | undefined;
  /** Is this method denied to the caller, by default or by the options? */
  isDenied(method: string): boolean;
  /**
   * Names of what the upstreams that serve offer together, without what is denied and without
   * subscriptions that nobody could carry. Of an upstream that tells no list, only what its options
   * enable. `undefined` while no upstream serves.
   */
  methods(): ReadonlySet<string> | undefined;
  /** Of every upstream that is connected and probed. */
  health(): readonly UpstreamHealth[];
}

/**
 * All that the engine must know of one chain. A third chain is a new package, no line in core. Its
 * members are also called on objects that inherit from it: they must not need private fields.
 */
export interface Chain {
  /** Its name in configuration and metrics. */
  readonly id: string;
  readonly family: string;
  /** Expected time between blocks; lag in seconds and the stall alarm are multiples of it. */
  readonly blockTimeMs: number;
  /**
   * Traits of a method; an unknown method gets the family's default row. `allowed`: those that it
   * has where it is switched on, of a method that is denied by default, wholly or with some params.
   * @param allowed default false
   */
  traits(method: string, allowed?: boolean): MethodTraits;
  /** @default by hash; a param that was left out speaks of the best block */
  readonly blockParams?: BlockParams;
  /** Params by position, whether they came by name or by position. */
  positional(method: string, params: unknown): readonly unknown[];
  /**
   * The params of a method. Calls with params that are at fault are answered with -32602 without an
   * upstream, and params by name are put in order before they are sent, for not every upstream takes
   * names. `undefined` for a method whose params are not known: they are sent as they were written.
   * @default of none are they known
   */
  params?(method: string): MethodParams | undefined;
  /**
   * Answers without an upstream what the view alone decides; `undefined` to go on. A `local` method
   * is asked for once more when an upstream has answered it: by then the pool knows more.
   */
  answer?(method: string, params: readonly unknown[], view: ChainView): RawJson | undefined;
  /**
   * The identity check: resolves with the chain's genesis hash when the node at the other end is
   * of this chain.
   * @throws Error that says what was expected and what was found
   */
  identify(request: (method: string, params: RawJson) => Promise<Reply>): Promise<string>;
  readonly heads: HeadSource;
  readonly probes: ChainProbes;
  /**
   * Puts itself between the engine and one upstream, for nodes that have the chain's calls in another
   * form: it may answer calls in its own way, and must pass on the rest. Called once for each upstream,
   * before its transport is started. @default the transport as it is
   */
  dialect?(transport: Transport, context: TransportContext): Transport;
  /**
   * Makes what answers the methods of kind `service`. Called once for each balancer, which closes it.
   * Absent: there are no such methods.
   */
  service?(host: ServiceHost): ChainService;
  /** How transactions are found again. @default a submission without an answer stays unknown */
  readonly submissions?: Submissions;
  /** The meaning of an upstream's JSON-RPC error. */
  judge(
    method: string,
    error: { readonly code: number; readonly message: string; readonly data?: unknown },
  ): Verdict;
}
