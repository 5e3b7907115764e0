// polkadot-api with the engine inside:   node examples/clients/dist/embed-papi.js ws://… ws://…
import { createBalancer } from '@dshackle/core';
import { asJsonRpcProvider, polkadot } from '@dshackle/polkadot-provider';
import { createClient } from 'polkadot-api';

const balancer = createBalancer({
  chain: polkadot({ genesisHash: 'any' }),
  upstreams: process.argv.slice(2),
});
// It speaks `chainHead_v1` only, which the engine serves whether or not the nodes have it.
const client = createClient(asJsonRpcProvider(balancer));

console.log((await client.getChainSpecData()).name);
let blocks = 0;
client.finalizedBlock$.subscribe(async ({ number }) => {
  console.log(`finalized ${number}`);
  blocks += 1;
  if (blocks < 3) return;
  client.destroy();
  await balancer.close();
});
