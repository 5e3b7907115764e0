import { defaultChainHeadLimits } from '@dshackle/polkadot-provider/chain';
import type { z } from 'zod';
import { defaultDoorLimits } from '../rpc/limits.ts';
import { familyNames } from './families.ts';
import {
  dictionary,
  duration,
  flag,
  integer,
  list,
  mapping,
  matching,
  oneOf,
  oneOrMore,
  only,
  scalar,
  size,
  text,
  url,
} from './values.ts';

/*
 * The keys of the file, in the order in which people read them. What a key means, with its unit, is
 * in docs/configuration.md; a test keeps the two together.
 */

const id = () =>
  matching(
    /^[a-zA-Z][a-zA-Z0-9_-]+[a-zA-Z0-9]$/,
    'a name of 3 or more letters, digits, "_" and "-" that starts with a letter and ends with a letter or digit',
  );
const chain = () => text('the id of a chain');
const version = () => oneOf(['v1']).optional();

const methodName = mapping(
  { name: matching(/^\w+$/, 'the name of a method') },
  'a mapping like { name: eth_call }',
);

/** What is served beyond, and what short of, the method table. */
const methods = mapping({
  enabled: list(methodName).optional(),
  disabled: list(methodName).optional(),
});

/** What is served beyond it, many methods at a time. */
const methodGroups = mapping({
  enabled: list(text('the name of a group of methods')).optional(),
});

const route = mapping({
  id: matching(/^[a-zA-Z0-9_-]+$/, 'a name of letters, digits, "_" and "-"'),
  chain: chain(),
  methods: methods.optional(),
  'method-groups': methodGroups.optional(),
});

const chainHeadLimits = mapping({
  follows: integer(2).default(defaultChainHeadLimits.maxFollows),
  'pinned-blocks': integer(32).default(defaultChainHeadLimits.maxPinnedBlocks),
  'pinned-depth': integer(16).default(defaultChainHeadLimits.maxPinnedDepth),
  operations: integer(1).default(defaultChainHeadLimits.maxOperations),
  'waiting-operations': integer(16).default(defaultChainHeadLimits.maxWaitingOperations),
  broadcasts: integer(4).default(defaultChainHeadLimits.maxBroadcasts),
});

const doorLimits = mapping({
  'body-size': size(256 * 2 ** 20).default(defaultDoorLimits.maxBodyBytes),
  'batch-items': integer(1, 100_000).default(defaultDoorLimits.maxBatchItems),
  'batch-concurrency': integer(1, 100_000).default(defaultDoorLimits.batchConcurrency),
  'batch-response-size': size(256 * 2 ** 20).default(defaultDoorLimits.maxBatchResponseBytes),
  connections: integer(1).default(defaultDoorLimits.maxConnections),
  calls: integer(1).default(defaultDoorLimits.maxCallsPerConnection),
  subscriptions: integer(1).default(defaultDoorLimits.maxSubscriptionsPerConnection),
  'buffer-size': size().default(defaultDoorLimits.maxBufferedBytes),
  'chain-head': chainHeadLimits.prefault({}),
});

const origin = () =>
  scalar('an origin like https://example.org, or "*"', (value) => {
    if (value === '*') return value;
    return URL.canParse(value) && new URL(value).origin === value ? value : undefined;
  });

const proxy = mapping({
  enabled: only(true, 'the proxy is the only door so far').default(true),
  host: text('a host name or an IP address').default('127.0.0.1'),
  port: integer(0, 65_535).default(8080),
  websocket: flag().default(true),
  'websocket-origins': oneOrMore(origin()).optional(),
  'preserve-batch-order': flag().default(true),
  'cors-origin': oneOrMore(origin()).optional(),
  'cors-allowed-headers': oneOrMore(
    matching(/^[\w-]+(?:\s*,\s*[\w-]+)*$/, 'names of HTTP headers'),
  ).default(['Content-Type']),
  'drain-timeout': duration().default(30_000),
  limits: doorLimits.prefault({}),
  routes: list(route),
});

/** What holds for all upstreams of a chain. */
const chainOptions = {
  deadline: duration().optional(),
  timeout: duration('seconds').optional(),
  'validation-interval': duration('seconds').optional(),
  'min-peers': integer(0, 1_000_000).optional(),
  'submit-width': integer(1, 100).optional(),
  'validate-peers': flag().optional(),
  'validate-syncing': only(true, 'syncing upstreams never serve').optional(),
  'disable-validation': only(false, 'upstreams are always validated').optional(),
};

const defaults = mapping({
  chains: list(chain()),
  ...chainOptions,
  options: mapping(chainOptions).optional(),
});

/** Dshackle's options of one upstream, as far as they ask for what happens anyway. */
const upstreamOptions = {
  'validate-syncing': only(true, 'syncing upstreams never serve').optional(),
  'validate-peers': only(true, 'to change this, see cluster.defaults').optional(),
  'disable-validation': only(false, 'upstreams are always validated').optional(),
};

const credentials = {
  'basic-auth': mapping({
    username: text('a user name'),
    password: text('a password'),
  }).optional(),
  'bearer-auth': mapping({ token: matching(/^[\x21-\x7e]+$/, 'a token') }).optional(),
  headers: dictionary(
    matching(/^[\t\x20-\x7e]*$/, 'text without line ends or special characters'),
  ).optional(),
  tls: mapping({
    ca: text('the path of a file').optional(),
    certificate: text('the path of a file').optional(),
    key: text('the path of a file').optional(),
  }).optional(),
};

const rpc = mapping({
  url: url('http', 'https'),
  ...credentials,
  'max-connections': integer(1, 65_535).optional(),
});

const ws = mapping({
  url: url('ws', 'wss'),
  ...credentials,
  origin: text('the value of an Origin header').optional(),
  connections: integer(1, 1024).default(1),
  'msg-size': size().optional(),
  compress: flag().default(false),
});

const endpoints = mapping({ rpc: rpc.optional(), ws: ws.optional() });

const upstream = mapping({
  id: id(),
  chain: chain(),
  enabled: flag().default(true),
  role: oneOf(['primary', 'secondary', 'fallback'], { standard: 'primary' }).default('primary'),
  labels: dictionary(matching(/^[\w-]+$/, 'letters, digits, "_" and "-"')).optional(),
  methods: methods.optional(),
  'method-groups': methodGroups.optional(),
  limits: mapping({
    concurrency: integer(1).optional(),
    rate: mapping({
      calls: integer(1, 1_000_000),
      interval: duration().default(1000),
    }).optional(),
    'max-queue': integer(0).optional(),
  }).optional(),
  ...upstreamOptions,
  options: mapping(upstreamOptions).optional(),
  connection: mapping({
    polkadot: endpoints.optional(),
    ethereum: endpoints.optional(),
  }),
});

const clusterKeys = {
  include: oneOrMore(text('the path of a file')).optional(),
  defaults: list(defaults).optional(),
  upstreams: list(upstream).optional(),
};

const customChain = mapping({
  id: matching(/^[a-z][a-z0-9-]*$/, 'a name of lower-case letters, digits and "-"'),
  family: oneOf(familyNames),
  'chain-id': integer(1, undefined, 'in decimal').optional(),
  identity: matching(
    /^0x[0-9a-f]{64}$/,
    'a genesis hash: 0x and 64 lower-case hex digits',
  ).optional(),
  'block-time': duration().optional(),
  hasher: oneOf(['blake2-256', 'keccak-256']).optional(),
});

/** The main file. */
export const mainSchema = mapping({
  version: version(),
  proxy,
  chains: list(customChain).optional(),
  cluster: mapping(clusterKeys),
});

/** An included file: the keys of `cluster` at its top. */
export const includedSchema = mapping({ version: version(), ...clusterKeys });

/** A main file that fits. */
export type MainFile = z.output<typeof mainSchema>;
/** An included file, or the `cluster` of the main one, that fits. */
export type ClusterFile = Omit<z.output<typeof includedSchema>, 'version'>;
/** One upstream of a file that fits. */
export type UpstreamEntry = z.output<typeof upstream>;
/** One entry of `defaults` of a file that fits. */
export type DefaultsEntry = z.output<typeof defaults>;
/** The `methods` and `method-groups` of an upstream or a route that fit. */
export type MethodsEntry = Pick<z.output<typeof route>, 'methods' | 'method-groups'>;
/** The HTTP connection of an upstream that fits. */
export type RpcEntry = z.output<typeof rpc>;
/** The WebSocket connection of an upstream that fits. */
export type WsEntry = z.output<typeof ws>;
