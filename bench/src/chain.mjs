import { polkadot } from '@dshackle/polkadot-provider/chain';

/** The chain of `native/upstream.c`. */
export const benchChain = () => polkadot({ id: 'bench', genesisHash: `0x${'91'.repeat(32)}` });
