import type { Chain } from '@dshackle/core';
import { cryptoWaitReady } from '@polkadot/util-crypto/crypto';
import { type ChainHeadLimits, resolveLimits } from '../chain-head/limits.ts';
import { NewApiTransport } from '../dialect/new-api-transport.ts';
import { PolkadotService } from '../service/polkadot-service.ts';
import {
  blake2,
  type HasherName,
  type HeaderHasher,
  headerHashers,
  isHash,
  keccak,
} from './header.ts';
import { substrateHeads } from './heads.ts';
import { Identity } from './identity.ts';
import { type KnownChain, type KnownChainId, knownChains } from './known-chains.ts';
import { answer } from './local.ts';
import { methodTraits } from './methods.ts';
import { paramList, positional } from './params.ts';
import { substrateProbes } from './probes.ts';
import { substrateSubmissions } from './submission.ts';
import { judge } from './verdicts.ts';

/** Options of {@link polkadot}. */
export interface PolkadotOptions {
  /**
   * A chain known by name, or any other name together with `genesisHash`.
   * @default 'polkadot', or 'substrate' when a `genesisHash` is given
   */
  readonly id?: KnownChainId | (string & {});
  /**
   * Hash of block 0, by which nodes of other chains are kept out. `'any'` pins what the first node
   * says that answers: the pool then is of one chain, though nobody vouches for which. A chain
   * object remembers its pin, so it must not be shared between pools of different chains.
   * @default the one of the chain known by `id`
   */
  readonly genesisHash?: string;
  /**
   * Time between blocks that the chain aims for, in milliseconds; lag and stall alarms are
   * multiples of it.
   * @default the one of the chain known by `id`, else 6000
   */
  readonly blockTimeMs?: number;
  /**
   * Compute the hash of every header instead of believing the upstream. On chains not known by
   * name it adapts by itself to another header format; `false` saves the tries.
   * @default true
   */
  readonly verifyHeaders?: boolean;
  /**
   * The chain's hash function (`frame_system::Config::Hashing`), of headers, extrinsics and storage
   * values alike. A header that does not have the hash so computed is refused; where the chain's
   * headers have another format than usual, set `verifyHeaders: false` as well.
   * @default headers are tried with both; extrinsics and values are hashed with BLAKE2b-256
   */
  readonly hasher?: HasherName;
  /**
   * Peers below which a node that should have peers counts as degraded; with none it is unhealthy.
   * @default 1
   */
  readonly minPeers?: number;
  /** What one client may hold by `chainHead_v1` and `transaction_v1`. */
  readonly chainHead?: ChainHeadLimits;
}

/**
 * Polkadot, or any other chain made with the Polkadot SDK, for the engine.
 * @throws Error when the chain is not known and no `genesisHash` is given, when a limit is out of
 *   range, or for a `hasher` that is none or not that of a chain known by `id`
 */
export function polkadot(options: PolkadotOptions = {}): Chain {
  const { id = options.genesisHash === undefined ? 'polkadot' : 'substrate' } = options;
  const known: KnownChain | undefined = Object.hasOwn(knownChains, id)
    ? knownChains[id as KnownChainId]
    : undefined;
  const identity = new Identity(id, expectedGenesis(id, options.genesisHash ?? known?.genesisHash));
  // On a chain known by name a header that does not fit is a lie; elsewhere it may be a format.
  const isKnown = known !== undefined && known.genesisHash === identity.genesisHash;
  const hasher = hasherOf(id, options.hasher, isKnown);
  const hashers = options.verifyHeaders === false ? [] : (hasher ?? [blake2, keccak]);
  const limits = resolveLimits(options.chainHead);
  // Hashes are computed in plain JavaScript until this is done, and where it cannot be.
  if (options.verifyHeaders !== false) void cryptoWaitReady();

  return {
    id,
    family: 'polkadot',
    blockTimeMs: options.blockTimeMs ?? known?.blockTimeMs ?? 6000,
    traits: methodTraits,
    positional,
    params: paramList,
    answer,
    identify: (request) => identity.check(request),
    heads: substrateHeads(identity, hashers),
    probes: substrateProbes(options.minPeers ?? 1),
    dialect: (transport, { clock }) => new NewApiTransport(transport, clock, hasher ?? blake2),
    service: (host) => new PolkadotService(host, limits, hasher),
    submissions: substrateSubmissions(hasher),
    judge: (_, error) => judge(error),
  };
}

/** The hash function as far as it is sure; `undefined` when headers have to be tried. */
function hasherOf(
  id: string,
  name: HasherName | undefined,
  isKnown: boolean,
): HeaderHasher | undefined {
  if (name === undefined) return isKnown ? blake2 : undefined;
  if (!Object.hasOwn(headerHashers, name)) {
    throw new Error(`unknown hasher '${name}'; allowed: ${Object.keys(headerHashers).join(', ')}`);
  }
  if (isKnown && headerHashers[name] !== blake2) {
    throw new Error(`the hasher of '${id}' is blake2-256, not ${name}`);
  }
  return headerHashers[name];
}

function expectedGenesis(id: string, genesisHash: string | undefined): string | undefined {
  if (genesisHash === 'any') return undefined;
  if (isHash(genesisHash)) return genesisHash;
  throw new Error(
    genesisHash === undefined
      ? `unknown chain '${id}': give its genesisHash, or 'any' to take the first node's word`
      : `genesisHash of '${id}' is not a hash: ${genesisHash}`,
  );
}
