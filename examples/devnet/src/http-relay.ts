import { type Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { delay, type Faults, garbageText } from './faults.ts';

/** What one HTTP exchange needs. */
export interface HttpRelayContext {
  /** `host:port`. */
  readonly target: string;
  readonly agent: Agent;
  readonly faults: Readonly<Faults>;
}

/** Forwards one request, through whatever faults are on by the time of each step. */
export function answerRequest(
  incoming: IncomingMessage,
  response: ServerResponse,
  { target, agent, faults }: HttpRelayContext,
): void {
  if (faults.blackHole) {
    incoming.resume();
    return;
  }
  if (faults.retryAfterSeconds !== false) {
    incoming.resume();
    response.writeHead(429, { 'retry-after': String(faults.retryAfterSeconds) });
    response.end('Too Many Requests');
    return;
  }
  const { method, url, headers } = incoming;
  const outgoing = request(`http://${target}${url}`, {
    agent,
    method: method ?? 'GET',
    headers: { ...headers, host: target },
  });
  outgoing.on('response', async (answer) => {
    await delay(faults);
    if (faults.blackHole) {
      answer.resume();
    } else if (faults.garbage) {
      answer.resume();
      response.writeHead(200, { 'content-type': 'application/json' }).end(garbageText);
    } else {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.once('error', () => incoming.socket.destroy());
    }
  });
  // A dead upstream looks dead: no 502 that the upstream itself would never say.
  outgoing.once('error', () => {
    if (!faults.blackHole) incoming.socket.destroy();
  });
  response.once('close', () => {
    if (!response.writableFinished) outgoing.destroy();
  });
  incoming.pipe(outgoing);
}
