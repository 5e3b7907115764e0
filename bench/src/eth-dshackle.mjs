// The server before Ethereum nodes: node src/eth-dshackle.mjs <port> <upstream URL>...
import { createBalancer } from '@dshackle/core';
import { startServer } from '@dshackle/server';
import { ethBenchChain } from './eth-chain.mjs';

const [port, ...upstreams] = process.argv.slice(2);
const balancer = createBalancer({ chain: ethBenchChain(), upstreams });
await balancer.ready(AbortSignal.timeout(10_000));
// Of what a client has yet to read, 50 MB are held as one answer.
const limits = { maxBufferedBytes: 64 * 2 ** 20 };
await startServer({ routes: [{ id: 'bench', balancer }], port: Number(port), limits });
process.on('SIGTERM', () => process.exit());
