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
  let chunks: Buffer[] = [];
  let bytes = 0;

  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= maxBytes) {
      chunks.push(chunk);
      return;
    }
    chunks = [];
    request.off('data', onData);
    request.off('end', onEnd);
    request.resume();
    done('too big');
  };
  const onEnd = (): void => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes);
    done(body.toString('utf8'));
  };
  request.on('data', onData);
  request.once('end', onEnd);
}
