import type { IncomingMessage } from 'node:http';

/**
 * Collects a request's body as text. `done` is called once, or never when the client goes away
 * first. Of a body above `maxBytes` nothing is kept; its rest is read and dropped, because closing
 * on a client that still sends would make it lose the answer.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  done: (body: string | 'too big') => void,
): void {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    request.resume();
    done('too big');
    return;
  }
  let first: Buffer | undefined;
  let others: Buffer[] | undefined;
  let bytes = 0;

  request.on('data', (chunk: Buffer): void => {
    const wasTooBig = bytes > maxBytes;
    bytes += chunk.length;
    if (bytes > maxBytes) {
      first = undefined;
      others = undefined;
      if (!wasTooBig) done('too big');
    } else if (first === undefined) first = chunk;
    else if (others === undefined) others = [chunk];
    else others.push(chunk);
  });
  request.on('end', (): void => {
    if (bytes > maxBytes) return;
    const body = first && others ? Buffer.concat([first, ...others], bytes) : first;
    done(body?.toString('utf8') ?? '');
  });
}
