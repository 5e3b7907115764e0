import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { methodGroups } from '@dshackle/eth-provider/chain';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from './load.ts';
import { ConfigError } from './problem.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'dshackle-config-'));
  writeFileSync(join(dir, 'a.pem'), '-----BEGIN CERTIFICATE-----');
});
afterAll(() => rmSync(dir, { recursive: true }));

type Files = Readonly<Record<string, string>>;

function load(files: Files, env: Readonly<Record<string, string>> = {}) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return loadConfig(join(dir, 'dshackle.yaml'), env);
}

/** What is wrong with these files, with the directory left out. */
function problems(files: Files, env?: Readonly<Record<string, string>>): string[] {
  try {
    load(files, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.replaceAll(`${dir}/`, '').split('\n');
  }
  return [];
}

const proxy = `proxy:
  routes:
    - { id: dot, chain: polkadot }
`;
const cluster = `cluster:
  upstreams:
    - id: one
      chain: polkadot
      connection: { polkadot: { ws: { url: wss://one.example } } }
`;

/** A file that is fine but for the one upstream it has. The upstream's `id` is on line 6. */
const upstream = (rest: string): string => `${proxy}cluster:
  upstreams:
    - id: one
      chain: polkadot
${rest.replace(/^/gm, '      ')}`;

const connection = 'connection: { polkadot: { ws: { url: wss://one.example } } }';
/** The endpoint's keys begin on line 11. */
const ws = (rest: string): string =>
  upstream(`connection:\n  polkadot:\n    ws:\n${rest.replace(/^/gm, '      ')}`);
const rpc = (rest: string): string => ws(rest).replace('ws:\n', 'rpc:\n');
/** An upstream of Ethereum; its endpoints are on line 8. */
const ethereum = (endpoints: string): string =>
  upstream(`connection: { ethereum: ${endpoints} }`).replaceAll(
    'chain: polkadot',
    'chain: ethereum',
  );
/** The option is on line 3. */
const withProxy = (rest: string): string =>
  `proxy:\n  routes: [{ id: dot, chain: polkadot }]\n${rest.replace(/^/gm, '  ')}\n${cluster}`;
/** The route is on line 3. */
const withRoute = (rest: string): string =>
  `${proxy.replace('polkadot }', `polkadot, ${rest} }`)}${cluster}`;
/** The entry begins on line 5. */
const withDefaults = (rest: string): string =>
  `${proxy}cluster:\n  defaults:\n${rest.replace(/^/gm, '    ')}\n${cluster.slice('cluster:\n'.length)}`;

const upstreamKeys =
  'id, chain, enabled, role, labels, methods, method-groups, limits, validate-syncing, validate-peers, disable-validation, options, connection';
const known =
  'polkadot, polkadot-asset-hub, kusama, kusama-asset-hub, westend, westend-asset-hub, paseo, paseo-asset-hub, ethereum, sepolia, holesky, hoodi, ethereum-classic';
const anId =
  'a name of 3 or more letters, digits, "_" and "-" that starts with a letter and ends with a letter or digit';
const port = 'a whole number from 0 to 65535';

describe('a configuration that is wrong', () => {
  it.each<[string, string, string]>([
    ['nothing at all', '', 'dshackle.yaml:1:1: found nothing; allowed: a mapping'],
    ['a list', '- 1', 'dshackle.yaml:1:1: found a list; allowed: a mapping'],
    [
      'no YAML',
      'proxy: [',
      'dshackle.yaml:1:9: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['a key twice', `${proxy}${cluster}proxy: {}`, 'dshackle.yaml:9:1: this key is given twice'],
    [
      'two documents',
      `${proxy}---\n${cluster}`,
      'dshackle.yaml:4:1: not valid YAML: Source contains multiple documents; please use YAML.parseAllDocuments()',
    ],
    [
      'a tag',
      withProxy('port: !!int 80'),
      'dshackle.yaml:3:9: not valid YAML: Unresolved tag: tag:yaml.org,2002:int',
    ],
    [
      'an anchor that is not there',
      withProxy('port: *here'),
      'dshackle.yaml:3:9: proxy.port: the anchor "here" is not defined above',
    ],
    [
      'a variable in braces',
      withProxy('limits: { calls: ${CALLS} }'),
      'dshackle.yaml:3:21: not valid YAML: Unexpected flow-map-start at node end; inside { } and [ ] a variable must be quoted',
    ],
    [
      'text after a value',
      withProxy('host: "a" secret'),
      'dshackle.yaml:3:13: not valid YAML: Unexpected scalar at node end',
    ],
    [
      'text that is out of place',
      withProxy('limits: { calls: 1 } }'),
      'dshackle.yaml:3:24: not valid YAML: Unexpected flow-map-end token in YAML stream',
    ],
    [
      'a key that is no name',
      withProxy('? [a]\n: 1'),
      'dshackle.yaml:3:5: proxy: a key must be a name',
    ],
    ['no proxy', cluster, 'dshackle.yaml:1:1: proxy: missing; allowed: a mapping'],
    ['no cluster', proxy, 'dshackle.yaml:1:1: cluster: missing; allowed: a mapping'],
    [
      'another version',
      `version: v2\n${proxy}${cluster}`,
      'dshackle.yaml:1:10: version: found "v2"; allowed: v1 (did you mean v1?)',
    ],
    [
      'an unknown key',
      `${proxy}${cluster}clusters: {}`,
      'dshackle.yaml:9:1: clusters: unknown key; allowed: version, proxy, chains, cluster (did you mean cluster?)',
    ],
    [
      'a key that is far from all',
      `${proxy}${cluster}zzz: {}`,
      'dshackle.yaml:9:1: zzz: unknown key; allowed: version, proxy, chains, cluster',
    ],
    [
      "a key of Dshackle's",
      `${proxy}${cluster}monitoring: {}`,
      'dshackle.yaml:9:1: monitoring: not supported: there are no metrics yet',
    ],
    [
      'a port that is a word',
      withProxy('port: http'),
      `dshackle.yaml:3:9: proxy.port: found "http"; allowed: ${port}`,
    ],
    [
      'a port too large',
      withProxy('port: 65536'),
      `dshackle.yaml:3:9: proxy.port: found "65536"; allowed: ${port}`,
    ],
    [
      'a port below 0',
      withProxy('port: -1'),
      `dshackle.yaml:3:9: proxy.port: found "-1"; allowed: ${port}`,
    ],
    [
      'a port with a fraction',
      withProxy('port: 80.5'),
      `dshackle.yaml:3:9: proxy.port: found "80.5"; allowed: ${port}`,
    ],
    [
      'a port left out',
      withProxy('port:'),
      `dshackle.yaml:3:3: proxy.port: found nothing; allowed: ${port}`,
    ],
    [
      'a port that is a list',
      withProxy('port: [80]'),
      `dshackle.yaml:3:9: proxy.port: found a list; allowed: ${port}`,
    ],
    [
      'an empty host',
      withProxy('host: ""'),
      'dshackle.yaml:3:9: proxy.host: found ""; allowed: a host name or an IP address',
    ],
    [
      'a flag that is yes',
      withProxy('websocket: yes'),
      'dshackle.yaml:3:14: proxy.websocket: found "yes"; allowed: true, false',
    ],
    [
      'the proxy off',
      withProxy('enabled: false'),
      'dshackle.yaml:3:12: proxy.enabled: found "false"; allowed: true (the proxy is the only door so far)',
    ],
    [
      'a TLS server',
      withProxy('tls: {}'),
      'dshackle.yaml:3:3: proxy.tls: not supported: put a TLS proxy in front for now',
    ],
    [
      'an origin with a path',
      withProxy('cors-origin: https://a.example/'),
      'dshackle.yaml:3:16: proxy.cors-origin: found "https://a.example/"; allowed: an origin like https://example.org, or "*"',
    ],
    [
      'an origin in a list',
      withProxy('websocket-origins: ["*", a.example]'),
      'dshackle.yaml:3:28: proxy.websocket-origins[1]: found "a.example"; allowed: an origin like https://example.org, or "*"',
    ],
    [
      'a duration without a unit',
      withProxy('drain-timeout: 30'),
      'dshackle.yaml:3:18: proxy.drain-timeout: found "30"; allowed: a duration like 500ms, 10s, 5m or 1h',
    ],
    [
      'a size without a sense',
      withProxy('limits: { body-size: 10 MB }'),
      'dshackle.yaml:3:24: proxy.limits.body-size: found "10 MB"; allowed: a size like 65536, 512kb or 10mb, at most 256mb',
    ],
    [
      'a limit that is not ours',
      withProxy('limits: { body: 1 }'),
      'dshackle.yaml:3:13: proxy.limits.body: unknown key; allowed: body-size, batch-items, batch-concurrency, batch-response-size, connections, calls, subscriptions, buffer-size, chain-head',
    ],
    [
      'no routes',
      `proxy: {}\n${cluster}`,
      'dshackle.yaml:1:8: proxy.routes: missing; allowed: a list',
    ],
    [
      'an empty list of routes',
      `proxy: { routes: [] }\n${cluster}`,
      'dshackle.yaml:1:18: proxy.routes: found an empty list; allowed: a list with at least one item',
    ],
    [
      'a route without an id',
      `proxy: { routes: [{ chain: polkadot }] }\n${cluster}`,
      'dshackle.yaml:1:19: proxy.routes[0].id: missing; allowed: a name of letters, digits, "_" and "-"',
    ],
    [
      'a route with a slash',
      `proxy: { routes: [{ id: /dot, chain: polkadot }] }\n${cluster}`,
      'dshackle.yaml:1:25: proxy.routes[0].id: found "/dot"; allowed: a name of letters, digits, "_" and "-"',
    ],
    [
      'a route to an unknown chain',
      `proxy: { routes: [{ id: dot, chain: polkadt }] }\n${cluster}`,
      `dshackle.yaml:1:37: proxy.routes[0].chain: found "polkadt"; allowed: ${known}, or one that an entry of chains describes (did you mean polkadot?)`,
    ],
    [
      'a route to a chain without upstreams',
      `proxy: { routes: [{ id: ksm, blockchain: kusama }] }\n${cluster}`,
      'dshackle.yaml:1:42: proxy.routes[0].blockchain: found "kusama", which has no upstream that is enabled',
    ],
    [
      'a route to a chain whose upstreams are off',
      upstream(`enabled: false\n${connection}`),
      'dshackle.yaml:3:25: proxy.routes[0].chain: found "polkadot", which has no upstream that is enabled',
    ],
    [
      'methods of a route that are words',
      withRoute('methods: { disabled: [a] }'),
      'dshackle.yaml:3:57: proxy.routes[0].methods.disabled[0]: found "a"; allowed: a mapping like { name: eth_call }',
    ],
    [
      'methods of a route that are none',
      withRoute('methods: { enabled: [] }'),
      'dshackle.yaml:3:55: proxy.routes[0].methods.enabled: found an empty list; allowed: a list with at least one item',
    ],
    [
      'a key of a route with a typo',
      withRoute('method: {}'),
      'dshackle.yaml:3:35: proxy.routes[0].method: unknown key; allowed: id, chain, methods, method-groups (did you mean methods?)',
    ],
    [
      'methods of a route with a typo',
      withRoute('methods: { enable: [] }'),
      'dshackle.yaml:3:46: proxy.routes[0].methods.enable: unknown key; allowed: enabled, disabled (did you mean enabled?)',
    ],
    [
      'a method of a route without a name',
      withRoute('methods: { enabled: [{}] }'),
      'dshackle.yaml:3:56: proxy.routes[0].methods.enabled[0].name: missing; allowed: the name of a method',
    ],
    [
      'a method of a route that is a pattern',
      withRoute('methods: { enabled: [{ name: "state_*" }] }'),
      'dshackle.yaml:3:64: proxy.routes[0].methods.enabled[0].name: found "state_*"; allowed: the name of a method',
    ],
    [
      'a group of methods that the family of the chain has not',
      withRoute('method-groups: { enabled: [debug] }'),
      'dshackle.yaml:3:62: proxy.routes[0].method-groups.enabled[0]: found "debug"; allowed: none: substrate chains have no groups',
    ],
    [
      'a group of methods that there is not',
      upstream(`method-groups: { enabled: [trace, all] }\n${connection}`).replaceAll(
        'polkadot',
        'ethereum',
      ),
      'dshackle.yaml:8:41: cluster.upstreams[0].method-groups.enabled[1]: found "all"; allowed: debug, trace',
    ],
    [
      'a group of methods that is switched off',
      upstream(`method-groups: { disabled: [debug] }\n${connection}`),
      'dshackle.yaml:8:24: cluster.upstreams[0].method-groups.disabled: not supported: use methods.disabled',
    ],
    [
      'a quorum of a route',
      withRoute('methods: { enabled: [{ name: a, quorum: always }] }'),
      'dshackle.yaml:3:67: proxy.routes[0].methods.enabled[0].quorum: not supported: how a method is answered is fixed',
    ],
    [
      'an answer of a route',
      withRoute('methods: { enabled: [{ name: a, static: "1" }] }'),
      'dshackle.yaml:3:67: proxy.routes[0].methods.enabled[0].static: not supported: there are no configured answers yet',
    ],
    [
      'a method of a route both on and off',
      withRoute('methods: { enabled: [{ name: a }], disabled: [{ name: a }] }'),
      'dshackle.yaml:3:89: proxy.routes[0].methods.disabled[0].name: found "a", which is enabled above',
    ],
    [
      'a route twice',
      `${proxy}    - { id: dot, chain: polkadot }\n${cluster}`,
      'dshackle.yaml:4:13: proxy.routes[1].id: found "dot", which is taken already at dshackle.yaml:3',
    ],
    [
      'no upstreams',
      `${proxy}cluster: {}`,
      'dshackle.yaml:4:10: cluster.upstreams: missing; no upstream is given, neither here nor in an included file',
    ],
    [
      'an empty list of upstreams',
      `${proxy}cluster: { upstreams: [] }`,
      'dshackle.yaml:4:23: cluster.upstreams: found an empty list; allowed: a list with at least one item',
    ],
    [
      'an upstream with a typo',
      upstream(`rolle: primary\n${connection}`),
      `dshackle.yaml:8:7: cluster.upstreams[0].rolle: unknown key; allowed: ${upstreamKeys} (did you mean role?)`,
    ],
    [
      'an upstream without an id',
      `${proxy}cluster:\n  upstreams:\n    - chain: polkadot\n      ${connection}`,
      `dshackle.yaml:6:7: cluster.upstreams[0].id: missing; allowed: ${anId}`,
    ],
    [
      'an id that is too short',
      upstream(connection).replace('id: one', 'id: a'),
      `dshackle.yaml:6:11: cluster.upstreams[0].id: found "a"; allowed: ${anId}`,
    ],
    [
      'an id with a space',
      upstream(connection).replace('id: one', 'id: my node'),
      `dshackle.yaml:6:11: cluster.upstreams[0].id: found "my node"; allowed: ${anId}`,
    ],
    [
      'an id twice',
      `${upstream(connection)}\n    - id: one\n      chain: polkadot\n      ${connection}`,
      'dshackle.yaml:9:11: cluster.upstreams[1].id: found "one", which is taken already at dshackle.yaml:6',
    ],
    [
      'an upstream of an unknown chain',
      `${upstream(connection)}\n    - { id: two, chain: dogecoin, ${connection} }`,
      `dshackle.yaml:9:25: cluster.upstreams[1].chain: found "dogecoin"; allowed: ${known}, or one that an entry of chains describes`,
    ],
    [
      'a chain under both its names',
      upstream(`blockchain: polkadot\n${connection}`),
      'dshackle.yaml:8:7: cluster.upstreams[0].chain: given twice, as chain and as blockchain',
    ],
    [
      'a role that is none',
      upstream(`role: primry\n${connection}`),
      'dshackle.yaml:8:13: cluster.upstreams[0].role: found "primry"; allowed: primary, secondary, fallback (did you mean primary?)',
    ],
    [
      'a label with a space',
      upstream(`labels: { region: eu west }\n${connection}`),
      'dshackle.yaml:8:25: cluster.upstreams[0].labels.region: found "eu west"; allowed: letters, digits, "_" and "-"',
    ],
    [
      'a label name with a dot',
      upstream(`labels: { a.b: c }\n${connection}`),
      'dshackle.yaml:8:22: cluster.upstreams[0].labels.a.b: not a label name; allowed: letters, digits, "_" and "-"',
    ],
    [
      'a method that is a word',
      upstream(`methods: { enabled: [a] }\n${connection}`),
      'dshackle.yaml:8:28: cluster.upstreams[0].methods.enabled[0]: found "a"; allowed: a mapping like { name: eth_call }',
    ],
    [
      'a quorum',
      upstream(`methods: { enabled: [{ name: a, quorum: always }] }\n${connection}`),
      'dshackle.yaml:8:39: cluster.upstreams[0].methods.enabled[0].quorum: not supported: how a method is answered is fixed',
    ],
    [
      'a method without a name',
      upstream(`methods: { disabled: [{}] }\n${connection}`),
      'dshackle.yaml:8:29: cluster.upstreams[0].methods.disabled[0].name: missing; allowed: the name of a method',
    ],
    [
      'a method that is a pattern',
      upstream(`methods: { disabled: [{ name: "dev_*" }] }\n${connection}`),
      'dshackle.yaml:8:37: cluster.upstreams[0].methods.disabled[0].name: found "dev_*"; allowed: the name of a method',
    ],
    [
      'a method both on and off',
      upstream(`methods: { enabled: [{ name: a }], disabled: [{ name: a }] }\n${connection}`),
      'dshackle.yaml:8:61: cluster.upstreams[0].methods.disabled[0].name: found "a", which is enabled above',
    ],
    [
      'no concurrency',
      upstream(`limits: { concurrency: 0 }\n${connection}`),
      'dshackle.yaml:8:30: cluster.upstreams[0].limits.concurrency: found "0"; allowed: a whole number of 1 or more',
    ],
    [
      'a rate without calls',
      upstream(`limits: { rate: { interval: 1s } }\n${connection}`),
      'dshackle.yaml:8:23: cluster.upstreams[0].limits.rate.calls: missing; allowed: a whole number from 1 to 1000000',
    ],
    [
      'a queue for nothing',
      upstream(`limits: { max-queue: 5 }\n${connection}`),
      'dshackle.yaml:8:28: cluster.upstreams[0].limits.max-queue: does nothing by itself: nothing waits without concurrency or rate',
    ],
    [
      'a priority',
      upstream(`priority: 10\n${connection}`),
      'dshackle.yaml:8:7: cluster.upstreams[0].priority: not supported: heads are compared by hash: no upstream is believed more than another',
    ],
    [
      'a timeout of one upstream',
      upstream(`options: { timeout: 60 }\n${connection}`),
      'dshackle.yaml:8:18: cluster.upstreams[0].options.timeout: not supported: it holds for a whole chain here: set it in cluster.defaults',
    ],
    [
      'validation off',
      upstream(`disable-validation: true\n${connection}`),
      'dshackle.yaml:8:27: cluster.upstreams[0].disable-validation: found "true"; allowed: false (upstreams are always validated)',
    ],
    [
      'an option twice',
      upstream(`validate-peers: true\noptions: { validate-peers: true }\n${connection}`),
      'dshackle.yaml:9:34: cluster.upstreams[0].options.validate-peers: given twice: here and above options',
    ],
    [
      'no connection',
      upstream(''),
      'dshackle.yaml:6:7: cluster.upstreams[0].connection: missing; allowed: a mapping',
    ],
    [
      'a connection of another kind',
      upstream(
        'connection: { bitcoin: { rpc: { url: http://a } }, polkadot: { ws: { url: ws://a } } }',
      ),
      'dshackle.yaml:8:21: cluster.upstreams[0].connection.bitcoin: not supported: polkadot and ethereum are the only kinds of connection so far',
    ],
    [
      'a connection of another kind alone',
      upstream('connection: { grpc: {} }'),
      'dshackle.yaml:8:21: cluster.upstreams[0].connection.grpc: not supported: polkadot and ethereum are the only kinds of connection so far',
    ],
    [
      'a connection of the other family',
      upstream('connection: { ethereum: { ws: { url: wss://one.example } } }'),
      'dshackle.yaml:8:31: cluster.upstreams[0].connection.ethereum: does not go with "polkadot", a chain of the family substrate; allowed: polkadot',
    ],
    [
      'a connection of each family',
      upstream(
        'connection: { polkadot: { ws: { url: ws://a } }, ethereum: { ws: { url: ws://a } } }',
      ),
      'dshackle.yaml:8:66: cluster.upstreams[0].connection.ethereum: does not go with "polkadot", a chain of the family substrate; allowed: polkadot',
    ],
    [
      'a connection of the other family to a chain of our own',
      `${upstream(connection).replaceAll('chain: polkadot', 'chain: mine')}\nchains: [{ id: mine, family: ethereum, chain-id: 5 }]`,
      'dshackle.yaml:8:31: cluster.upstreams[0].connection.polkadot: does not go with "mine", a chain of the family ethereum; allowed: ethereum',
    ],
    [
      'no connection in particular',
      upstream('connection: {}'),
      'dshackle.yaml:8:19: cluster.upstreams[0].connection: missing; allowed: polkadot',
    ],
    [
      'credentials twice on a connection to Ethereum',
      ethereum('{ rpc: { url: "http://a:b@c", bearer-auth: { token: t } } }'),
      'dshackle.yaml:8:38: cluster.upstreams[0].connection.ethereum.rpc: credentials given more than once: url, bearer-auth',
    ],
    [
      "a key of Dshackle's for Ethereum",
      ethereum('{ ws: { url: "ws://a", disabled-methods: [a] } }'),
      'dshackle.yaml:8:54: cluster.upstreams[0].connection.ethereum.ws.disabled-methods: not supported: use methods.disabled of the upstream',
    ],
    [
      'a URL of no kind',
      upstream('connection: { polkadot: { url: ws://a } }'),
      'dshackle.yaml:8:33: cluster.upstreams[0].connection.polkadot.url: not supported: write it as rpc: { url: http://… } or ws: { url: ws://… }',
    ],
    [
      'neither rpc nor ws',
      upstream('connection: { polkadot: {} }'),
      'dshackle.yaml:8:31: cluster.upstreams[0].connection.polkadot: missing; allowed: rpc, ws or both',
    ],
    [
      'a WebSocket over HTTP',
      ws('url: https://one.example'),
      'dshackle.yaml:11:18: cluster.upstreams[0].connection.polkadot.ws.url: found "https://one.example"; allowed: a URL that starts with ws:// or wss://',
    ],
    [
      'HTTP over a WebSocket',
      rpc('url: wss://one.example'),
      'dshackle.yaml:11:18: cluster.upstreams[0].connection.polkadot.rpc.url: found "wss://one.example"; allowed: a URL that starts with http:// or https://',
    ],
    [
      'a URL that is none',
      ws('url: one.example:443/secret'),
      'dshackle.yaml:11:18: cluster.upstreams[0].connection.polkadot.ws.url: found "<redacted>"; allowed: a URL that starts with ws:// or wss://',
    ],
    [
      'a URL with a password',
      ws('url: http://me:secret@one.example/key?k=secret'),
      'dshackle.yaml:11:18: cluster.upstreams[0].connection.polkadot.ws.url: found "http://<redacted>@one.example/<redacted>"; allowed: a URL that starts with ws:// or wss://',
    ],
    [
      'a URL with a password where there should be a mapping',
      upstream('connection: { polkadot: { ws: "wss://me:secret@one.example/secret" } }'),
      'dshackle.yaml:8:37: cluster.upstreams[0].connection.polkadot.ws: found "wss://<redacted>@one.example/<redacted>"; allowed: a mapping',
    ],
    [
      'a password that is a list',
      ws('url: ws://a\nbasic-auth: { username: me, password: [secret] }'),
      'dshackle.yaml:12:51: cluster.upstreams[0].connection.polkadot.ws.basic-auth.password: found a list; allowed: a password',
    ],
    [
      'a token with a space',
      ws('url: ws://a\nbearerAuth: { token: se cret }'),
      'dshackle.yaml:12:34: cluster.upstreams[0].connection.polkadot.ws.bearerAuth.token: found something else (not shown); allowed: a token',
    ],
    [
      'two credentials',
      ws('url: ws://me:secret@a\nbearer-auth: { token: secret }'),
      'dshackle.yaml:11:13: cluster.upstreams[0].connection.polkadot.ws: credentials given more than once: url, bearer-auth',
    ],
    [
      'a header that is none',
      ws('url: ws://a\ncustom-headers: { "a b": c }'),
      'dshackle.yaml:12:38: cluster.upstreams[0].connection.polkadot.ws.custom-headers.a b: not a header name',
    ],
    [
      'TLS without TLS',
      ws('url: ws://a\ntls: {}'),
      'dshackle.yaml:12:18: cluster.upstreams[0].connection.polkadot.ws.tls: does nothing for a ws:// URL; allowed: wss://',
    ],
    [
      'a certificate without a key',
      ws('url: wss://a\ntls: { certificate: a.pem }'),
      'dshackle.yaml:12:18: cluster.upstreams[0].connection.polkadot.ws.tls.key: missing; certificate and key go together',
    ],
    [
      'a file that is not there',
      rpc('url: https://a\ntls: { ca: none.pem }'),
      'dshackle.yaml:12:24: cluster.upstreams[0].connection.polkadot.rpc.tls.ca: found "none.pem": there is no such file',
    ],
    [
      'a directory for a file',
      rpc('url: https://a\ntls: { ca: . }'),
      'dshackle.yaml:12:24: cluster.upstreams[0].connection.polkadot.rpc.tls.ca: found ".": it is a directory',
    ],
    [
      'a file that is no certificate',
      rpc('url: https://a\ntls: { ca: dshackle.yaml }'),
      'dshackle.yaml:12:24: cluster.upstreams[0].connection.polkadot.rpc.tls.ca: found "dshackle.yaml": it is no PEM file',
    ],
    [
      'too many connections',
      ws('url: ws://a\nconnections: 1025'),
      'dshackle.yaml:12:26: cluster.upstreams[0].connection.polkadot.ws.connections: found "1025"; allowed: a whole number from 1 to 1024',
    ],
    [
      'a queue size',
      rpc('url: http://a\nqueue-size: 5'),
      'dshackle.yaml:12:13: cluster.upstreams[0].connection.polkadot.rpc.queue-size: not supported: use limits.max-queue of the upstream',
    ],
    [
      'defaults of no chain',
      withDefaults('- { timeout: 60 }'),
      'dshackle.yaml:6:7: cluster.defaults[0].chains: missing; allowed: a list',
    ],
    [
      'defaults of an unknown chain',
      withDefaults('- { blockchains: [polkadot, eth] }'),
      `dshackle.yaml:6:33: cluster.defaults[0].blockchains[1]: found "eth"; allowed: ${known}, or one that an entry of chains describes`,
    ],
    [
      'an interval that is a word',
      withDefaults('- { chains: [polkadot], options: { validation-interval: often } }'),
      'dshackle.yaml:6:61: cluster.defaults[0].options.validation-interval: found "often"; allowed: a duration like 500ms, 10s, 5m or 1h or seconds as a whole number',
    ],
    [
      'a chain of an unknown family',
      `${proxy}${cluster}chains: [{ id: mine, family: cosmos }]`,
      'dshackle.yaml:9:30: chains[0].family: found "cosmos"; allowed: substrate, ethereum',
    ],
    [
      'an Ethereum chain without its number',
      `${proxy}${cluster}chains: [{ id: mine, family: ethereum }]`,
      'dshackle.yaml:9:10: chains[0].chain-id: missing; allowed: what eth_chainId answers, in decimal',
    ],
    [
      'a number of a chain that has none',
      `${proxy}${cluster}chains: [{ id: mine, family: substrate, chain-id: 1 }]`,
      'dshackle.yaml:9:51: chains[0].chain-id: chains of the family substrate have none',
    ],
    [
      'a hash function of a chain that has its own',
      `${proxy}${cluster}chains: [{ id: mine, family: ethereum, chain-id: 7, hasher: keccak-256 }]`,
      'dshackle.yaml:9:61: chains[0].hasher: chains of the family ethereum have no other than theirs',
    ],
    [
      'a number that is no number',
      `${proxy}${cluster}chains: [{ id: mine, family: ethereum, chain-id: 0x1 }]`,
      'dshackle.yaml:9:50: chains[0].chain-id: found "0x1"; allowed: a whole number of 1 or more, in decimal',
    ],
    [
      'an Ethereum chain known already',
      `${proxy}${cluster}chains: [{ id: hoodi, family: ethereum, chain-id: 560048 }]`,
      'dshackle.yaml:9:16: chains[0].id: found "hoodi", which is known already: leave this entry out',
    ],
    [
      'a chain known already',
      `${proxy}${cluster}chains: [{ id: kusama, family: substrate }]`,
      'dshackle.yaml:9:16: chains[0].id: found "kusama", which is known already: leave this entry out',
    ],
    [
      'a chain twice',
      `${proxy}${cluster}chains: [{ id: mine, family: substrate }, { id: mine, family: substrate }]`,
      'dshackle.yaml:9:49: chains[1].id: found "mine", which is taken already at dshackle.yaml:9',
    ],
    [
      'an identity that is no hash',
      `${proxy}${cluster}chains: [{ id: mine, family: substrate, identity: 0x00 }]`,
      'dshackle.yaml:9:51: chains[0].identity: found "0x00"; allowed: a genesis hash: 0x and 64 lower-case hex digits',
    ],
    [
      'a hasher that no chain has',
      `${proxy}${cluster}chains: [{ id: mine, family: substrate, hasher: md5 }]`,
      'dshackle.yaml:9:49: chains[0].hasher: found "md5"; allowed: blake2-256, keccak-256',
    ],
    [
      'a variable that is not set',
      withProxy('host: ${HOST}'),
      'dshackle.yaml:3:9: proxy.host: the environment variable HOST is not set',
    ],
    [
      'a variable with a default',
      withProxy('host: ${HOST:-a}'),
      'dshackle.yaml:3:9: proxy.host: "${HOST:-a}" is not a variable: a name has letters, digits and "_" only; write "$${HOST:-a}" for the text itself',
    ],
    [
      'a file to include that is not there',
      `${proxy}${cluster}  include: none.yaml`,
      'dshackle.yaml:9:12: cluster.include: found "none.yaml": there is no such file',
    ],
    [
      'a file that includes itself',
      `${proxy}${cluster}  include: [./dshackle.yaml]`,
      'dshackle.yaml:9:13: cluster.include[0]: found "./dshackle.yaml": it includes itself: dshackle.yaml → dshackle.yaml',
    ],
    [
      'an include that is a mapping',
      `${proxy}${cluster}  include: { a: b }`,
      'dshackle.yaml:9:12: cluster.include: found a mapping; allowed: a list',
    ],
  ])('(%s) is refused with place, finding and choice', (_name, text, expected) => {
    expect(problems({ 'dshackle.yaml': text })).toEqual([expected]);
  });

  it('is refused with all its problems, in order', () => {
    const text = `proxy:
  port: many
  routes:
    - { id: dot, chain: kusama }
cluster:
  upstreams:
    - id: one
      chain: polkadot
      rolle: primary
      connection: { polkadot: { ws: { url: "http://\${NODE}" } } }
`;
    expect(problems({ 'dshackle.yaml': text })).toEqual([
      `dshackle.yaml:2:9: proxy.port: found "many"; allowed: ${port}`,
      'dshackle.yaml:4:25: proxy.routes[0].chain: found "kusama", which has no upstream that is enabled',
      `dshackle.yaml:9:7: cluster.upstreams[0].rolle: unknown key; allowed: ${upstreamKeys} (did you mean role?)`,
      'dshackle.yaml:10:44: cluster.upstreams[0].connection.polkadot.ws.url: the environment variable NODE is not set',
    ]);
  });

  it('may not have an anchor in itself', () => {
    expect(problems({ 'dshackle.yaml': `${proxy}${cluster}zzz: &a { b: *a }` })).toContain(
      'dshackle.yaml:9:14: zzz.b.b: the anchor "a" contains itself',
    );
  });

  it('is refused when there is no file', () => {
    expect(() => loadConfig('/nowhere/dshackle.yaml', {})).toThrow(
      '/nowhere/dshackle.yaml: there is no such file',
    );
  });

  it('never shows the value of a variable', () => {
    const text = withProxy('port: ${KEY}').replace('wss://one.example', '"${KEY}"');
    const found = problems({ 'dshackle.yaml': text }, { KEY: 'secret' });
    expect(found).toHaveLength(2);
    expect(found[0]).toBe(
      `dshackle.yaml:3:9: proxy.port: found the value of "\${KEY}"; allowed: ${port}`,
    );
    expect(found.join()).not.toContain('secret');
  });

  it('cannot be blown up with anchors', () => {
    const lines = Array.from({ length: 20 }, (_, i) => `- &a${i + 1} [*a${i}, *a${i}]`);
    const text = `chains:\n- &a0 []\n${lines.join('\n')}`;
    expect(problems({ 'dshackle.yaml': text }).join()).toContain('this is too large');
  });
});

describe('an included file', () => {
  const including = `${proxy}cluster:\n  include: more.yaml\n`;

  it('is named in its own problems', () => {
    const more =
      'upstreams:\n  - id: two\n    chain: polkadot\n    role: x\n    prio: 1\n    connection: {}\n';
    expect(problems({ 'dshackle.yaml': including, 'more.yaml': more })).toEqual([
      'more.yaml:4:11: upstreams[0].role: found "x"; allowed: primary, secondary, fallback',
      `more.yaml:5:5: upstreams[0].prio: unknown key; allowed: ${upstreamKeys}`,
      'more.yaml:6:17: upstreams[0].connection: missing; allowed: polkadot',
    ]);
  });

  it('may not have an id that the file above has', () => {
    const more = `upstreams:\n  - { id: one, chain: polkadot, ${connection} }`;
    const main = `${including}${cluster.slice('cluster:\n'.length)}`;
    expect(problems({ 'dshackle.yaml': main, 'more.yaml': more })).toEqual([
      'more.yaml:2:11: upstreams[0].id: found "one", which is taken already at dshackle.yaml:7',
    ]);
  });

  it('has the keys of cluster at its top, and no others', () => {
    expect(problems({ 'dshackle.yaml': including, 'more.yaml': cluster })).toEqual([
      'dshackle.yaml:5:3: cluster.upstreams: missing; no upstream is given, neither here nor in an included file',
      'more.yaml:1:1: cluster: unknown key; allowed: version, include, defaults, upstreams',
    ]);
  });

  it('may not include who included it, nor what is included already', () => {
    const more = 'include: [third.yaml, third.yaml]\n';
    const third = 'include: more.yaml\n';
    expect(
      problems({
        'dshackle.yaml': `${including}${cluster.slice(9)}`,
        'more.yaml': more,
        'third.yaml': third,
      }),
    ).toEqual([
      'more.yaml:1:23: include[1]: found "third.yaml": it is included already, by more.yaml',
      'third.yaml:1:10: include: found "more.yaml": it includes itself: dshackle.yaml → more.yaml → third.yaml → more.yaml',
    ]);
  });

  it('adds its upstreams behind those of the file above, whose defaults win', () => {
    const main = `${including}  defaults: [{ chains: [polkadot], timeout: 5 }]\n${cluster.slice(9)}`;
    const more = `defaults: [{ chains: [polkadot], timeout: 9, min-peers: 3 }]\nupstreams:\n  - { id: two, chain: polkadot, ${connection} }`;
    const config = load({ 'dshackle.yaml': main, 'more.yaml': more });
    expect(config.upstreams.map(({ id }) => id)).toEqual(['one', 'two']);
    expect(config.chains[0]).toMatchObject({ attemptTimeoutMs: 5000, minPeers: 3 });
  });
});

describe('a configuration that is right', () => {
  it('needs little', () => {
    expect(load({ 'dshackle.yaml': proxy + cluster })).toEqual({
      file: join(dir, 'dshackle.yaml'),
      proxy: {
        host: '127.0.0.1',
        port: 8080,
        webSocket: true,
        webSocketOrigins: [],
        cors: undefined,
        drainMs: 30_000,
        limits: {
          maxBodyBytes: 10_485_760,
          maxBatchItems: 1000,
          batchConcurrency: 64,
          maxBatchResponseBytes: 67_108_864,
          maxConnections: 10_000,
          maxCallsPerConnection: 1024,
          maxSubscriptionsPerConnection: 1024,
          maxBufferedBytes: 16_777_216,
        },
        chainHead: {
          maxFollows: 4,
          maxPinnedBlocks: 512,
          maxPinnedDepth: 240,
          maxOperations: 16,
          maxWaitingOperations: 1024,
          maxBroadcasts: 16,
        },
        routes: [{ id: 'dot', chain: 'polkadot', methods: { enabled: [], disabled: [] } }],
      },
      chains: [
        {
          id: 'polkadot',
          family: 'substrate',
          genesisHash: undefined,
          blockTimeMs: undefined,
          hasher: undefined,
          submitWidth: undefined,
          deadlineMs: 30_000,
          attemptTimeoutMs: 10_000,
          probeIntervalMs: 10_000,
          minPeers: 1,
        },
      ],
      upstreams: [
        {
          id: 'one',
          chain: 'polkadot',
          enabled: true,
          role: 'primary',
          labels: {},
          methods: { enabled: [], disabled: [] },
          limits: { concurrency: undefined, rate: undefined, maxQueue: undefined },
          rpc: undefined,
          ws: {
            url: 'wss://one.example',
            basicAuth: undefined,
            bearerToken: undefined,
            headers: {},
            tls: undefined,
            connections: 1,
            maxMessageBytes: undefined,
            compression: false,
          },
        },
      ],
    });
  });

  it('may enable groups of methods, less some', () => {
    const text =
      upstream(`methods: { enabled: [{ name: eth_sign }], disabled: [{ name: trace_filter }] }
method-groups: { enabled: [trace] }
${connection}`).replaceAll('polkadot', 'ethereum');
    const methods = load({ 'dshackle.yaml': text }).upstreams[0]?.methods;
    expect(methods?.enabled).toEqual([
      'eth_sign',
      ...methodGroups.trace.filter((name) => name !== 'trace_filter'),
    ]);
    expect(methods?.enabled).toContain('trace_block');
  });

  it('may say everything', () => {
    const text = `
version: v1
chains:
  - { id: mine, family: substrate, block-time: 500ms }
  - { id: yours, family: substrate, identity: '0x${'ab'.repeat(32)}', hasher: keccak-256 }
proxy:
  host: 0.0.0.0
  port: \${PORT}
  websocket: false
  preserveBatchOrder: false
  cors-origin: https://app.example
  cors-allowed-headers: Content-Type, X-Key
  drain-timeout: 1m
  limits: { body-size: 1mb, calls: 5 }
  routes:
    - { id: mine, blockchain: mine }
    - id: yours
      chain: yours
      methods: { enabled: [{ name: state_getPairs }], disabled: [{ name: author_submitExtrinsic }] }
cluster:
  defaults:
    - blockchains: [mine, yours]
      options: { timeout: 60, validation-interval: 30s, min-peers: 3, validate-syncing: true }
    - chains: [mine]
      deadline: 2m
      validate-peers: false
      submit-width: 5
  upstreams:
    - id: everything
      blockchain: mine
      role: standard
      labels: { region: eu-1, archive: true }
      methods: { enabled: [{ name: state_getPairs }], disabled: [{ name: dev_x }] }
      limits: { concurrency: 10, rate: { calls: 100 }, max-queue: 0 }
      connection:
        polkadot:
          rpc:
            url: https://a.example/\${KEY}
            basic-auth: { username: me, password: 0123 }
            tls: { ca: a.pem, certificate: a.pem, key: a.pem }
            max-connections: 8
          ws:
            url: wss://a.example
            origin: https://me.example
            bearer-auth: { token: "\${TOKEN}" }
            custom-headers: { X-Project: "$\${KEY}" }
            connections: 4
            msg-size: 15mb
            compress: true
    - { id: off, chain: yours, enabled: false, connection: { polkadot: { ws: { url: ws://b } } } }
    - { id: second, chain: yours, role: fallback, connection: { polkadot: { ws: { url: ws://c } } } }
`;
    const config = load({ 'dshackle.yaml': text }, { PORT: '9000', KEY: 'k: [1]', TOKEN: 't' });
    expect(config.proxy).toMatchObject({
      host: '0.0.0.0',
      port: 9000,
      webSocket: false,
      cors: { origins: ['https://app.example'], allowedHeaders: ['Content-Type', 'X-Key'] },
      drainMs: 60_000,
      limits: { maxBodyBytes: 1_048_576, maxCallsPerConnection: 5, maxBatchItems: 1000 },
      routes: [
        { id: 'mine', chain: 'mine', methods: { enabled: [], disabled: [] } },
        {
          id: 'yours',
          chain: 'yours',
          methods: { enabled: ['state_getPairs'], disabled: ['author_submitExtrinsic'] },
        },
      ],
    });
    expect(config.chains).toEqual([
      {
        id: 'mine',
        family: 'substrate',
        genesisHash: 'any',
        blockTimeMs: 500,
        hasher: undefined,
        submitWidth: 5,
        deadlineMs: 120_000,
        attemptTimeoutMs: 60_000,
        probeIntervalMs: 30_000,
        minPeers: 0,
      },
      {
        id: 'yours',
        family: 'substrate',
        genesisHash: `0x${'ab'.repeat(32)}`,
        blockTimeMs: 6000,
        hasher: 'keccak-256',
        submitWidth: undefined,
        deadlineMs: 30_000,
        attemptTimeoutMs: 60_000,
        probeIntervalMs: 30_000,
        minPeers: 3,
      },
    ]);
    expect(config.upstreams[0]).toEqual({
      id: 'everything',
      chain: 'mine',
      enabled: true,
      role: 'primary',
      labels: { region: 'eu-1', archive: 'true' },
      methods: { enabled: ['state_getPairs'], disabled: ['dev_x'] },
      limits: { concurrency: 10, rate: { calls: 100, intervalMs: 1000 }, maxQueue: 0 },
      rpc: {
        url: 'https://a.example/k: [1]',
        basicAuth: { username: 'me', password: '0123' },
        bearerToken: undefined,
        headers: {},
        tls: { ca: join(dir, 'a.pem'), certificate: join(dir, 'a.pem'), key: join(dir, 'a.pem') },
        maxConnections: 8,
      },
      ws: {
        url: 'wss://a.example',
        basicAuth: undefined,
        bearerToken: 't',
        headers: { 'X-Project': '${KEY}', origin: 'https://me.example' },
        tls: undefined,
        connections: 4,
        maxMessageBytes: 15_728_640,
        compression: true,
      },
    });
    expect(config.upstreams.map(({ id, enabled, role }) => [id, enabled, role])).toEqual([
      ['everything', true, 'primary'],
      ['off', false, 'primary'],
      ['second', true, 'fallback'],
    ]);
  });

  it('may be of Ethereum', () => {
    const text = `
proxy: { routes: [{ id: eth, chain: ethereum }, { id: mine, chain: mine }] }
chains:
  - { id: mine, family: ethereum, chain-id: 1337 }
  - { id: yours, family: ethereum, chain-id: 5, identity: '0x${'ab'.repeat(32)}', block-time: 1s }
cluster:
  upstreams:
    - { id: one, blockchain: ethereum, connection: { ethereum: { rpc: { url: "http://a" } } } }
    - { id: two, chain: mine, connection: { ethereum: { ws: { url: "ws://b" } } } }
    - { id: three, chain: yours, connection: { ethereum: { ws: { url: "ws://b" } } } }
`;
    const config = load({ 'dshackle.yaml': text });
    const family = 'ethereum';
    expect(config.chains).toMatchObject([
      { id: 'ethereum', family, chainId: undefined, genesisHash: undefined, minPeers: 1 },
      { id: 'mine', family, chainId: 1337, blockTimeMs: 12_000, minPeers: 0 },
      { id: 'yours', family, chainId: 5, genesisHash: `0x${'ab'.repeat(32)}`, blockTimeMs: 1000 },
    ]);
    expect(config.upstreams).toMatchObject([
      { id: 'one', rpc: { url: 'http://a' }, ws: undefined },
      { id: 'two', rpc: undefined, ws: { url: 'ws://b' } },
      { id: 'three', ws: { url: 'ws://b' } },
    ]);
  });

  it('may repeat itself with anchors', () => {
    const text = `${proxy}cluster:
  upstreams:
    - { id: one, chain: polkadot, limits: &l { concurrency: 5 }, ${connection} }
    - { id: two, chain: polkadot, limits: *l, ${connection} }
`;
    const config = load({ 'dshackle.yaml': text });
    expect(config.upstreams.map(({ limits }) => limits.concurrency)).toEqual([5, 5]);
  });
});
