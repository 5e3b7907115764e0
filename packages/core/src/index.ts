export { type Balancer, type BalancerView, createBalancer } from './balancer.ts';
export type {
  BalancerOptions,
  HeadOptions,
  HealthOptions,
} from './balancer-options.ts';
export { type MemoryStoreOptions, memoryStore } from './cache/memory-store.ts';
export type { Store } from './cache/store.ts';
export type {
  Answer,
  Call,
  CallOptions,
  Receiver,
  SubscribeOutcome,
  SubscriberHandlers,
  Subscription,
} from './call.ts';
export type * from './chain/chain.ts';
export { type ErrorRule, judgeBy, wordsOf } from './chain/error-rules.ts';
export type { MethodsOptions } from './chain/with-methods.ts';
export {
  type Attempt,
  BalancerError,
  type BalancerErrorCode,
  type BalancerErrorOptions,
  type ErrorOrigin,
  isBalancerError,
  NoEligibleUpstreamError,
  RetryBudgetExhaustedError,
  RpcResponseError,
  TimeoutError,
  TransportError,
  type TransportErrorOptions,
  UnknownOutcomeError,
} from './errors.ts';
export type { BlockPath } from './head/block-tree.ts';
export { type Envelope, isBatch, readEnvelope, splitBatch } from './json-rpc/envelope.ts';
export { balancerErrorCodes, toJsonRpcError } from './json-rpc/failure.ts';
export {
  errorReply,
  type JsonRpcError,
  jsonRpcCodes,
  type RawJson,
  type Reply,
} from './json-rpc/message.ts';
export {
  JsonRpcClient,
  type JsonRpcClientOptions,
  type JsonRpcEngine,
  type ResultReceiver,
  type SubscriptionReceiver,
} from './json-rpc-client.ts';
export type { HedgeOptions, PolicyOptions } from './policy/options.ts';
export type { Ineligibility } from './selector/eligibility.ts';
export { type P2cOptions, p2c } from './selector/p2c.ts';
export { roundRobin } from './selector/round-robin.ts';
export type { Candidate, Selector } from './selector/selector.ts';
export {
  type ChainService,
  type ErrorReply,
  type ForwardOptions,
  forwardOptions,
  type ServiceCall,
  type ServiceHost,
  type ServiceSink,
  type ServiceSubscribeCall,
  type ServiceSubscription,
} from './service/chain-service.ts';
export { Session } from './session/session.ts';
export { endingReply } from './subscription/ending.ts';
export type { BalancerEvents } from './telemetry/events.ts';
export type { BalancerSnapshot, UpstreamSnapshot } from './telemetry/snapshot.ts';
export { type Clock, delay, type Random, systemClock, type TimerHandle } from './time/clock.ts';
export type { BackoffOptions } from './transport/backoff.ts';
export { combined } from './transport/combined.ts';
export { type CredentialOptions, describeEndpoint } from './transport/credentials.ts';
export { endpoint } from './transport/endpoint.ts';
export { http } from './transport/http.ts';
export type { HttpOptions } from './transport/http-options.ts';
export type { LivenessOptions } from './transport/liveness.ts';
export type { TlsOptions } from './transport/tls.ts';
export type * from './transport/transport.ts';
export { websocket } from './transport/websocket.ts';
export type { WebSocketOptions } from './transport/websocket-options.ts';
export { type Role, roles } from './upstream/role.ts';
export type { EndpointOption, UpstreamOptions } from './upstream/upstream.ts';
