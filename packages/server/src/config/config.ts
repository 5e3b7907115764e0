import type { ChainHeadLimits, HasherName } from '@dshackle/polkadot-provider/chain';
import type { Cors } from '../http/cors.ts';
import type { DoorLimits } from '../rpc/limits.ts';
import type { Family } from './families.ts';

/** A configuration that was checked: everything has its value, defaults filled in. */
export interface Config {
  /** The main file, as it was named. */
  readonly file: string;
  readonly proxy: ProxyConfig;
  /** The chains that have upstreams. */
  readonly chains: readonly ChainConfig[];
  /** In the order of the files, those that are switched off included. */
  readonly upstreams: readonly UpstreamConfig[];
}

/** Where and what the server serves. */
export interface ProxyConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly webSocket: boolean;
  /** Origins of browser pages, beside this machine's own, that may open a WebSocket; `*` is any. */
  readonly webSocketOrigins: readonly string[];
  /** Absent: browsers may not call over HTTP from other origins. */
  readonly cors: Cors | undefined;
  /** How long calls in flight may take to finish at shutdown, in milliseconds. */
  readonly drainMs: number;
  readonly limits: DoorLimits;
  /** What one client may hold by `chainHead_v1` and `transaction_v1`, on each route. */
  readonly chainHead: Required<ChainHeadLimits>;
  readonly routes: readonly RouteConfig[];
}

/** One path and the chain behind it. */
export interface RouteConfig {
  /** Served at `/<id>`. */
  readonly id: string;
  readonly chain: string;
  /** For callers of this route; they outweigh those of the upstreams. */
  readonly methods: MethodsConfig;
}

/** Names of methods that are served though denied by default, and of methods that are not served. */
export interface MethodsConfig {
  readonly enabled: readonly string[];
  readonly disabled: readonly string[];
}

/** One chain and what holds for all its upstreams. All durations in milliseconds. */
export interface ChainConfig {
  readonly id: string;
  readonly family: Family;
  /** What `eth_chainId` answers; absent for chains known by id and those that have none. */
  readonly chainId: number | undefined;
  /** Absent for chains known by id, and where the first upstream decides; so does `any`. */
  readonly genesisHash: string | undefined;
  /** Absent for chains known by id. */
  readonly blockTimeMs: number | undefined;
  /** The chain's hash function. Absent: known by id, or found out. */
  readonly hasher: HasherName | undefined;
  /** Time for one call with all its attempts. */
  readonly deadlineMs: number;
  /** Time for one attempt. */
  readonly attemptTimeoutMs: number;
  /** Time between two health probes of one upstream. */
  readonly probeIntervalMs: number;
  /** Peers below which a node that should have peers counts as degraded; 0 does not look. */
  readonly minPeers: number;
  /** To how many upstreams a transaction is submitted at once. Absent: what its method's row says. */
  readonly submitWidth: number | undefined;
}

/** One upstream. */
export interface UpstreamConfig {
  readonly id: string;
  readonly chain: string;
  readonly enabled: boolean;
  readonly role: 'primary' | 'secondary' | 'fallback';
  readonly labels: Readonly<Record<string, string>>;
  readonly methods: MethodsConfig;
  readonly limits: {
    readonly concurrency: number | undefined;
    readonly rate: { readonly calls: number; readonly intervalMs: number } | undefined;
    readonly maxQueue: number | undefined;
  };
  readonly rpc: RpcConfig | undefined;
  readonly ws: WsConfig | undefined;
}

/** How to reach an upstream, and who we are to it. */
export interface EndpointConfig {
  readonly url: string;
  readonly basicAuth: { readonly username: string; readonly password: string } | undefined;
  readonly bearerToken: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsFiles | undefined;
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

/** An upstream's HTTP endpoint. */
export interface RpcConfig extends EndpointConfig {
  /** Absent: the transport's default. */
  readonly maxConnections: number | undefined;
}

/** An upstream's WebSocket endpoint. */
export interface WsConfig extends EndpointConfig {
  readonly connections: number;
  /** Absent: the transport's default. */
  readonly maxMessageBytes: number | undefined;
  readonly compression: boolean;
}
