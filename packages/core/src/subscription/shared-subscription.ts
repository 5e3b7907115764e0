import type { Answer, Call, SubscribeOutcome } from '../call.ts';
import type { Block, Chain, PresentValue, SharePlan, SubscriptionTraits } from '../chain/chain.ts';
import { BalancerError, isBalancerError } from '../errors.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import type { Engine } from '../policy/engine.ts';
import type { Requirement } from '../selector/eligibility.ts';
import type { Session } from '../session/session.ts';
import { CarriedSubscription } from './carried-subscription.ts';
import { HeldValue } from './held-value.ts';
import { SilenceWatchdog } from './silence-watchdog.ts';
import { ToldEvents } from './told-events.ts';
import { UnplacedItems } from './unplaced-items.ts';

/** One client of a {@link SharedSubscription}. None of its functions may throw. */
export interface Member {
  readonly session: Session | undefined;
  /** It is subscribed. Called once, before the first item. */
  readonly onAccepted: () => void;
  /** It is not: called at most once, instead of `onAccepted`. */
  readonly onDeclined: (outcome: Declined) => void;
  readonly onFailed: (error: BalancerError) => void;
  readonly onItem: (item: RawJson) => void;
  /** It cannot go on. Called at most once, after `onAccepted`. */
  readonly onEnd: (error: BalancerError) => void;
}

type Declined = Extract<SubscribeOutcome, { kind: 'error' }>;

/** What a {@link SharedSubscription} is made of. */
export interface SharedSubscriptionOptions {
  readonly plan: SharePlan;
  readonly traits: Extract<SubscriptionTraits, { source: 'upstream' }>;
  /** What its upstream must have, whoever the clients are. */
  readonly need: Requirement;
  readonly chain: Chain;
  readonly head: ChainHead;
  readonly engine: Engine;
  /** Makes one call as clients do. */
  readonly read: (call: Call) => Promise<Answer>;
  /** It has no members any more, or cannot go on: nobody may join. Called once. */
  readonly onOver: () => void;
}

/** Silence shorter than this is never suspicious, however fast the chain. */
const minPatienceMs = 30_000;

/** After so many items in a row that make no sense it is not made again elsewhere at once. */
const maxNonsense = 8;

/** How long after nobody took the subscription somebody is asked again, in block times. */
const carryAgainBlocks = 10;

/**
 * One subscription for any number of clients.
 *
 * 1. One upstream carries it ({@link CarriedSubscription}). Where it has a present value and no
 *    upstream can carry it, the value is read at each new best block until one can.
 * 2. Whoever comes late hears the whole value first. If its session has seen a block that the value
 *    is not known to hold at, the value is read once more before.
 * 3. Silence is looked into: the value is read, and on a difference it is told and another upstream
 *    takes over. Of events nothing can be read, so another upstream takes over in any case.
 * 4. It ends when the last client leaves, and when it has no present value and nobody carries it on.
 */
export class SharedSubscription {
  readonly #options: SharedSubscriptionOptions;
  readonly #held: HeldValue | undefined;
  /** What the upstream said of blocks that the pool has yet to hear of. */
  readonly #unplaced: UnplacedItems | undefined;
  readonly #members = new Set<Member>();
  /** Those of them that were told their id. */
  readonly #told = new Set<Member>();
  /** Those of these that have not heard the value yet. */
  readonly #late = new Set<Member>();
  readonly #events: ToldEvents;
  #watchdog: SilenceWatchdog | undefined;
  #carried: CarriedSubscription | undefined;
  #isStarted = false;
  #isAccepted = false;
  #isOver = false;
  #reading: Promise<Reply> | undefined;
  /** Items that came from upstreams that carry it. */
  #heard = 0;
  /** Items in a row that made no sense. */
  #nonsense = 0;
  /** A reading told what the upstream that carries it has not told yet. */
  #isOwed = false;
  /** Height that was required when an upstream was last chosen, and of the one that carries it. */
  #wantedHeight = -1;
  #floor = -1;
  /** Nobody is asked to carry it before. */
  #carryAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SharedSubscriptionOptions) {
    this.#options = options;
    const { plan, head, engine } = options;
    const { present } = plan;
    this.#events = new ToldEvents(plan.fingerprint?.bind(plan));
    if (!present) return;
    this.#held = new HeldValue(present, head);
    this.#unplaced = new UnplacedItems({
      present,
      head,
      deadlines: engine.deadlines,
      onItem: (item) => this.#take(item),
    });
  }

  /** How many clients it has, those included that wait for it to begin. */
  get size(): number {
    return this.#members.size;
  }

  /** Lets one more client in; the first one makes it begin. */
  join(member: Member): void {
    this.#members.add(member);
    if (this.#isAccepted) {
      this.#welcome(member);
      this.#readForLate();
    } else if (!this.#isStarted) {
      this.#isStarted = true;
      void this.#start();
    }
  }

  /** Lets a client go: it is told nothing any more. Safe to call twice. */
  leave(member: Member): void {
    if (!this.#members.delete(member)) return;
    this.#told.delete(member);
    this.#late.delete(member);
    if (this.#members.size === 0) this.#stop();
  }

  /** An upstream is no longer good: what it carries goes elsewhere, or is read. */
  leaveUpstream(upstream: string, reason: string): void {
    const carried = this.#carried;
    if (carried?.upstream !== upstream) return;
    this.#orFail(() => {
      carried.leave(reason);
      if (carried.upstream !== upstream || !this.#held || !this.#canBeRead()) return;
      carried.unsubscribe();
      this.#carried = undefined;
      this.#readAgain();
    });
  }

  /** The best head moved, or an upstream came back. */
  onChange(): void {
    if (this.#isOver || !this.#isAccepted) return;
    if (this.#isPolled || this.#late.size > 0) this.#readAgain();
    this.#orFail(() => this.#tryToCarry());
  }

  /**
   * Lets it tell what holds at this block: when its upstream has not come that far the value is read.
   * `undefined` when there is nothing to wait for; what is returned never rejects.
   */
  inStepWith(hash: string): Promise<void> | undefined {
    const { head } = this.#options;
    const held = this.#held;
    const height = head.numberOf(hash);
    if (!held || !this.#isAccepted || this.#isOver || height === undefined) return undefined;
    const upstream = this.#carried?.upstream;
    if (held.height >= height || (upstream && head.isOnBestOf(upstream, hash))) return undefined;
    const refresh = (): Promise<unknown> => this.#refresh().catch(() => undefined);
    return refresh().then(async () => {
      // It may have been under way, and of an older block.
      if (held.height < height) await refresh();
    });
  }

  /** A selector of somebody else's may throw: that ends this subscription, and no other. */
  #orFail(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The pool has heard of one more block. */
  onBlock(): void {
    this.#unplaced?.onBlock();
  }

  async #start(): Promise<void> {
    const { chain, plan, head } = this.#options;
    try {
      const isRead = this.#held !== undefined && !this.#canBeCarried();
      const declined = isRead ? undefined : await this.#carry();
      if (this.#isOver || declined?.kind === 'subscribed') return;
      this.#carried = undefined;
      const isFault = declined && chain.judge(plan.call.method, declined.error).action === 'return';
      if (declined && (isFault || !this.#held)) {
        this.#decline(declined);
        return;
      }
      if (declined) this.#putOffCarrying();
      const at = head.best?.hash;
      const reply = await this.#readOnce();
      if (reply.kind === 'error' && !this.#isAccepted) this.#decline(declined ?? reply);
      if (this.#isOver) return;
      if (this.#late.size > 0 || head.best?.hash !== at) this.#readAgain();
      this.#tryToCarry();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Can an upstream carry it now? */
  #canBeCarried(): boolean {
    const { engine } = this.#options;
    return engine.select(this.#need(), nobody, engine.clock.now()).kind === 'chosen';
  }

  #canBeRead(): boolean {
    const { engine, need } = this.#options;
    const { labels } = need;
    return engine.select({ labels, seen: -1 }, nobody, engine.clock.now()).kind === 'chosen';
  }

  /** Whoever carries it on must have the value's block, as far as the pool still has that. */
  #need(): Requirement {
    const { need, head, plan } = this.#options;
    let seen = this.#held?.height ?? -1;
    if (this.#held && !this.#isAccepted) {
      for (const { session } of this.#members) seen = Math.max(seen, session?.seen ?? -1);
    }
    this.#wantedHeight = Math.min(seen, head.best?.number ?? seen);
    return { ...need, method: plan.call.method, seen: this.#wantedHeight };
  }

  /** No upstream carries it now. */
  get #isPolled(): boolean {
    return this.#held !== undefined && this.#carried?.upstream === undefined;
  }

  #carry(): Promise<SubscribeOutcome> {
    const { plan, traits, chain, engine } = this.#options;
    const { clock, options, events } = engine;
    const { source, resume, notification, unsubscribe } = traits;
    const carried = new CarriedSubscription({
      call: plan.call,
      traits: { source, resume, notification, unsubscribe },
      need: () => this.#need(),
      judge: (method, error) => chain.judge(method, error),
      clock,
      deadlines: engine.deadlines,
      timeoutMs: options.attemptTimeoutMs,
      deadlineMs: options.deadlineMs,
      waitMs: options.upstreamWaitMs,
      select: (need, tried) => engine.select(need, tried, clock.now()),
      // Members give up one by one; the last one ends it.
      signal: undefined,
      onItem: (item) => this.#onItem(carried, item),
      onEnd: (error) => this.#onEnd(carried, error),
      onResumed: (upstream) => {
        this.#onCarried();
        events.emit('resubscribed', { method: plan.call.method, upstream });
      },
    });
    this.#carried = carried;
    this.#unplaced?.clear();
    return carried.start(() => {
      this.#onCarried();
      this.#accept();
    });
  }

  #onCarried(): void {
    this.#floor = this.#wantedHeight;
    // What waits came from the one before.
    this.#unplaced?.clear();
    this.#isOwed = false;
    this.#watchdog?.restart();
  }

  #onEnd(carried: CarriedSubscription, error: BalancerError): void {
    if (this.#carried !== carried) return;
    this.#carried = undefined;
    if (!this.#held) {
      this.#fail(error);
      return;
    }
    this.#putOffCarrying();
    this.#readAgain();
  }

  #putOffCarrying(): void {
    const { engine, chain } = this.#options;
    this.#carryAtMs = engine.clock.now() + carryAgainBlocks * chain.blockTimeMs;
  }

  /** While it is read: is there an upstream by now that can carry it? */
  #tryToCarry(): void {
    if (this.#isOver || this.#carried || this.#options.engine.clock.now() < this.#carryAtMs) return;
    if (!this.#canBeCarried()) return;
    const giveUp = (): void => {
      if (this.#carried !== carried || this.#isOver) return;
      this.#carried = undefined;
      this.#putOffCarrying();
    };
    const begun = this.#carry();
    const carried = this.#carried;
    begun.then((outcome) => {
      if (outcome.kind === 'error') giveUp();
    }, giveUp);
  }

  /** Tells everybody who has waited for it to begin. */
  #accept(): void {
    if (this.#isAccepted || this.#isOver) return;
    this.#isAccepted = true;
    const { plan, chain, engine } = this.#options;
    this.#watchdog = new SilenceWatchdog({
      clock: engine.clock,
      deadlines: engine.deadlines,
      patienceMs: Math.max(plan.quietBlocks * chain.blockTimeMs, minPatienceMs),
      learns: this.#held === undefined,
      onSilence: () => void this.#onSilence(),
    });
    for (const member of [...this.#members]) this.#welcome(member);
  }

  #welcome(member: Member): void {
    if (!this.#members.has(member) || this.#told.has(member)) return;
    this.#told.add(member);
    if (this.#held) this.#late.add(member);
    member.onAccepted();
    this.#catchUp(member);
  }

  /** Tells the whole value to one who has not heard it, if it holds at what that one has seen. */
  #catchUp(member: Member): void {
    const held = this.#held;
    if (held?.whole === undefined || !this.#late.has(member)) return;
    if ((member.session?.seen ?? -1) > held.height) return;
    this.#late.delete(member);
    this.#deliver(member, held.whole);
  }

  #deliver(member: Member, item: RawJson): void {
    if (!this.#members.has(member)) return;
    if (this.#held && this.#held.height >= 0) member.session?.observe(this.#held.height);
    member.onItem(item);
  }

  /** Tells the news to those who know the value, and the value to those who do not. */
  #publish(news: RawJson | undefined): void {
    // Of those there are now: who comes meanwhile hears the value as it is by then.
    const late = new Set(this.#late);
    if (news !== undefined) {
      for (const member of [...this.#told]) if (!late.has(member)) this.#deliver(member, news);
    }
    for (const member of late) this.#catchUp(member);
  }

  #onItem(carried: CarriedSubscription, item: RawJson): void {
    if (this.#isOver || this.#carried !== carried) return;
    this.#heard += 1;
    this.#isOwed = false;
    this.#watchdog?.heard();
    if (this.#unplaced) this.#unplaced.take(item);
    else this.#take(item);
  }

  #take(item: RawJson): void {
    const carried = this.#carried;
    // Of one that was lost meanwhile, which may have been the only one to know the block.
    if (this.#isOver || carried?.upstream === undefined) return;
    let news: RawJson | undefined;
    try {
      news = this.#held ? this.#held.take(item, undefined, this.#floor) : this.#events.news(item);
      this.#nonsense = 0;
    } catch (error) {
      this.#onNonsense(carried, error);
      return;
    }
    this.#publish(news);
    this.#readForLate();
  }

  /** Somebody else may make sense; when nobody does the value is read for a while. */
  #onNonsense(carried: CarriedSubscription, error: unknown): void {
    this.#nonsense += 1;
    if (!this.#held || this.#nonsense <= maxNonsense) {
      carried.renew(`sent nonsense: ${error instanceof Error ? error.message : error}`);
      return;
    }
    this.#nonsense = 0;
    carried.unsubscribe();
    this.#carried = undefined;
    this.#putOffCarrying();
    this.#readAgain();
  }

  /** Some have seen a newer block than the value is known at. */
  #readForLate(): void {
    const isKnown = this.#held?.whole !== undefined || this.#isPolled;
    if (this.#late.size > 0 && isKnown) this.#readAgain();
  }

  /** Reads once more; what goes wrong is looked into at the next block. */
  #readAgain(): void {
    this.#refresh().catch(() => undefined);
  }

  /** One reading for all who want one. */
  #refresh(): Promise<Reply> {
    this.#reading ??= this.#readUntilRecent().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Blocks that came while it was being read are read too, for those who need that. */
  async #readUntilRecent(): Promise<Reply> {
    const { head } = this.#options;
    for (;;) {
      const [at, heard] = [head.best?.hash, this.#heard];
      const reply = await this.#readOnce();
      const isRecent = head.best?.hash === at && this.#heard === heard;
      if (this.#isOver || isRecent || !(this.#isPolled || this.#late.size > 0)) return reply;
    }
  }

  async #readOnce(): Promise<Reply> {
    const { head, plan, read } = this.#options;
    const present = plan.present as PresentValue;
    const held = this.#held as HeldValue;
    const at: Block | undefined = head.best;
    const heard = this.#heard;
    const carrier = this.#carried?.upstream;
    const { reply } = await read(present.read(at?.hash));
    // What was heard from the upstream itself meanwhile may be newer.
    if (this.#isOver || this.#heard !== heard) return reply;
    const isItsWord = carrier !== undefined && this.#carried?.upstream === carrier;
    if (reply.kind === 'error') {
      // It cannot be checked this way: then a new subscription is the check.
      this.#isOwed ||= isItsWord;
      return reply;
    }
    const item = present.toItem(reply.result);
    this.#accept();
    const news = held.take(item, at, -1);
    if (news !== undefined) this.#isOwed ||= isItsWord;
    this.#publish(news);
    return reply;
  }

  async #onSilence(): Promise<void> {
    const { head } = this.#options;
    const carried = this.#carried;
    const upstream = carried?.upstream;
    // Where nothing happens there is nothing to tell.
    if (!carried || upstream === undefined || head.stalled) return;
    if (this.#held) {
      await this.#refresh().catch(() => undefined);
      if (!this.#isOwed || this.#carried !== carried || carried.upstream !== upstream) return;
    }
    carried.renew('silent for too long');
  }

  #decline(outcome: Declined): void {
    const members = [...this.#members];
    this.#stop();
    for (const member of members) member.onDeclined(outcome);
  }

  #fail(cause: unknown): void {
    if (this.#isOver) return;
    const error = isBalancerError(cause)
      ? cause
      : new BalancerError('transport', String(cause), { origin: 'upstream', cause });
    const members = [...this.#members];
    const told = new Set(this.#told);
    this.#stop();
    for (const member of members) {
      if (told.has(member)) member.onEnd(error);
      else member.onFailed(error);
    }
  }

  #stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watchdog?.close();
    this.#unplaced?.clear();
    const carried = this.#carried;
    this.#carried = undefined;
    carried?.unsubscribe();
    this.#members.clear();
    this.#told.clear();
    this.#late.clear();
    this.#options.onOver();
  }
}

const nobody: ReadonlySet<string> = new Set();
