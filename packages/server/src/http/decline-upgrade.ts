import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** Headers that speak of the upgrade alone. */
const upgradeHeaders: ReadonlySet<string> = new Set(['connection', 'upgrade', 'http2-settings']);

/**
 * Serves a request that offered to go on in another protocol than WebSocket as if it had not, which
 * HTTP allows. Java's client offers HTTP/2 with every first request, and Node, once it has WebSocket,
 * takes each such offer for an upgrade and reads no body.
 *
 * The request goes back to the server as text, without the offer.
 */
export function declineUpgrade(
  server: Server,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (!upgradeHeaders.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[i + 1]}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
