import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { delay, type Faults, garbageText } from './faults.ts';

/** Frames pass as they are, and each side's pings are for the other side to answer. */
const FAITHFUL = { perMessageDeflate: false, autoPong: false } as const;

/** Codes that say how a connection ended and cannot be sent. */
const NO_STATUS = 1005;
const ABNORMAL = 1006;

/** An `upgrade` listener that connects each client to `target` (`host:port`). */
export function webSocketRelay(target: string, faults: Readonly<Faults>) {
  const server = new WebSocketServer({ ...FAITHFUL, noServer: true });
  return async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    if (faults.blackHole) {
      socket.resume();
      return;
    }
    if (faults.retryAfterSeconds !== false) {
      socket.end(tooManyRequests(faults.retryAfterSeconds));
      return;
    }
    const protocols = request.headers['sec-websocket-protocol']?.split(/\s*,\s*/) ?? [];
    const upstream = new WebSocket(`ws://${target}${request.url}`, protocols, FAITHFUL);
    const refused = () => socket.destroy();
    const abandoned = () => upstream.terminate();
    upstream.once('error', refused);
    socket.once('close', abandoned);
    upstream.once('open', async () => {
      // The upstream may speak before the client is connected.
      upstream.pause();
      await delay(faults);
      if (socket.destroyed) return;
      server.handleUpgrade(request, socket, head, (client) => {
        upstream.off('error', refused);
        socket.off('close', abandoned);
        join(client, upstream, faults);
        upstream.resume();
      });
    });
  };
}

/** Sends now or later, in the order asked. */
type Schedule = (send: () => void) => void;

function join(client: WebSocket, upstream: WebSocket, faults: Readonly<Faults>): void {
  // Answers wait in line, so that a latency that shrinks does not reorder them.
  let line: Promise<void> = Promise.resolve();
  const inLine: Schedule = (send) => {
    const due = delay(faults);
    line = line.then(() => due).then(send);
  };
  // Before the relay's own listener: what the hearer breaks is broken for this message already.
  client.on('message', (data: RawData) => faults.hear(String(data)));
  relay(client, upstream, faults, (send) => send());
  relay(upstream, client, faults, inLine, garbageText);

  upstream.on('close', (code, reason) => {
    // Through a black hole not even the end is heard; see the last line of `relay`.
    if (!faults.blackHole) inLine(() => end(client, code, reason));
  });
  // The client's end leaves nothing to keep open, black hole or not.
  client.on('close', (code, reason) => end(upstream, code, reason));
}

/** One direction: messages, pings and pongs. */
function relay(
  from: WebSocket,
  to: WebSocket,
  faults: Readonly<Faults>,
  schedule: Schedule,
  garbage?: string,
): void {
  const pass = (send: () => void) => {
    if (faults.blackHole) return;
    schedule(() => {
      if (faults.blackHole) return;
      if (to.readyState === WebSocket.OPEN) send();
      // The other side left while nothing passed: who still speaks learns it now.
      else if (to.readyState === WebSocket.CLOSED) from.terminate();
    });
  };
  from.on('message', (data: RawData, binary: boolean) =>
    pass(() => {
      const spoilt = garbage !== undefined && faults.garbage;
      to.send(spoilt ? garbage : data, { binary: binary && !spoilt });
    }),
  );
  from.on('ping', (data) => pass(() => to.ping(data)));
  from.on('pong', (data) => pass(() => to.pong(data)));
  // The close that follows says it.
  from.on('error', () => {});
}

/** Ends a connection as its other half ended. */
function end(socket: WebSocket, code: number, reason: Buffer): void {
  if (code === ABNORMAL) socket.terminate();
  else if (code === NO_STATUS) socket.close();
  else socket.close(code, reason);
}

function tooManyRequests(retryAfterSeconds: number): string {
  return [
    'HTTP/1.1 429 Too Many Requests',
    `Retry-After: ${retryAfterSeconds}`,
    'Content-Length: 0',
    'Connection: close',
    '',
    '',
  ].join('\r\n');
}
