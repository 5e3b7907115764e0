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
export { type P2cOptions, p2c } from './selector/p2c.ts';
export { roundRobin } from './selector/round-robin.ts';
export type { Candidate, Selector } from './selector/selector.ts';
export { Session } from './session/session.ts';
export { type Clock, delay, type Random, systemClock, type TimerHandle } from './time/clock.ts';
export type * from './transport/transport.ts';
