import {
  type BlockData,
  type ChainProbes,
  type HealthReport,
  type RawJson,
  RpcResponseError,
  type UpstreamClient,
} from '@dshackle/core';
import { ask } from './ask.ts';
import { nobody, toNumber, toQuantity } from './header.ts';
import { judge } from './verdicts.ts';
import { widestRange } from './widest-range.ts';

/** Probes of an Ethereum node. `minPeers`: fewer than this many peers make it degraded; 0: not asked. */
export function ethereumProbes(minPeers: number): ChainProbes {
  return {
    health: async (client) => {
      const [syncing, peers] = await Promise.all([
        askHidden(client, 'eth_syncing'),
        minPeers > 0 ? askHidden(client, 'net_peerCount') : undefined,
      ]);
      return report(syncing, peers, minPeers);
    },
    // Nodes tell modules at best, and providers serve other methods than these say.
    methods: async () => undefined,
    version: async (client) => {
      const version = await askHidden(client, 'web3_clientVersion');
      const text: unknown = version === undefined ? undefined : JSON.parse(version);
      return typeof text === 'string' ? text : undefined;
    },
    keeps,
    widestRange,
  };
}

function report(
  syncing: RawJson | undefined,
  peerCount: RawJson | undefined,
  minPeers: number,
): HealthReport {
  const peers = peerCount === undefined ? undefined : toNumber(JSON.parse(peerCount));
  const said = peers === undefined ? {} : { peers };
  // An object tells how far it has come. Providers that hide it are judged by their heads.
  if (syncing?.trimStart().startsWith('{')) {
    return { status: 'unhealthy', reason: 'syncing', ...said };
  }
  if (peers === undefined || peers >= minPeers) return { status: 'healthy', ...said };
  return peers === 0
    ? { status: 'unhealthy', reason: 'no peers', ...said }
    : { status: 'degraded', reason: `${peers} of ${minPeers} peers`, ...said };
}

/** `undefined` from a node that does not offer the method. */
async function askHidden(client: UpstreamClient, method: string): Promise<RawJson | undefined> {
  try {
    return await ask((...call) => client.request(...call), method);
  } catch (error) {
    if (error instanceof RpcResponseError && judge(error).action === 'missing') return undefined;
    throw error;
  }
}

/** Does a node still have the state, or the body, of its block at that height? */
async function keeps(client: UpstreamClient, data: BlockData, height: number): Promise<boolean> {
  const request = (...call: Parameters<UpstreamClient['request']>) => client.request(...call);
  const at = toQuantity(height);
  try {
    if (data === 'block') {
      return (await ask(request, 'eth_getBlockTransactionCountByNumber', at)) !== 'null';
    }
    await ask(request, 'eth_getBalance', nobody, at);
    return true;
  } catch (error) {
    if (!(error instanceof RpcResponseError)) throw error;
    const verdict = judge(error);
    if (verdict.action === 'missing' && verdict.lacksBlock) return false;
    throw error;
  }
}
