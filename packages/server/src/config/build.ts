import { readFileSync } from 'node:fs';
import {
  type Balancer,
  type Chain,
  type CredentialOptions,
  createBalancer,
  type EndpointOption,
  http,
  type TlsOptions,
  type UpstreamOptions,
  websocket,
} from '@dshackle/core';
import { ethereum } from '@dshackle/eth-provider/chain';
import { polkadot } from '@dshackle/polkadot-provider/chain';
import type {
  ChainConfig,
  Config,
  EndpointConfig,
  ProxyConfig,
  TlsFiles,
  UpstreamConfig,
} from './config.ts';

/**
 * One balancer for each chain that a route leads to, by the chain's id. They start connecting at
 * once.
 */
export function buildBalancers(config: Config): ReadonlyMap<string, Balancer> {
  const routed = new Set(config.proxy.routes.map(({ chain }) => chain));
  const chains = config.chains.filter(({ id }) => routed.has(id));
  return new Map(
    chains.map((chain) => {
      const upstreams = config.upstreams.filter(
        (upstream) => upstream.enabled && upstream.chain === chain.id,
      );
      return [chain.id, buildBalancer(chain, upstreams, config.proxy)];
    }),
  );
}

function buildBalancer(
  chain: ChainConfig,
  upstreams: readonly UpstreamConfig[],
  proxy: ProxyConfig,
): Balancer {
  const { submitWidth } = chain;
  return createBalancer({
    chain: buildChain(chain, proxy),
    upstreams: upstreams.map(toUpstream),
    policy: {
      deadlineMs: chain.deadlineMs,
      attemptTimeoutMs: chain.attemptTimeoutMs,
      ...given({ submitWidth }),
    },
    health: { probeIntervalMs: chain.probeIntervalMs },
  });
}

function buildChain(config: ChainConfig, { chainHead }: ProxyConfig): Chain {
  const { id, family, minPeers, chainId, genesisHash, blockTimeMs, hasher } = config;
  switch (family) {
    case 'substrate':
      return polkadot({ id, minPeers, chainHead, ...given({ genesisHash, blockTimeMs, hasher }) });
    case 'ethereum': {
      // A block 0 that is not given is the first upstream's.
      const pinned = genesisHash === 'any' ? undefined : genesisHash;
      return ethereum({ id, minPeers, ...given({ chainId, genesisHash: pinned, blockTimeMs }) });
    }
  }
}

function toUpstream(upstream: UpstreamConfig): UpstreamOptions {
  const { id, role, labels, methods, limits } = upstream;
  return { id, role, labels, methods, limits: given(limits), transport: endpoints(upstream) };
}

function endpoints({ rpc, ws }: UpstreamConfig): EndpointOption[] {
  const made: EndpointOption[] = [];
  if (ws !== undefined) {
    const { connections, maxMessageBytes, compression } = ws;
    const options = given({ sockets: connections, maxMessageBytes, compression });
    made.push(websocket(ws.url, { ...credentials(ws), ...options }));
  }
  if (rpc !== undefined) {
    made.push(
      http(rpc.url, { ...credentials(rpc), ...given({ connections: rpc.maxConnections }) }),
    );
  }
  return made;
}

function credentials(endpoint: EndpointConfig): CredentialOptions & { readonly tls?: TlsOptions } {
  const { headers, basicAuth, bearerToken } = endpoint;
  const tls = endpoint.tls === undefined ? undefined : readTls(endpoint.tls);
  return { headers, ...given({ basicAuth, bearerToken, tls }) };
}

function readTls({ ca, certificate, key }: TlsFiles): TlsOptions {
  const pem = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : readFileSync(path, 'utf8');
  return given({ ca: pem(ca), cert: pem(certificate), key: pem(key) });
}

/** The members that have a value: options of the engine are left out, never `undefined`. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
