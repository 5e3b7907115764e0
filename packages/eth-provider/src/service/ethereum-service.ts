import {
  type ChainService,
  type ErrorReply,
  errorReply,
  jsonRpcCodes,
  type Reply,
  RpcResponseError,
  type ServiceCall,
  type ServiceHost,
  type ServiceSink,
  type ServiceSubscribeCall,
  type ServiceSubscription,
} from '@dshackle/core';
import { toQuantity } from '../chain/header.ts';
import { BlockLogs, type LogTexts } from './block-logs.ts';
import { Blooms } from './blooms.ts';
import { type LogFilter, readLogFilter } from './log-filter.ts';
import { LogSubscription } from './log-subscription.ts';
import { ParamError } from './param-error.ts';
import { SyncingSubscription } from './syncing-subscription.ts';

/** What the balancer serves itself of an Ethereum node's methods, on top of the whole pool. */
export class EthereumService implements ChainService {
  readonly #host: ServiceHost;
  readonly #logs: BlockLogs;
  readonly #live = new Set<LogSubscription | SyncingSubscription>();
  readonly #stop: () => void;

  constructor(host: ServiceHost) {
    this.#host = host;
    this.#logs = new BlockLogs(host, new Blooms());
    this.#stop = host.onChange(() => {
      for (const each of [...this.#live]) each.wake();
    });
  }

  call({ method }: ServiceCall): Reply {
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
          readRange: (filter, from, to) => this.#readRange(filter, from, to),
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

  async #readRange(filter: LogFilter, from: number, to: number): Promise<LogTexts> {
    if (from > to) return [];
    const reply = await this.#host.forward('eth_getLogs', [
      { ...filter.criteria, fromBlock: toQuantity(from), toBlock: toQuantity(to) },
    ]);
    if (reply.kind === 'error') throw new RpcResponseError(reply.error);
    return (JSON.parse(reply.result) as readonly unknown[]).map((log) => JSON.stringify(log));
  }
}

function invalidParams(message: string): ErrorReply {
  return errorReply({ code: jsonRpcCodes.invalidParams, message });
}
