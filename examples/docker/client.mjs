/**
 * Prints the status of the chain at every new block. An ordinary application: it knows the
 * balancer's address and nothing of what is behind it.
 */
import { ApiPromise, WsProvider } from '@polkadot/api';

const url = process.env.DSHACKLE_URL ?? 'http://127.0.0.1:8080';
const route = process.env.DSHACKLE_ROUTE ?? 'devnet';

// The first process of a container has no default behaviour for signals.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

const provider = new WsProvider(`${url.replace('http', 'ws')}/${route}`);
const api = await ApiPromise.create({ provider, noInitWarn: true });
const { specName, specVersion } = api.runtimeVersion;
console.log(`connected to ${await api.rpc.system.chain()}, runtime ${specName} ${specVersion}`);

let finalized = 0;
await api.rpc.chain.subscribeFinalizedHeads(({ number }) => {
  finalized = number.toNumber();
});

let last = 0;
await api.rpc.chain.subscribeNewHeads(async (header) => {
  const best = header.number.toNumber();
  if (last !== 0 && best !== last + 1) console.log(`NOT IN ORDER: ${best} after ${last}`);
  last = best;
  const hash = header.hash.toHex();
  try {
    const [{ block }, health, version] = await Promise.all([
      call('chain_getBlock', [hash]),
      call('system_health'),
      call('system_version'),
    ]);
    const state = health.isSyncing ? 'syncing' : 'in sync';
    console.log(
      `best ${best} ${hash.slice(0, 10)}… with ${block.extrinsics.length} extrinsics, finalized ${finalized}; node ${version} ${state}, ${health.peers} peers`,
    );
  } catch (error) {
    console.log(`FAILED at ${best}: ${error.message}`);
  }
});

/** One call over HTTP. */
async function call(method, params = []) {
  const response = await fetch(`${url}/${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}
