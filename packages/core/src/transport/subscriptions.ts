import type { RawJson } from '../json-rpc/message.ts';
import type { Notification } from '../json-rpc/notification.ts';
import { EarlyNotificationBuffer } from './early-notifications.ts';
import { guard } from './guard.ts';
import { RecentMap } from './recent-map.ts';
import type { SubscriptionHandlers } from './transport.ts';

/** One live subscription. */
interface ActiveSubscription {
  readonly id: RawJson;
  readonly unsubscribe: string;
  readonly handlers: SubscriptionHandlers;
}

/** Ended subscriptions whose late notifications are still recognised. */
const maxRetired = 1024;

/**
 * The subscriptions of one connection, by the upstream's id. Ids of one connection mean nothing on
 * the next.
 */
export class ConnectionSubscriptions {
  readonly #active = new Map<RawJson, ActiveSubscription>();
  readonly #early: EarlyNotificationBuffer;
  /** Ended here; their notifications go on until the upstream has heard of it. */
  readonly #retired = new RecentMap<RawJson, true>(maxRetired);
  readonly #sendUnsubscribe: (method: string, id: RawJson) => void;
  /** Subscribe calls in flight: only they can make sense of an unknown id. */
  #awaited = 0;

  /**
   * @param maxEarly the most early notifications kept
   * @param sendUnsubscribe tells the upstream that a subscription is over
   */
  constructor(maxEarly: number, sendUnsubscribe: (method: string, id: RawJson) => void) {
    this.#early = new EarlyNotificationBuffer(maxEarly);
    this.#sendUnsubscribe = sendUnsubscribe;
  }

  get size(): number {
    return this.#active.size + this.#awaited;
  }

  has(id: RawJson): boolean {
    return this.#active.has(id);
  }

  /** A subscribe call was sent. */
  expect(): void {
    this.#awaited++;
  }

  /** A subscribe call ended, whichever way. Called after {@link accept}. */
  settled(): void {
    this.#awaited--;
    if (this.#awaited === 0) this.#early.clear();
  }

  /** The upstream accepted: delivers `onSubscribed` and what came early, in this turn. */
  accept(id: RawJson, unsubscribe: string, handlers: SubscriptionHandlers): void {
    const subscription: ActiveSubscription = { id, unsubscribe, handlers };
    this.#active.set(id, subscription);
    this.#retired.take(id);
    const early = this.#early.take(id);
    guard(handlers.onSubscribed, { id, unsubscribe: () => this.#end(subscription) });
    for (const item of early.items) {
      if (this.#active.get(id) !== subscription) return;
      guard(handlers.onNotification, item);
    }
    if (!early.lost || !this.#end(subscription)) return;
    guard(handlers.onEnd, 'more notifications came before the response than are kept');
  }

  /** The upstream accepted what nobody waits for any more. */
  decline(id: RawJson, unsubscribe: string): void {
    this.#retired.set(id, true);
    this.#sendUnsubscribe(unsubscribe, id);
  }

  /** Delivers a notification; false when it belongs to no subscription. */
  deliver({ subscription: id, result, error }: Notification): boolean {
    if (id === undefined) return false;
    const subscription = this.#active.get(id);
    if (subscription === undefined) {
      if (result === undefined || this.#retired.has(id)) return this.#retired.has(id);
      if (this.#awaited > 0) this.#early.keep(id, result);
      return this.#awaited > 0;
    }
    if (result !== undefined) {
      guard(subscription.handlers.onNotification, result);
    } else if (error !== undefined) {
      // Jsonrpsee's way to say that the subscription failed on its side.
      this.#end(subscription);
      guard(subscription.handlers.onEnd, 'the upstream ended the subscription with an error');
    } else {
      return false;
    }
    return true;
  }

  /** The connection is gone: every subscription ends. */
  endAll(reason: string): void {
    this.#early.clear();
    for (const [id, { handlers }] of [...this.#active]) {
      // One handler may have unsubscribed another's.
      if (this.#active.delete(id)) guard(handlers.onEnd, reason);
    }
  }

  /** Ends one here and upstream; false when it had ended before. */
  #end(subscription: ActiveSubscription): boolean {
    const { id, unsubscribe } = subscription;
    if (this.#active.get(id) !== subscription) return false;
    this.#active.delete(id);
    this.decline(id, unsubscribe);
    return true;
  }
}
