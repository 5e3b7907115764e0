// A Substrate node that announces a block at a fixed pace, in a process of its own so that it can be
// killed and frozen: node src/moving-node.mjs <port> <chain file> <startMs> <paceMs> <holdMs>
// It answers reads of storage after <holdMs>. One that was frozen announces what it missed when it
// goes on, as nodes do. A parent that has a channel to it is told of each read that it holds.
import { readFileSync } from 'node:fs';
import { nowMs, Schedule } from './schedule.mjs';
import { serveSockets } from './serve-sockets.mjs';

const [port, chainFile, startMs, paceMs, holdMs] = process.argv.slice(2);
const schedule = new Schedule(Number(startMs), Number(paceMs));
/** @type {{ hash: string, header: string }[]} */
const chain = JSON.parse(readFileSync(chainFile, 'utf8'));
const numbers = new Map(chain.map(({ hash }, number) => [hash, number]));
const value = JSON.stringify(`0x${'01'.repeat(80)}`);
const runtimeVersion = JSON.stringify({
  specName: 'bench',
  implName: 'bench-node',
  authoringVersion: 1,
  specVersion: 1,
  implVersion: 0,
  apis: [['0xdf6acb689907609b', 5]],
  transactionVersion: 1,
  stateVersion: 1,
});

let best = schedule.best(nowMs());
let final = schedule.final(nowMs());

/** What each subscription's notifications are called. */
const notifications = {
  chain_subscribeAllHeads: 'chain_allHead',
  chain_subscribeNewHeads: 'chain_newHead',
  chain_subscribeFinalizedHeads: 'chain_finalizedHead',
};
/** Live subscriptions: id → feed. */
const feeds = new Map();
let opened = 0;
/** When the first notification of a block was written: `[kind, number, ms]`, kind 1 is finalized. */
const written = [];

const methods = [
  ...Object.keys(notifications),
  ...Object.keys(notifications).map((name) => name.replace('subscribe', 'unsubscribe')),
  ...['chain_getBlockHash', 'chain_getFinalizedHead', 'chain_getHeader', 'chain_getBlock'],
  ...['state_getStorage', 'state_getRuntimeVersion', 'system_chain', 'system_health'],
  'rpc_methods',
];

/** The result of a call as JSON text; `undefined` when there is no such method. */
function resultOf(method, params) {
  switch (method) {
    case 'chain_getBlockHash': {
      const number = params[0] ?? best;
      return number <= best ? JSON.stringify(chain[number].hash) : 'null';
    }
    case 'chain_getFinalizedHead':
      return JSON.stringify(chain[final].hash);
    case 'chain_getHeader': {
      const number = params[0] == null ? best : numbers.get(params[0]);
      return number <= best ? chain[number].header : 'null';
    }
    case 'chain_getBlock': {
      const number = params[0] == null ? best : numbers.get(params[0]);
      return number <= best
        ? `{"block":{"header":${chain[number].header},"extrinsics":[]}}`
        : 'null';
    }
    case 'state_getRuntimeVersion':
      return runtimeVersion;
    case 'system_chain':
      return '"Bench"';
    case 'system_health':
      return '{"peers":8,"isSyncing":false,"shouldHavePeers":true}';
    case 'rpc_methods':
      return JSON.stringify({ methods });
    // For the bench alone.
    case 'bench_subscriptions':
      return JSON.stringify({ opened, live: feeds.size });
    case 'bench_written':
      return JSON.stringify(written);
    default:
      return undefined;
  }
}

function notify(id, { notification, socket }, header) {
  const params = `{"subscription":"${id}","result":${header}}`;
  socket.send(`{"jsonrpc":"2.0","method":"${notification}","params":${params}}`);
}

/** Tells all that subscribed to any of these methods. */
function tell(header, ...wanted) {
  for (const [id, feed] of feeds) if (wanted.includes(feed.method)) notify(id, feed, header);
}

function subscribe(socket, own, id, method) {
  opened += 1;
  const name = `sub${opened}`;
  const feed = { method, notification: notifications[method], socket };
  feeds.set(name, feed);
  own.add(name);
  socket.send(`{"jsonrpc":"2.0","id":${id},"result":"${name}"}`);
  if (method === 'chain_subscribeNewHeads') notify(name, feed, chain[best].header);
  if (method === 'chain_subscribeFinalizedHeads') notify(name, feed, chain[final].header);
}

function receive(socket, own, text) {
  const { id: plainId, method, params = [] } = JSON.parse(text);
  const id = JSON.stringify(plainId);
  const answer = (result) => socket.send(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
  if (method in notifications) {
    subscribe(socket, own, id, method);
  } else if (/^chain_unsubscribe/.test(method)) {
    own.delete(params[0]);
    answer(feeds.delete(params[0]));
  } else if (method === 'state_getStorage') {
    process.send?.({ held: params[0] });
    if (holdMs === '0') answer(value);
    else setTimeout(answer, Number(holdMs), value);
  } else {
    const result = resultOf(method, params);
    if (result !== undefined) answer(result);
    else {
      const error = '{"code":-32601,"message":"Method not found"}';
      socket.send(`{"jsonrpc":"2.0","id":${id},"error":${error}}`);
    }
  }
}

/** Announces all that is due, then waits for the next. */
function announce() {
  const atMs = nowMs();
  while (best < schedule.best(atMs) || final < schedule.final(atMs)) {
    const isBestNext = schedule.bestAtMs(best + 1) <= schedule.finalAtMs(final + 1);
    if (isBestNext) {
      best += 1;
      written.push([0, best, nowMs()]);
      tell(chain[best].header, 'chain_subscribeAllHeads', 'chain_subscribeNewHeads');
    } else {
      final += 1;
      written.push([1, final, nowMs()]);
      tell(chain[final].header, 'chain_subscribeFinalizedHeads');
    }
  }
  const nextMs = Math.min(schedule.bestAtMs(best + 1), schedule.finalAtMs(final + 1));
  // Timers count whole milliseconds; one that is early would only be set once more.
  setTimeout(announce, Math.max(1, Math.ceil(nextMs - nowMs())));
}

serveSockets(Number(port), feeds, receive);
announce();
