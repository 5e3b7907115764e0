import { connectionKeys } from './families.ts';
import type { Path } from './node.ts';

const otherDoor = 'the proxy is the only door so far';
const otherKind = 'polkadot and ethereum are the only kinds of connection so far';
const alwaysChecked = 'its check always runs';
const perChain = 'it holds for a whole chain here: set it in cluster.defaults';

/**
 * Keys of Dshackle's that we know and do not have, with the reason. Each stops the start: a setting
 * that does nothing would be a surprise later. `[]` stands for any position.
 */
const unsupported: Readonly<Record<string, string>> = {
  host: `gRPC is not there: ${otherDoor}`,
  port: `gRPC is not there: ${otherDoor}`,
  compress: `gRPC is not there: ${otherDoor}`,
  tls: `gRPC is not there: ${otherDoor}`,
  monitoring: 'there are no metrics yet',
  health: 'there is no health endpoint yet; GET / says which routes can serve',
  cache: 'there is no cache yet',
  'signed-response': 'answers are not signed yet',
  tokens: 'there are no balances yet',
  'access-log': 'there is no access log yet',
  accessLog: 'there is no access log yet',
  'egress-log': 'there is no access log yet',
  'request-log': 'there is no request log yet',
  'ingress-log': 'there is no request log yet',
  passthrough: 'calls always pass by our method tables',
  auth: 'there is no client authentication yet',
  'chain-settings': 'use chains for chains of your own',
  'proxy.tls': 'put a TLS proxy in front for now',
  'cluster.upstreams[].connection.ethereum-pos':
    'use ethereum: heads and finality need no other node',
  'cluster.upstreams[].connection.bitcoin': otherKind,
  'cluster.upstreams[].connection.dshackle': otherKind,
  'cluster.upstreams[].connection.grpc': otherKind,
  'cluster.upstreams[].connection.generic': otherKind,
  ...endpoints('url', 'write it as rpc: { url: http://… } or ws: { url: ws://… }'),
  ...endpoints('connector-mode', 'WebSocket carries calls where there is one, HTTP takes over'),
  ...endpoints('rpc.compress', 'HTTP bodies are not compressed'),
  ...endpoints('rpc.queue-size', 'use limits.max-queue of the upstream'),
  ...endpoints('ws.frame-size', 'frames are joined: set msg-size'),
  ...endpoints('ws.frameSize', 'frames are joined: set msg-size'),
  ...endpoints('ws.disabled-methods', 'use methods.disabled of the upstream'),
  ...methods('quorum', 'how a method is answered is fixed'),
  ...methods('static', 'there are no configured answers yet'),
  'cluster.upstreams[].method-groups.disabled': 'use methods.disabled',
  'proxy.routes[].method-groups.disabled': 'use methods.disabled',
  'cluster.upstreams[].node-id': 'upstreams have no numbers here',
  ...options('priority', 'heads are compared by hash: no upstream is believed more than another'),
  ...options('balance', 'there are no balances yet'),
  ...options('validate-call-limit', alwaysChecked),
  ...options('validate-gas-price', alwaysChecked),
  ...options('validate-chain', alwaysChecked),
  ...upstreamOptions('timeout', perChain),
  ...upstreamOptions('min-peers', perChain),
  ...upstreamOptions('validation-interval', perChain),
  ...upstreamOptions('deadline', perChain),
};

function endpoints(key: string, why: string): Record<string, string> {
  return Object.fromEntries(
    connectionKeys.map((kind) => [`cluster.upstreams[].connection.${kind}.${key}`, why]),
  );
}

function methods(key: string, why: string): Record<string, string> {
  return {
    [`cluster.upstreams[].methods.enabled[].${key}`]: why,
    [`proxy.routes[].methods.enabled[].${key}`]: why,
  };
}

function upstreamOptions(key: string, why: string): Record<string, string> {
  return {
    [`cluster.upstreams[].${key}`]: why,
    [`cluster.upstreams[].options.${key}`]: why,
  };
}

function options(key: string, why: string): Record<string, string> {
  return {
    ...upstreamOptions(key, why),
    [`cluster.defaults[].${key}`]: why,
    [`cluster.defaults[].options.${key}`]: why,
  };
}

/**
 * Why a key of Dshackle's cannot be used, or `undefined` when it is no key of Dshackle's.
 * @param path from the top of the main file
 */
export function unsupportedReason(path: Path): string | undefined {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += '[]';
    else text += text === '' ? step : `.${step}`;
  }
  return Object.hasOwn(unsupported, text) ? unsupported[text] : undefined;
}
