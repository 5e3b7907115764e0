import { JsonRpcClient, type JsonRpcEngine, type JsonRpcError } from '@dshackle/core';

/** An id of a request. */
export type JsonRpcId = string | number | null;

/** A request, or without an id a notification. */
export interface JsonRpcRequest {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: unknown;
  readonly id?: JsonRpcId;
}

/** What a client is told: the answer to a request, or a notification of a subscription. */
export type JsonRpcMessage =
  | JsonRpcRequest
  | { readonly jsonrpc: '2.0'; readonly id: JsonRpcId; readonly result: unknown }
  | { readonly jsonrpc: '2.0'; readonly id: JsonRpcId; readonly error: JsonRpcError };

/** One client of a {@link JsonRpcProvider}. */
export interface JsonRpcConnection {
  send(message: JsonRpcRequest): void;
  /** Ends its subscriptions and gives up its calls; nothing is told any more. */
  disconnect(): void;
}

/** What polkadot-api's `createClient` takes, as `@polkadot-api/json-rpc-provider` 0.2 declares it. */
export type JsonRpcProvider = (onMessage: (message: JsonRpcMessage) => void) => JsonRpcConnection;

/**
 * An engine in the shape that polkadot-api takes. Each connection is a client of its own: it has
 * its own view of the chain and its own subscriptions. The engine stays the caller's to close.
 */
export function asJsonRpcProvider(engine: JsonRpcEngine): JsonRpcProvider {
  return (onMessage) => {
    const client = new JsonRpcClient(engine);
    return {
      send: (request) => serve(engine, client, request, onMessage),
      disconnect: () => client.close(),
    };
  };
}

function serve(
  { chain }: JsonRpcEngine,
  client: JsonRpcClient,
  { id, method, params }: JsonRpcRequest,
  onMessage: (message: JsonRpcMessage) => void,
): void {
  const answer = (
    outcome: { readonly result: unknown } | { readonly error: JsonRpcError },
  ): void => {
    if (id !== undefined) onMessage({ jsonrpc: '2.0', id, ...outcome });
  };
  const onResult = (result: unknown): void => answer({ result });
  const onError = (error: JsonRpcError): void => answer({ error });
  const { kind, subscription: traits } = chain.traits(method);
  if (kind !== 'subscribe') {
    client.request(method, params, { onResult, onError });
    return;
  }
  // A subscription nobody knows the id of can never be ended: not made.
  if (id === undefined) return;
  let subscription = '';
  const notify = (item: object): void =>
    onMessage({
      jsonrpc: '2.0',
      method: traits?.notification ?? method,
      params: { subscription, ...item },
    });
  client.subscribe(method, params, {
    onResult: (given) => {
      subscription = given;
      onResult(given);
    },
    onError,
    onItem: (result) => notify({ result }),
    onEnd: (error) => notify({ error }),
  });
}
