// The server under test: node src/dshackle.mjs <port> <upstream URL>
import { createBalancer } from '@dshackle/core';
import { startServer } from '@dshackle/server';
import { benchChain } from './chain.mjs';

const [port, upstream] = process.argv.slice(2);
const balancer = createBalancer({ chain: benchChain(), upstreams: [upstream] });
await balancer.ready(AbortSignal.timeout(10_000));
await startServer({ routes: [{ id: 'bench', balancer }], port: Number(port) });
process.on('SIGTERM', () => {
  const [{ answered, failed }] = balancer.snapshot().upstreams;
  if (failed > 0) console.error(`${upstream}: ${failed} of ${answered + failed} attempts failed`);
  process.exit();
});
