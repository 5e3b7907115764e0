import { errorReply, type RawJson, type Reply, type UpstreamOptions } from '@dshackle/core';
import { result, type ScriptedPeer, ScriptedTransport } from '@dshackle/core/testing';

/** Answers one call. */
export type NodeHandler = (method: string, params: RawJson) => Reply | Promise<Reply>;

/** What jsonrpsee, the server inside every Substrate node, says of params that it cannot read. */
export const invalidParams: Reply = errorReply({
  code: -32_602,
  message: 'Invalid params',
  data: 'invalid type: integer `5`, expected a string at line 1 column 2',
});

/** A hash of 32 equal bytes. */
export function word(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0').repeat(32)}`;
}

const header = (number: number) => ({
  parentHash: word(number),
  number: `0x${number.toString(16)}`,
  stateRoot: word(0xaa),
  extrinsicsRoot: word(0xbb),
  digest: { logs: [] },
});

/** Number of the newest block, which is final; block `n` has the hash `word(n + 1)`. */
export const height = 3;

/**
 * A Substrate node in memory, of a chain that stands still. It answers by itself what the engine asks
 * of every node, and all else as it is told.
 */
export class SubstrateNode implements ScriptedPeer {
  readonly id: string;
  /** Answers whatever the engine does not ask for itself. */
  answers: NodeHandler = () => invalidParams;
  /** What it was asked besides, in order. */
  readonly asked: { readonly method: string; readonly params: RawJson }[] = [];
  readonly #subscriptions = new Map<string, string>();
  #transport: ScriptedTransport | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** What goes into a balancer's `upstreams`. */
  upstream(): UpstreamOptions {
    return {
      id: this.id,
      transport: (context) => {
        this.#transport = new ScriptedTransport(this, context);
        return this.#transport;
      },
    };
  }

  /** Methods of the live subscriptions, less those by which the engine follows the heads. */
  get subscriptions(): readonly string[] {
    return [...this.#subscriptions.values()].filter(
      (method) => !/^chain_subscribe(?:All|New|Finalized)Heads$/.test(method),
    );
  }

  /** Breaks the connection. */
  crash(): void {
    this.#subscriptions.clear();
    this.#transport?.cut();
  }

  /** Takes connections again. */
  async restart(): Promise<void> {
    await this.#transport?.connect();
  }

  answer(method: string, params: RawJson): Reply | Promise<Reply> {
    const own = this.#answerItself(method, params);
    if (own !== undefined) return own;
    this.asked.push({ method, params });
    return this.answers(method, params);
  }

  subscribed(method: string, _params: RawJson, id: string, push: (item: RawJson) => void): void {
    this.#subscriptions.set(id, method);
    if (/^chain_subscribe/.test(method)) push(JSON.stringify(header(height)));
  }

  unsubscribed(id: string): void {
    this.#subscriptions.delete(id);
  }

  #answerItself(method: string, raw: RawJson): Reply | undefined {
    const params: unknown = JSON.parse(raw);
    // Methods that the table does not know may have them by name.
    const first: unknown = Array.isArray(params) ? params[0] : undefined;
    switch (method) {
      case 'chain_getBlockHash': {
        const number = first ?? height;
        if (typeof number !== 'number') return undefined;
        return result(number <= height ? word(number + 1) : null);
      }
      case 'chain_getFinalizedHead':
        return result(word(height + 1));
      case 'chain_getHeader': {
        const number = Number.parseInt(String(first).slice(2, 4), 16) - 1;
        return first === word(number + 1) && number <= height ? result(header(number)) : undefined;
      }
      case 'state_getRuntimeVersion':
        return result({
          specName: 'scripted',
          implName: 'n',
          specVersion: 1,
          implVersion: 0,
          apis: [],
          transactionVersion: 1,
        });
      case 'system_health':
        return result({ peers: 3, isSyncing: false, shouldHavePeers: true });
      case 'rpc_methods':
        return errorReply({ code: -32_601, message: 'Method not found' });
      default:
        return /^chain_subscribe(?:All|New|Finalized)Heads$/.test(method)
          ? result('id')
          : undefined;
    }
  }
}
