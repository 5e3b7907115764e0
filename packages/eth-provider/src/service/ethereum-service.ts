import {
  type ChainService,
  type ErrorReply,
  errorReply,
  forwardOptions,
  jsonRpcCodes,
  type Reply,
  RpcResponseError,
  type ServiceCall,
  type ServiceHost,
  type ServiceSink,
  type ServiceSubscribeCall,
  type ServiceSubscription,
  type Session,
} from '@dshackle/core';
import { BlockLogs } from './block-logs.ts';
import { BlockPoll } from './block-poll.ts';
import { Blooms } from './blooms.ts';
import { fillTransaction } from './fill-transaction.ts';
import { Filters } from './filters.ts';
import { readLogFilter } from './log-filter.ts';
import { type LogOptions, resolveLogOptions } from './log-options.ts';
import { LogPoll } from './log-poll.ts';
import { LogQuery } from './log-query.ts';
import { LogSubscription } from './log-subscription.ts';
import { ParamError } from './param-error.ts';
import { PendingPoll } from './pending-poll.ts';
import { SyncingSubscription } from './syncing-subscription.ts';

/** What the balancer serves itself of an Ethereum node's methods, on top of the whole pool. */
export class EthereumService implements ChainService {
  readonly #host: ServiceHost;
  readonly #logs: BlockLogs;
  readonly #query: LogQuery;
  readonly #filters: Filters;
  readonly #live = new Set<LogSubscription | SyncingSubscription>();
  readonly #stop: () => void;

  constructor(host: ServiceHost, options?: LogOptions) {
    const blooms = new Blooms();
    this.#host = host;
    this.#logs = new BlockLogs(host, blooms);
    this.#filters = new Filters(host.clock);
    this.#query = new LogQuery(host, blooms, resolveLogOptions(options));
    this.#stop = host.onChange(() => {
      for (const each of [...this.#live]) each.wake();
    });
  }

  call(call: ServiceCall): Reply | Promise<Reply> {
    const { method, params, client } = call;
    const options = forwardOptions(call);
    const [first] = params;
    switch (method) {
      case 'eth_getLogs':
        return this.#query.answer(params, options);
      case 'eth_fillTransaction':
        return fillTransaction(this.#host, params, options);
      case 'eth_newFilter':
      case 'eth_newBlockFilter':
      case 'eth_newPendingTransactionFilter':
        return this.#newFilter(method, first, client);
      case 'eth_getFilterChanges':
        return this.#filters.changes(first, client);
      case 'eth_getFilterLogs': {
        const found = this.#filters.queryOf(first, client);
        if (!found) return errorReply({ code: -32_000, message: 'filter not found' });
        return this.#query.answer([found.query], options);
      }
      case 'eth_uninstallFilter':
        return { kind: 'result', result: String(this.#filters.remove(first, client)) };
      default:
        throw new Error(`${method} is not served`);
    }
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
    this.#filters.close();
    for (const each of [...this.#live]) each.close();
  }

  #newFilter(method: string, param: unknown, client: Session | undefined): Reply | Promise<Reply> {
    const refusal = this.#filters.refusal(client);
    if (refusal) return refusal;
    if (method === 'eth_newBlockFilter') {
      return this.#filters.add(new BlockPoll(this.#host), client);
    }
    if (method === 'eth_newPendingTransactionFilter') return this.#pending(param === true, client);
    try {
      const poll = new LogPoll({
        host: this.#host,
        logs: this.#logs,
        readRange: (filter, span) => this.#query.read(filter, span),
        param,
      });
      return this.#filters.add(poll, client);
    } catch (error) {
      if (error instanceof ParamError) return invalidParams(error.message);
      throw error;
    }
  }

  async #pending(full: boolean, client: Session | undefined): Promise<Reply> {
    try {
      return this.#filters.add(await PendingPoll.begin(this.#host, full), client);
    } catch (error) {
      if (!(error instanceof RpcResponseError)) throw error;
      return errorReply({ code: error.code, message: error.message });
    }
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
