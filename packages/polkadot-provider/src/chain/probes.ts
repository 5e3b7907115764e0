import type { ChainProbes, HealthReport, UpstreamClient } from '@dshackle/core';
import { ask, isMethodMissing } from './ask.ts';
import { keeps } from './keeps.ts';

/** What `system_health` answers. */
interface SystemHealth {
  readonly peers?: number;
  readonly isSyncing?: boolean;
  readonly shouldHavePeers?: boolean;
}

/** Probes of a Substrate node. `minPeers`: fewer than this many peers make it degraded. */
export function substrateProbes(minPeers: number): ChainProbes {
  return {
    health: async (client) => {
      const health = await unlessMissing<SystemHealth>(client, 'system_health');
      // Many public nodes hide it. Their heads still tell whether they follow the chain.
      return health === undefined ? { status: 'healthy' } : report(health, minPeers);
    },
    methods: async (client) => {
      const list = await unlessMissing<{ methods: string[] }>(client, 'rpc_methods');
      return list === undefined ? undefined : new Set(list.methods);
    },
    keeps,
  };
}

function report(health: SystemHealth, minPeers: number): HealthReport {
  // A development node alone in its network says that it should have none.
  const { peers = 0, shouldHavePeers = false } = health;
  const said = { peers, shouldHavePeers };
  if (health.isSyncing) return { status: 'unhealthy', reason: 'syncing', ...said };
  if (!shouldHavePeers || peers >= minPeers) return { status: 'healthy', ...said };
  return peers === 0
    ? { status: 'unhealthy', reason: 'no peers', ...said }
    : { status: 'degraded', reason: `${peers} of ${minPeers} peers`, ...said };
}

async function unlessMissing<T>(client: UpstreamClient, method: string): Promise<T | undefined> {
  try {
    const raw = await ask((...call) => client.request(...call), method);
    return JSON.parse(raw) as T;
  } catch (error) {
    if (isMethodMissing(error)) return undefined;
    throw error;
  }
}
