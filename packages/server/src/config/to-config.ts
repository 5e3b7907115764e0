import { dirname, resolve } from 'node:path';
import type {
  ChainConfig,
  Config,
  EndpointConfig,
  MethodsConfig,
  ProxyConfig,
  RpcConfig,
  UpstreamConfig,
  WsConfig,
} from './config.ts';
import { families, familyOfKnown, methodsOfGroup } from './families.ts';
import type {
  ClusterFile,
  DefaultsEntry,
  MainFile,
  MethodsEntry,
  RpcEntry,
  UpstreamEntry,
  WsEntry,
} from './schema.ts';

/** The `cluster` of one file. */
export interface ClusterPart {
  readonly file: string;
  readonly cluster: ClusterFile;
}

/** What holds for a chain unless the file says otherwise. */
export const chainDefaults = {
  deadlineMs: 30_000,
  attemptTimeoutMs: 10_000,
  probeIntervalMs: 10_000,
  minPeers: 1,
} as const;

/**
 * Puts the parts together.
 *
 * @param parts the main file's first, included ones after the file that includes them
 */
export function toConfig(file: string, main: MainFile, parts: readonly ClusterPart[]): Config {
  const upstreams = parts.flatMap((part) =>
    (part.cluster.upstreams ?? []).map((entry) => toUpstream(entry, part.file)),
  );
  // The includer speaks last, so that it decides.
  const defaults = parts.toReversed().flatMap(({ cluster }) => cluster.defaults ?? []);
  const ids = [...new Set(upstreams.map(({ chain }) => chain))];
  return {
    file,
    proxy: toProxy(main),
    chains: ids.map((id) => toChain(id, main, defaults)),
    upstreams,
  };
}

function toProxy({ proxy }: MainFile): ProxyConfig {
  const { limits } = proxy;
  const origins = proxy['cors-origin'];
  const allowedHeaders = proxy['cors-allowed-headers'].flatMap((names) => names.split(/\s*,\s*/));
  return {
    host: proxy.host,
    port: proxy.port,
    webSocket: proxy.websocket,
    webSocketOrigins: proxy['websocket-origins'] ?? [],
    cors: origins === undefined ? undefined : { origins, allowedHeaders },
    drainMs: proxy['drain-timeout'],
    limits: {
      maxBodyBytes: limits['body-size'],
      maxBatchItems: limits['batch-items'],
      batchConcurrency: limits['batch-concurrency'],
      maxBatchResponseBytes: limits['batch-response-size'],
      maxConnections: limits.connections,
      maxCallsPerConnection: limits.calls,
      maxSubscriptionsPerConnection: limits.subscriptions,
      maxBufferedBytes: limits['buffer-size'],
    },
    chainHead: {
      maxFollows: limits['chain-head'].follows,
      maxPinnedBlocks: limits['chain-head']['pinned-blocks'],
      maxPinnedDepth: limits['chain-head']['pinned-depth'],
      maxOperations: limits['chain-head'].operations,
      maxWaitingOperations: limits['chain-head']['waiting-operations'],
      maxBroadcasts: limits['chain-head'].broadcasts,
    },
    routes: proxy.routes.map((route) => {
      return { id: route.id, chain: route.chain, methods: toMethods(route) };
    }),
  };
}

function toChain(id: string, main: MainFile, defaults: readonly DefaultsEntry[]): ChainConfig {
  const custom = main.chains?.find((chain) => chain.id === id);
  const family = custom?.family ?? familyOfKnown(id) ?? 'substrate';
  const { blockTimeMs, customMinPeers } = families[family];
  let options: ChainConfig = {
    ...{ id, family, chainId: custom?.['chain-id'] },
    genesisHash: custom === undefined ? undefined : (custom.identity ?? 'any'),
    blockTimeMs: custom && (custom['block-time'] ?? blockTimeMs),
    hasher: custom?.hasher,
    submitWidth: undefined,
    ...chainDefaults,
    minPeers: custom ? customMinPeers : chainDefaults.minPeers,
  };
  for (const entry of defaults) {
    if (!entry.chains.includes(id)) continue;
    const given = { ...entry, ...entry.options };
    const minPeers = given['validate-peers'] === false ? 0 : given['min-peers'];
    options = {
      ...options,
      deadlineMs: given.deadline ?? options.deadlineMs,
      attemptTimeoutMs: given.timeout ?? options.attemptTimeoutMs,
      probeIntervalMs: given['validation-interval'] ?? options.probeIntervalMs,
      minPeers: minPeers ?? options.minPeers,
      submitWidth: given['submit-width'] ?? options.submitWidth,
    };
  }
  return options;
}

function toUpstream(entry: UpstreamEntry, file: string): UpstreamConfig {
  const { polkadot, ethereum } = entry.connection;
  // Checked: it has the one that goes with its chain.
  const { rpc, ws } = polkadot ?? ethereum ?? {};
  const rate = entry.limits?.rate;
  return {
    id: entry.id,
    chain: entry.chain,
    enabled: entry.enabled,
    role: entry.role,
    labels: entry.labels ?? {},
    methods: toMethods(entry),
    limits: {
      concurrency: entry.limits?.concurrency,
      rate: rate === undefined ? undefined : { calls: rate.calls, intervalMs: rate.interval },
      maxQueue: entry.limits?.['max-queue'],
    },
    rpc: rpc === undefined ? undefined : toRpc(rpc, file),
    ws: ws === undefined ? undefined : toWs(ws, file),
  };
}

function toMethods({ methods, 'method-groups': groups }: MethodsEntry): MethodsConfig {
  const disabled = (methods?.disabled ?? []).map(({ name }) => name);
  const grouped = (groups?.enabled ?? []).flatMap(methodsOfGroup);
  const enabled = new Set((methods?.enabled ?? []).map(({ name }) => name));
  // Who disables one of a group means the others.
  for (const name of grouped) if (!disabled.includes(name)) enabled.add(name);
  return { enabled: [...enabled], disabled };
}

function toEndpoint(entry: RpcEntry | WsEntry, file: string): EndpointConfig {
  const { tls } = entry;
  const path = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : resolve(dirname(file), name);
  return {
    url: entry.url,
    basicAuth: entry['basic-auth'],
    bearerToken: entry['bearer-auth']?.token,
    headers: entry.headers ?? {},
    tls:
      tls === undefined
        ? undefined
        : { ca: path(tls.ca), certificate: path(tls.certificate), key: path(tls.key) },
  };
}

function toRpc(entry: RpcEntry, file: string): RpcConfig {
  return { ...toEndpoint(entry, file), maxConnections: entry['max-connections'] };
}

function toWs(entry: WsEntry, file: string): WsConfig {
  const endpoint = toEndpoint(entry, file);
  const { origin } = entry;
  return {
    ...endpoint,
    headers: origin === undefined ? endpoint.headers : { ...endpoint.headers, origin },
    connections: entry.connections,
    maxMessageBytes: entry['msg-size'],
    compression: entry.compress,
  };
}
