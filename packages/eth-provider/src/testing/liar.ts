import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { EthNode } from '@dshackle/devnet/ethereum';
import { WebSocket, WebSocketServer } from 'ws';

/** An answer or a notice of a node. */
export type Message = {
  id?: unknown;
  params?: { subscription: string; result: Record<string, unknown> };
  result?: unknown;
};

/** What was asked. */
export interface Asked {
  readonly id: unknown;
  readonly method: string;
  readonly params?: unknown;
}

/** What a node says in place of the truth: any number of messages in place of one. */
export type Lie = (message: Message, request: Asked | undefined) => readonly unknown[];

/** A way to a node on which every answer and notice of the node goes through `lie`. */
export async function liar(
  node: EthNode,
  lie: Lie,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (client) => {
    const upstream = new WebSocket(node.wsUrl);
    const requests = new Map<unknown, Asked>();
    const early: string[] = [];
    client.on('message', (data) => {
      const text = String(data);
      const request = JSON.parse(text) as Asked;
      requests.set(request.id, request);
      if (upstream.readyState === WebSocket.OPEN) upstream.send(text);
      else early.push(text);
    });
    upstream.on('open', () => {
      for (const text of early) upstream.send(text);
    });
    upstream.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message;
      for (const told of lie(message, requests.get(message.id))) client.send(JSON.stringify(told));
    });
    client.on('close', () => upstream.close());
    upstream.on('close', () => client.close());
    upstream.on('error', () => client.close());
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
