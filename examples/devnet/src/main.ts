#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { startDevnet } from './devnet.ts';

const usage = `usage: devnet [--nodes N] [--block-time MS] [--lag BLOCKS,BLOCKS,…] [--finality-lag BLOCKS]
              [--port P of the first node] [--chain NAME]`;

const { values } = (() => {
  try {
    return parseArgs({
      options: {
        nodes: { type: 'string', default: '3' },
        'block-time': { type: 'string', default: '3000' },
        lag: { type: 'string', default: '' },
        'finality-lag': { type: 'string', default: '0' },
        port: { type: 'string' },
        chain: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exit(2);
  }
})();
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const stop = new AbortController();
// The first signal wins; a second one finds the default behaviour again.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

console.log(`starting ${values.nodes} nodes`);
try {
  const devnet = await startDevnet({
    nodes: Number(values.nodes),
    blockTimeMs: Number(values['block-time']),
    finalityLag: Number(values['finality-lag']),
    lag: values.lag.split(',').map(Number),
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
    ...(values.chain === undefined ? {} : { chain: values.chain }),
    log: (line) => console.log(line),
    signal: stop.signal,
  });
  console.log(`genesis ${devnet.genesisHash}`);
  for (const { id, pid, wsUrl, httpUrl } of devnet.nodes) {
    console.log(`${id} ${wsUrl} ${httpUrl} pid ${pid}`);
  }
  console.log('ready; Ctrl-C ends it');
} catch (error) {
  // A signal during the start is an end like any other.
  if (!stop.signal.aborted) throw error;
}
