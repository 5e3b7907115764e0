export type {
  Answer,
  Balancer,
  Call,
  CallOptions,
  SubscribeOutcome,
  SubscriberHandlers,
  Subscription,
} from './balancer.ts';
export type * from './chain/chain.ts';
export * from './errors.ts';
export * from './json-rpc/message.ts';
export { Session } from './session/session.ts';
export { type Clock, delay, type Random, systemClock, type TimerHandle } from './time/clock.ts';
export type * from './transport/transport.ts';
