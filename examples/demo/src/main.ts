#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { createBalancer } from '@dshackle/core';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { polkadot } from '@dshackle/polkadot-provider/chain';
import { startServer } from '@dshackle/server';
import { demonstrate } from './demonstration.ts';

const { values } = parseArgs({
  options: {
    /** End after the demonstration. */
    once: { type: 'boolean', default: false },
    /** Port of the server; a free one when it is taken. */
    port: { type: 'string', default: '8080' },
    /** Time between blocks, in milliseconds. */
    'block-time': { type: 'string', default: '3000' },
  },
});
const blockTimeMs = Number(values['block-time']);
const port = Number(values.port);
if (!(blockTimeMs >= 500) || !Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error('usage: demo [--once] [--port 0-65535] [--block-time MS, at least 500]');
  process.exit(2);
}

const stop = new AbortController();
const stopped = new Promise<void>((resolve) =>
  stop.signal.addEventListener('abort', () => resolve()),
);
// The first signal ends it in order; a second one finds the default behaviour and kills.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
const say = (line: string): void => console.log(line);

let exitCode = 0;
try {
  say('Starting three local nodes (about ten seconds).');
  await using devnet = await startDevnet({ nodes: 3, blockTimeMs, signal: stop.signal });
  exitCode = await serve(devnet);
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(error);
    exitCode = 1;
  }
}
// Nothing may hold the process: what was started is closed by now.
process.exit(exitCode);

async function serve(devnet: Devnet): Promise<number> {
  await using balancer = createBalancer({
    chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs }),
    upstreams: devnet.nodes.map(({ id, wsUrl, httpUrl }) => ({ id, transport: [wsUrl, httpUrl] })),
  });
  const routes = [{ id: 'polkadot', balancer }];
  await using server = await startServer({ routes, port }).catch((error: Error) => {
    if (port === 0) throw error;
    say(`${error.message}; taking a free port.`);
    return startServer({ routes, port: 0 });
  });
  const serverUrl = `${server.url.replace('http', 'ws')}/polkadot`;
  say('');
  say(`Serving on ${server.url}/polkadot and ${serverUrl}`);
  for (const { id, wsUrl } of devnet.nodes) say(`  before ${id} ${wsUrl}`);
  say('');
  await balancer.ready(stop.signal);
  const { signal } = stop;
  const held = await demonstrate({ devnet, balancer, serverUrl, blockTimeMs, say, signal });
  say('');
  say(held ? 'Nothing was lost.' : 'SOMETHING WAS LOST.');
  if (!values.once) {
    say('');
    say(`The server goes on until Ctrl-C: ${serverUrl}`);
    await stopped;
  }
  return held ? 0 : 1;
}
