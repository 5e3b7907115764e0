import { createRequire } from 'node:module';
import { host, type NodeCommand } from './eth-process.ts';

/** Chain id of the devnet. */
export const chainId = 1337;
/** Timestamp of block 0, in seconds: the same on every node, so that all have the same block 0. */
export const genesisTime = 1_700_000_000;

/** Anvil on this port; it makes blocks only when it is told to. */
export function anvil(port: number): NodeCommand {
  return {
    file: binary(),
    args: [
      ...['--host', host, '--port', String(port), '--chain-id', String(chainId)],
      ...['--timestamp', String(genesisTime), '--no-mining', '--order', 'fifo'],
      // With several it lets other calls in between those of a batch, and what they sent is lost.
      ...['--threads', '1'],
      // An epoch of one block: the safe block is one behind the latest, the final one two.
      ...['--slots-in-an-epoch', '1', '--silent'],
    ],
  };
}

/** Anvil itself: the package's command is a wrapper, which signals would hit instead of the node. */
function binary(): string {
  const require = createRequire(import.meta.url);
  const system = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  return createRequire(require.resolve('@foundry-rs/anvil/package.json')).resolve(
    `@foundry-rs/anvil-${system}/bin/anvil`,
  );
}
