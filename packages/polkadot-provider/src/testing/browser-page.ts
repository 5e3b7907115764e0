import { ApiPromise } from '@polkadot/api';
import { PolkadotProvider } from '../index.ts';

/** What the page and the test that opens it share. */
export interface PageState {
  /** Endpoints to use; set before the page's script runs. */
  readonly upstreams: readonly string[];
  /** Genesis hash, once the API is ready. */
  genesisHash?: string;
  /** Numbers of the heads heard, in order. */
  readonly heads: number[];
  /** What went wrong. */
  error?: string;
}

declare global {
  var dshackle: PageState;
}

/** The application of the browser test: everything a page needs to follow a chain. */
async function main(state: PageState): Promise<void> {
  const provider = new PolkadotProvider({ upstreams: state.upstreams });
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  state.genesisHash = api.genesisHash.toHex();
  await api.rpc.chain.subscribeNewHeads((header) => {
    state.heads.push(header.number.toNumber());
  });
}

main(globalThis.dshackle).catch((error: unknown) => {
  globalThis.dshackle.error = String(error);
});
