// dedot with the engine inside:   node examples/clients/dist/embed-dedot.js ws://… ws://…
import { createBalancer } from '@dshackle/core';
import { DedotProvider, polkadot } from '@dshackle/polkadot-provider';
import { JsonRpcClient } from 'dedot';

const balancer = createBalancer({
  chain: polkadot({ genesisHash: 'any' }),
  upstreams: process.argv.slice(2),
});
const client = await JsonRpcClient.new(new DedotProvider(balancer));

console.log(await client.rpc.system_chain());
let blocks = 0;
await client.rpc.chain_subscribeFinalizedHeads(async ({ number }: { readonly number: number }) => {
  console.log(`finalized ${number}`);
  blocks += 1;
  if (blocks < 3) return;
  await client.disconnect();
  await balancer.close();
});
