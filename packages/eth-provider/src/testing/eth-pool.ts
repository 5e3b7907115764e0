import type { Balancer, UpstreamOptions } from '@dshackle/core';
import { chainId, devPhrase, type EthDevnet } from '@dshackle/devnet/ethereum';
import { HDNodeWallet } from 'ethers';
import { vi } from 'vitest';
import { ethereum } from '../chain/ethereum.ts';

/** The accounts that every node of the devnet gives money to; `count` up to ten. */
export function richAccounts(count: number): readonly HDNodeWallet[] {
  return Array.from({ length: count }, (_, i) =>
    HDNodeWallet.fromPhrase(devPhrase, undefined, `m/44'/60'/0'/0/${i}`),
  );
}

/** Options of an engine over all nodes of a devnet. */
export function poolOf(devnet: EthDevnet) {
  return {
    chain: ethereum({ chainId, blockTimeMs: 1000 }),
    upstreams: devnet.nodes.map(({ id, wsUrl }): UpstreamOptions => ({ id, transport: wsUrl })),
  };
}

/**
 * Brings back what crashed, and resolves once every node serves. A node that follows forgets what
 * reaches it while it takes a block, so that the first one must be among those that are sent to.
 */
export async function allServe(devnet: EthDevnet, balancer: Balancer): Promise<void> {
  for (const node of devnet.nodes) if (node.status === 'crashed') await node.restart();
  const serving = (): number =>
    balancer.snapshot().upstreams.filter(({ reason }) => reason === undefined).length;
  await vi.waitFor(
    () => {
      if (serving() < devnet.nodes.length) throw new Error(`only ${serving()} nodes serve`);
    },
    { timeout: 30_000 },
  );
}
