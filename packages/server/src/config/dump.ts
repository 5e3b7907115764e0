import { stringify } from 'yaml';
import type {
  ChainConfig,
  Config,
  EndpointConfig,
  MethodsConfig,
  ProxyConfig,
  UpstreamConfig,
} from './config.ts';
import { families, knownChainIds } from './families.ts';
import { redacted, redactUrl } from './redact.ts';

/**
 * The configuration as it takes effect, in the form of the file, with every default filled in,
 * included files put in their place, and every credential redacted.
 */
export function dumpConfig(config: Config): string {
  const custom = config.chains.filter(({ id }) => !knownChainIds.includes(id));
  const file = {
    version: 'v1',
    proxy: dumpProxy(config.proxy),
    chains: custom.length === 0 ? undefined : custom.map(dumpChain),
    cluster: {
      defaults: config.chains.map(dumpDefaults),
      upstreams: config.upstreams.map((upstream) => dumpUpstream(upstream, config.chains)),
    },
  };
  return stringify(withoutNothing(file));
}

function dumpProxy(proxy: ProxyConfig) {
  const { limits, chainHead, cors } = proxy;
  return {
    host: proxy.host,
    port: proxy.port,
    websocket: proxy.webSocket,
    'websocket-origins': proxy.webSocketOrigins,
    'cors-origin': cors?.origins,
    'cors-allowed-headers': cors?.allowedHeaders,
    'drain-timeout': ms(proxy.drainMs),
    limits: {
      'body-size': limits.maxBodyBytes,
      'batch-items': limits.maxBatchItems,
      'batch-concurrency': limits.batchConcurrency,
      'batch-response-size': limits.maxBatchResponseBytes,
      connections: limits.maxConnections,
      calls: limits.maxCallsPerConnection,
      subscriptions: limits.maxSubscriptionsPerConnection,
      'buffer-size': limits.maxBufferedBytes,
      'chain-head': {
        follows: chainHead.maxFollows,
        'pinned-blocks': chainHead.maxPinnedBlocks,
        'pinned-depth': chainHead.maxPinnedDepth,
        operations: chainHead.maxOperations,
        'waiting-operations': chainHead.maxWaitingOperations,
        broadcasts: chainHead.maxBroadcasts,
      },
    },
    routes: proxy.routes.map(({ id, chain, methods }) => {
      return { id, chain, methods: dumpMethods(methods) };
    }),
  };
}

function dumpChain(chain: ChainConfig) {
  return {
    id: chain.id,
    family: chain.family,
    'chain-id': chain.chainId,
    identity: chain.genesisHash === 'any' ? undefined : chain.genesisHash,
    'block-time': ms(chain.blockTimeMs),
    hasher: chain.hasher,
  };
}

function dumpDefaults(chain: ChainConfig) {
  return {
    chains: [chain.id],
    options: {
      deadline: ms(chain.deadlineMs),
      timeout: ms(chain.attemptTimeoutMs),
      'validation-interval': ms(chain.probeIntervalMs),
      'min-peers': chain.minPeers,
      'submit-width': chain.submitWidth,
    },
  };
}

function dumpUpstream(upstream: UpstreamConfig, chains: readonly ChainConfig[]) {
  const { family = 'substrate' } = chains.find(({ id }) => id === upstream.chain) ?? {};
  const { methods, limits, rpc, ws } = upstream;
  const { rate } = limits;
  return {
    id: upstream.id,
    chain: upstream.chain,
    enabled: upstream.enabled,
    role: upstream.role,
    labels: upstream.labels,
    methods: dumpMethods(methods),
    limits: {
      concurrency: limits.concurrency,
      rate: rate && { calls: rate.calls, interval: ms(rate.intervalMs) },
      'max-queue': limits.maxQueue,
    },
    connection: {
      [families[family].connection]: {
        rpc: rpc && { ...dumpEndpoint(rpc), 'max-connections': rpc.maxConnections },
        ws: ws && {
          ...dumpEndpoint(ws),
          connections: ws.connections,
          'msg-size': ws.maxMessageBytes,
          compress: ws.compression,
        },
      },
    },
  };
}

function dumpMethods({ enabled, disabled }: MethodsConfig) {
  const names = (list: readonly string[]) => list.map((name) => ({ name }));
  return { enabled: names(enabled), disabled: names(disabled) };
}

function dumpEndpoint(endpoint: EndpointConfig) {
  const { basicAuth, bearerToken, headers } = endpoint;
  return {
    url: redactUrl(endpoint.url),
    'basic-auth': basicAuth && { username: redacted, password: redacted },
    'bearer-auth': bearerToken === undefined ? undefined : { token: redacted },
    headers: Object.fromEntries(Object.keys(headers).map((name) => [name, redacted])),
    tls: endpoint.tls,
  };
}

function ms(duration: number): string;
function ms(duration: number | undefined): string | undefined;
function ms(duration: number | undefined): string | undefined {
  return duration === undefined ? undefined : `${duration}ms`;
}

/** Leaves out what has no value, and what then is empty. */
function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNothing);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, member]) => [key, withoutNothing(member)] as const)
    .filter(([, member]) => member !== undefined && !isEmpty(member));
  return Object.fromEntries(entries);
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
