import type { Chain } from '@dshackle/core';
import { EthereumService } from '../service/ethereum-service.ts';
import { type LogOptions, resolveLogOptions } from '../service/log-options.ts';
import { blockParams } from './block-params.ts';
import { isHash } from './header.ts';
import { ethereumHeads } from './heads.ts';
import { Identity } from './identity.ts';
import { type Finality, type KnownChain, type KnownChainId, knownChains } from './known-chains.ts';
import { answer } from './local.ts';
import { methodTraits } from './methods.ts';
import { ethereumProbes } from './probes.ts';
import { ethereumSubmissions } from './submission.ts';
import { judge } from './verdicts.ts';

/** Options of {@link ethereum}. */
export interface EthereumOptions {
  /**
   * A chain known by name, or any other name together with `chainId`.
   * @default 'ethereum', or 'evm' when a `chainId` is given
   */
  readonly id?: KnownChainId | (string & {});
  /**
   * What `eth_chainId` answers, by which nodes of other chains are kept out. `'any'` pins what the
   * first node says that answers. A chain object remembers its pin, so it must not be shared between
   * pools of different chains.
   * @default the one of the chain known by `id`
   */
  readonly chainId?: number | 'any';
  /**
   * Hash of block 0, which tells apart chains that share a chain id.
   * @default the one of the chain known by `id`, else what the first node says
   */
  readonly genesisHash?: string;
  /**
   * Time between blocks that the chain aims for, in milliseconds; lag and stall alarms are
   * multiples of it.
   * @default the one of the chain known by `id`, else 12,000
   */
  readonly blockTimeMs?: number;
  /**
   * How blocks become final: as nodes say by the tag `finalized`, or so many blocks (1 to 10,000) deep.
   * @default the one of the chain known by `id`, else `'tag'`
   */
  readonly finality?: Finality;
  /**
   * Compute the hash of every header instead of believing the upstream. On chains not known by name
   * it adapts by itself to another header format; `false` saves the tries.
   * @default true
   */
  readonly verifyHeaders?: boolean;
  /**
   * Peers below which a node counts as degraded; with none it is unhealthy; 0: peers are not asked for.
   * @default 1 on chains known by name, else 0
   */
  readonly minPeers?: number;
  /** Bounds of queries for logs. */
  readonly logs?: LogOptions;
}

/**
 * Ethereum, or any other chain whose nodes speak its JSON-RPC, for the engine.
 * @throws Error when the chain is not known and no `chainId` is given, or an option is out of range
 */
export function ethereum(options: EthereumOptions = {}): Chain {
  const { id = options.chainId === undefined ? 'ethereum' : 'evm' } = options;
  const known: KnownChain | undefined = Object.hasOwn(knownChains, id)
    ? knownChains[id as KnownChainId]
    : undefined;
  const chainId = options.chainId ?? known?.chainId;
  const genesisHash = options.genesisHash ?? known?.genesisHash;
  check(id, chainId, genesisHash, options.finality);
  const logs = resolveLogOptions(options.logs);
  const identity = new Identity(id, chainId === 'any' ? undefined : chainId, genesisHash);
  // On a chain known by name a header that does not fit is a lie; elsewhere it may be a format.
  const isKnown = known !== undefined && known.chainId === chainId;
  const verification =
    options.verifyHeaders === false ? 'none' : isKnown ? 'strict' : ('adaptive' as const);
  return {
    id,
    family: 'ethereum',
    blockTimeMs: options.blockTimeMs ?? known?.blockTimeMs ?? 12_000,
    traits: methodTraits,
    blockParams,
    // Params are by position: no node takes names.
    positional: (_, params) => (Array.isArray(params) ? params : []),
    answer: (method, params, view) => answer(method, params, view, identity.chainId),
    identify: (request) => identity.check(request),
    heads: ethereumHeads(options.finality ?? known?.finality ?? 'tag', verification),
    probes: ethereumProbes(options.minPeers ?? (isKnown ? 1 : 0)),
    submissions: ethereumSubmissions,
    service: (host) => new EthereumService(host, logs),
    judge: (method, error) => judge(error, method),
  };
}

function check(
  id: string,
  chainId: number | 'any' | undefined,
  genesisHash: string | undefined,
  finality: Finality | undefined,
): void {
  if (chainId === undefined) {
    throw new Error(
      `unknown chain '${id}': give its chainId, or 'any' to take the first node's word`,
    );
  }
  if (chainId !== 'any' && (!Number.isSafeInteger(chainId) || chainId < 1)) {
    throw new Error(
      `chainId of '${id}' is ${chainId}: it must be a whole number above 0, or 'any'`,
    );
  }
  if (genesisHash !== undefined && !isHash(genesisHash)) {
    throw new Error(`genesisHash of '${id}' is not a hash: ${genesisHash}`);
  }
  if (finality === undefined || finality === 'tag') return;
  const { depth } = finality;
  if (!Number.isInteger(depth) || depth < 1 || depth > 10_000) {
    throw new Error(
      `finality of '${id}' has depth ${depth}: it must be 'tag', or 1 to 10,000 blocks`,
    );
  }
}
