// The server before nodes that move:
// node --expose-gc src/dshackle-pool.mjs <port> <polkadot|ethereum> <paceMs> <upstream URL>...
// Asked over its channel, it collects garbage and tells what memory it holds.
import { createBalancer } from '@dshackle/core';
import { startServer } from '@dshackle/server';
import { benchChain, mortalUpstreams } from './chain.mjs';
import { ethBenchChain } from './eth-chain.mjs';

const [port, family, paceMs, ...urls] = process.argv.slice(2);
const chainOf = family === 'ethereum' ? ethBenchChain : benchChain;
const balancer = createBalancer({
  chain: chainOf(Number(paceMs)),
  upstreams: mortalUpstreams(urls),
});
await balancer.ready(AbortSignal.timeout(10_000));
const server = await startServer({ routes: [{ id: 'bench', balancer }], port: Number(port) });
process.on('message', () => {
  // What one collection frees others may still hold on to, by finalizers and weak maps.
  for (let times = 0; times < 3; times += 1) globalThis.gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  process.send({ heapUsed, external, rss, ...server.load });
});
process.on('SIGTERM', () => process.exit());
process.on('disconnect', () => process.exit());
