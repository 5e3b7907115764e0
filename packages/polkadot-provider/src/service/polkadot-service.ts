import {
  type ChainService,
  type ErrorReply,
  forwardOptions,
  type Reply,
  type ServiceCall,
  type ServiceHost,
  type ServiceSink,
  type ServiceSubscribeCall,
  type ServiceSubscription,
} from '@dshackle/core';
import type { HeaderHasher } from '../chain/header.ts';
import { ChainHead } from '../chain-head/chain-head.ts';
import { type ChainHeadLimits, resolveLimits } from '../chain-head/limits.ts';
import { invalidParams } from '../chain-head/replies.ts';
import { Archive } from './archive.ts';
import { Broadcasts } from './broadcasts.ts';
import { bytes, ParamError, text } from './check-params.ts';
import { StateReader } from './state-reader.ts';

/**
 * What the balancer serves itself of a Substrate node's methods: `chainHead_v1` and `transaction_v1`,
 * whose ids belong to one client, and `archive_v1` and `chainSpec_v1` where no upstream lists them.
 */
export class PolkadotService implements ChainService {
  readonly #chainHead: ChainHead;
  readonly #broadcasts: Broadcasts;
  readonly #archive: Archive;

  /** `hasher`: of the chain's storage values. @default BLAKE2b-256 */
  constructor(host: ServiceHost, limits?: ChainHeadLimits, hasher?: HeaderHasher) {
    const resolved = resolveLimits(limits);
    const reader = new StateReader(host, hasher);
    this.#chainHead = new ChainHead(host, reader, resolved);
    this.#broadcasts = new Broadcasts(host, resolved.maxBroadcasts);
    this.#archive = new Archive(host, reader);
  }

  call(call: ServiceCall): Reply | Promise<Reply> {
    const { method, params, client } = call;
    try {
      if (method.startsWith('chainHead_')) return this.#chainHead.answer(method, params, client);
      if (method === 'transaction_v1_broadcast') {
        return this.#broadcasts.broadcast(client, bytes('transaction', params[0]));
      }
      if (method === 'transaction_v1_stop') {
        return this.#broadcasts.stop(client, text('operationId', params[0]));
      }
      const options = forwardOptions(call);
      return this.#archive.call(method, params, options).catch(replyTo);
    } catch (error) {
      return replyTo(error);
    }
  }

  subscribe(call: ServiceSubscribeCall, sink: ServiceSink): ServiceSubscription | ErrorReply {
    try {
      return call.method === 'archive_v1_storage'
        ? this.#archive.storage(call.params, sink)
        : this.#chainHead.follow(call, sink);
    } catch (error) {
      return replyTo(error);
    }
  }

  close(): void {
    this.#chainHead.close();
    this.#broadcasts.close();
  }
}

/** The reply to params that are not what the method takes; anything else is thrown on. */
function replyTo(error: unknown): ErrorReply {
  if (error instanceof ParamError) return invalidParams(error.message);
  throw error;
}
