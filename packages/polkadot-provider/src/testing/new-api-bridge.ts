import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** What may stand behind such a bridge. */
export interface NewApiBridge extends AsyncDisposable {
  readonly url: string;
  /** Methods that were passed on to the node, in order. */
  readonly asked: readonly string[];
  /** Methods that were declined because they are none of the new calls. */
  readonly declined: readonly string[];
  /** Cuts all connections, and takes no more. */
  die(): Promise<void>;
}

/**
 * Stands in front of a real node and lets through only the new calls, as a node would that has no
 * others.
 *
 * @param groups names of the groups that it has, such as `chainHead_v1`
 */
export async function startNewApiBridge(
  target: string,
  groups: readonly string[],
): Promise<NewApiBridge> {
  const asked: string[] = [];
  const declined: string[] = [];
  const has = (method: string): boolean => groups.some((group) => method.startsWith(`${group}_`));
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (client) => {
    const node = new WebSocket(target);
    const lists = new Set<unknown>();
    const waiting: string[] = [];
    node.on('open', () => {
      for (const text of waiting.splice(0)) node.send(text);
    });
    node.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (lists.delete(message.id)) {
        message.result.methods = message.result.methods.filter(has);
        client.send(JSON.stringify(message));
      } else client.send(String(data));
    });
    node.on('close', () => client.terminate());
    node.on('error', () => client.terminate());
    client.on('close', () => node.terminate());
    client.on('message', (data) => {
      const text = String(data);
      const { id, method } = JSON.parse(text);
      if (method === 'rpc_methods') lists.add(id);
      else if (!has(method)) {
        declined.push(method);
        const error = { code: -32_601, message: 'Method not found' };
        client.send(JSON.stringify({ jsonrpc: '2.0', id, error }));
        return;
      }
      asked.push(method);
      if (node.readyState === WebSocket.OPEN) node.send(text);
      else waiting.push(text);
    });
  });
  let closed: Promise<unknown> | undefined;
  const die = async (): Promise<void> => {
    if (closed === undefined) {
      closed = once(server, 'close');
      for (const client of server.clients) client.terminate();
      server.close();
    }
    await closed;
  };
  const { port } = server.address() as AddressInfo;
  return { url: `ws://127.0.0.1:${port}`, asked, declined, die, [Symbol.asyncDispose]: die };
}
