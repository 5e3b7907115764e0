import { createServer } from 'node:net';

/**
 * Below the range from which systems give ports to outgoing connections (Linux: from 32768), so
 * that nobody takes a node's port while it is down.
 */
const FIRST = 20_000;
const COUNT = 12_000;
const TRIES = 50;

/** A port of `host` nobody listens on. */
export async function freePort(host: string): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(host, port)) return port;
  }
  throw new Error(`[no free port] ${TRIES} tries on ${host}`);
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
