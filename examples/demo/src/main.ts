#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { createBalancer, type UpstreamOptions } from '@dshackle/core';
import { type DevNode, type Devnet, startDevnet } from '@dshackle/devnet';
import { chainId, type EthDevnet, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { ethereum } from '@dshackle/eth-provider/chain';
import { polkadot } from '@dshackle/polkadot-provider/chain';
import { startServer } from '@dshackle/server';
import { demonstrate } from './demonstration.ts';
import { demonstrateEthereum } from './ethereum-demonstration.ts';

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
  say('Starting three local nodes of Polkadot and three of Ethereum (about ten seconds).');
  await using ethereumNodes = await startEthDevnet({ blockTimeMs });
  await using devnet = await startDevnet({ nodes: 3, blockTimeMs, signal: stop.signal });
  exitCode = await serve(devnet, ethereumNodes);
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(error);
    exitCode = 1;
  }
}
// Nothing may hold the process: what was started is closed by now.
process.exit(exitCode);

async function serve(devnet: Devnet, ethereumNodes: EthDevnet): Promise<number> {
  await using polkadotPool = createBalancer({
    chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash, blockTimeMs }),
    upstreams: devnet.nodes.map(endpoints),
  });
  await using ethereumPool = createBalancer({
    chain: ethereum({ id: 'devnet', chainId, blockTimeMs }),
    upstreams: ethereumNodes.nodes.map(endpoints),
  });
  const routes = [
    { id: 'polkadot', balancer: polkadotPool },
    { id: 'ethereum', balancer: ethereumPool },
  ];
  await using server = await startServer({ routes, port }).catch((error: Error) => {
    if (port === 0) throw error;
    say(`${error.message}; taking a free port.`);
    return startServer({ routes, port: 0 });
  });
  const urlOf = (route: string): string => `${server.url.replace('http', 'ws')}/${route}`;
  for (const [route, { nodes }] of [
    ['polkadot', devnet],
    ['ethereum', ethereumNodes],
  ] as const) {
    say('');
    say(`Serving on ${server.url}/${route} and ${urlOf(route)}`);
    for (const { id, wsUrl } of nodes) say(`  before ${id} ${wsUrl}`);
  }
  say('');
  const { signal } = stop;
  const common = { blockTimeMs, signal };
  await Promise.all([polkadotPool.ready(signal), ethereumPool.ready(signal)]);
  const held = await Promise.all([
    demonstrate({
      ...common,
      devnet,
      balancer: polkadotPool,
      serverUrl: urlOf('polkadot'),
      say: (line) => say(`polkadot  ${line}`),
    }),
    demonstrateEthereum({
      ...common,
      devnet: ethereumNodes,
      balancer: ethereumPool,
      serverUrl: urlOf('ethereum'),
      say: (line) => say(`ethereum  ${line}`),
    }),
  ]);
  const isWhole = held.every(Boolean);
  say('');
  say(isWhole ? 'Nothing was lost.' : 'SOMETHING WAS LOST.');
  if (!values.once) {
    say('');
    say(`The server goes on until Ctrl-C: ${urlOf('polkadot')} and ${urlOf('ethereum')}`);
    await stopped;
  }
  return isWhole ? 0 : 1;
}

function endpoints({ id, wsUrl, httpUrl }: DevNode | EthNode): UpstreamOptions {
  return { id, transport: [wsUrl, httpUrl] };
}
