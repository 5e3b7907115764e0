// polkadot-api with the engine inside:   node examples/clients/dist/embed-papi.js ws://… ws://…
import { createBalancer } from '@dshackle/core';
import { asJsonRpcProvider, polkadot } from '@dshackle/polkadot-provider';
import { middleware } from '@polkadot-api/ws-middleware';
import { createClient } from 'polkadot-api';

const balancer = createBalancer({
  chain: polkadot({ genesisHash: 'any' }),
  upstreams: process.argv.slice(2),
});
// polkadot-api speaks the new interface only; this serves it from legacy calls what is not offered.
const legacy = middleware(asJsonRpcProvider(balancer));
const client = createClient((onMessage) => legacy(onMessage, () => {}));

console.log((await client.getChainSpecData()).name);
let blocks = 0;
client.finalizedBlock$.subscribe(async ({ number }) => {
  console.log(`finalized ${number}`);
  blocks += 1;
  if (blocks < 3) return;
  client.destroy();
  await balancer.close();
});
