import { WebSocketServer } from 'ws';

/**
 * Serves the clients of a node that moves, until the process is told to end or its parent is gone. The
 * parent is told when it listens.
 *
 * @param {number} port
 * @param {Map<string, unknown>} feeds live subscriptions by id; those of a client that left are removed
 * @param {(socket: import('ws').WebSocket, own: Set<string>, text: string) => void} receive takes a message;
 *   `own` are the ids of the client's subscriptions
 */
export function serveSockets(port, feeds, receive) {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port,
    perMessageDeflate: false,
    backlog: 4096,
  });
  server.on('connection', (socket) => {
    const own = new Set();
    socket.on('message', (data) => receive(socket, own, data.toString()));
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const name of own) feeds.delete(name);
    });
  });
  server.on('listening', () => process.send?.({ listening: true }));
  process.on('SIGTERM', () => process.exit());
  process.on('disconnect', () => process.exit());
}
