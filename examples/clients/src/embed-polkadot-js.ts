// polkadot-js with the engine inside:   node examples/clients/dist/embed-polkadot-js.js ws://… ws://…
import { PolkadotProvider } from '@dshackle/polkadot-provider';
import { ApiPromise } from '@polkadot/api';

// The provider has an engine of its own, and closes it with the last disconnect.
const provider = new PolkadotProvider({ upstreams: process.argv.slice(2) });
const api = await ApiPromise.create({ provider, noInitWarn: true });

console.log(String(await api.rpc.system.chain()));
let blocks = 0;
await api.rpc.chain.subscribeFinalizedHeads(async ({ number }) => {
  console.log(`finalized ${number}`);
  blocks += 1;
  if (blocks === 3) await api.disconnect();
});
