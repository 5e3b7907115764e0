import { once } from 'node:events';
import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ApiOptions } from '@polkadot/api/types';
import { WebSocket } from 'ws';
import type { DevNode } from './dev-node.ts';

/** What a node answered, as it stood on the wire. */
export interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code?: number; readonly message: string };
}

/**
 * A bare WebSocket to one node that keeps what it is notified of. Over HTTP chopsticks leaves
 * the error code out of its answers.
 */
export interface TestClient extends Disposable {
  /** What every subscription of this connection said, in order. */
  readonly notifications: readonly unknown[];
  ask(method: string, ...params: readonly unknown[]): Promise<Answer>;
}

/** Connects to a node. */
export async function connectClient(node: DevNode): Promise<TestClient> {
  const socket = new WebSocket(node.wsUrl);
  await once(socket, 'open');
  const notifications: unknown[] = [];
  const asked = new Map<number, (answer: Answer) => void>();
  socket.on('message', (data) => {
    const { id, params, ...answer } = JSON.parse(String(data));
    if (id === undefined) notifications.push(params.result);
    else asked.get(id)?.(answer);
  });
  return {
    notifications,
    ask: (method, ...params) =>
      new Promise((resolve) => {
        const id = asked.size + 1;
        asked.set(id, resolve);
        socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
      }),
    [Symbol.dispose]: () => socket.terminate(),
  };
}

/** Asks a node once; an error answer rejects. */
export async function result(
  node: DevNode,
  method: string,
  ...params: readonly unknown[]
): Promise<unknown> {
  using client = await connectClient(node);
  const answer = await client.ask(method, ...params);
  if (answer.error) throw new Error(answer.error.message);
  return answer.result;
}

/** polkadot-js on one node. */
export function connectApi(node: DevNode): Promise<ApiPromise> {
  // Its own types disagree with each other under exactOptionalPropertyTypes.
  const provider = new WsProvider(node.wsUrl) as unknown as NonNullable<ApiOptions['provider']>;
  return ApiPromise.create({ provider, noInitWarn: true });
}
