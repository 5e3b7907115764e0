import {
  type ChainService,
  type ErrorReply,
  errorReply,
  jsonRpcCodes,
  type Reply,
  type ServiceCall,
  type ServiceHost,
  type ServiceSink,
  type ServiceSubscribeCall,
  type ServiceSubscription,
} from '@dshackle/core';
import { BlockLogs } from './block-logs.ts';
import { Blooms } from './blooms.ts';
import { readLogFilter } from './log-filter.ts';
import { type LogOptions, resolveLogOptions } from './log-options.ts';
import { LogQuery } from './log-query.ts';
import { LogSubscription } from './log-subscription.ts';
import { ParamError } from './param-error.ts';
import { SyncingSubscription } from './syncing-subscription.ts';

/** What the balancer serves itself of an Ethereum node's methods, on top of the whole pool. */
export class EthereumService implements ChainService {
  readonly #host: ServiceHost;
  readonly #logs: BlockLogs;
  readonly #query: LogQuery;
  readonly #live = new Set<LogSubscription | SyncingSubscription>();
  readonly #stop: () => void;

  constructor(host: ServiceHost, options?: LogOptions) {
    const blooms = new Blooms();
    this.#host = host;
    this.#logs = new BlockLogs(host, blooms);
    this.#query = new LogQuery(host, blooms, resolveLogOptions(options));
    this.#stop = host.onChange(() => {
      for (const each of [...this.#live]) each.wake();
    });
  }

  call({ method, params, client, signal }: ServiceCall): Reply | Promise<Reply> {
    const options = { ...(signal && { signal }), ...(client && { session: client }) };
    if (method === 'eth_getLogs') return this.#query.answer(params, options);
    throw new Error(`${method} is not served`);
  }

  subscribe(call: ServiceSubscribeCall, sink: ServiceSink): ServiceSubscription | ErrorReply {
    try {
      return this.#subscription(call, sink);
    } catch (error) {
      if (error instanceof ParamError) return invalidParams(error.message);
      throw error;
    }
  }

  close(): void {
    this.#stop();
    for (const each of [...this.#live]) each.close();
  }

  #subscription(
    { params: [kind, param], client }: ServiceSubscribeCall,
    sink: ServiceSink,
  ): ServiceSubscription | ErrorReply {
    const onOver = (): void => {
      this.#live.delete(made);
    };
    let made: LogSubscription | SyncingSubscription;
    switch (kind) {
      case 'logs':
        made = new LogSubscription({
          host: this.#host,
          logs: this.#logs,
          readRange: (filter, from, to) => this.#query.read(filter, { from, to }),
          filter: readLogFilter(param),
          client,
          sink,
          onOver,
        });
        break;
      case 'syncing':
        made = new SyncingSubscription(this.#host, sink, onOver);
        break;
      default:
        return errorReply({
          code: jsonRpcCodes.methodNotFound,
          message: `no ${JSON.stringify(kind)} subscription in eth namespace`,
        });
    }
    this.#live.add(made);
    return made;
  }
}

function invalidParams(message: string): ErrorReply {
  return errorReply({ code: jsonRpcCodes.invalidParams, message });
}
