// An Ethereum node that announces a block at a fixed pace, in a process of its own so that it can be
// killed and frozen: node src/eth-moving-node.mjs <port> <startMs> <paceMs> <holdMs>
// Each block has one log. It answers reads of storage after <holdMs>. One that was frozen announces what it
// missed when it goes on, as nodes do. A parent that has a channel to it is told of each read that it holds.
import { nowMs, Schedule } from './schedule.mjs';
import { serveSockets } from './serve-sockets.mjs';

const [port, startMs, paceMs, holdMs] = process.argv.slice(2);
const schedule = new Schedule(Number(startMs), Number(paceMs));
const quantity = (number) => `0x${number.toString(16)}`;
const word = (number) => `0x${number.toString(16).padStart(64, '0')}`;
const hashOf = (number) => word(0xb00000 + number);
const numberOf = (hash) => Number(hash) - 0xb00000;
const value = JSON.stringify(`0x${'01'.repeat(32)}`);

let best = schedule.best(nowMs());

/** A header of the size that they have. Its hash is made up, so that headers must not be verified. */
function headerOf(number) {
  return {
    number: quantity(number),
    hash: hashOf(number),
    parentHash: number === 0 ? word(0) : hashOf(number - 1),
    sha3Uncles: word(1),
    miner: `0x${'00'.repeat(20)}`,
    stateRoot: word(2),
    transactionsRoot: word(3),
    receiptsRoot: word(4),
    logsBloom: `0x${'ff'.repeat(256)}`,
    difficulty: '0x0',
    gasLimit: '0x1c9c380',
    gasUsed: '0x5208',
    timestamp: quantity(1_700_000_000 + 12 * number),
    extraData: '0x',
    mixHash: word(5),
    nonce: '0x0000000000000000',
    baseFeePerGas: '0x7',
  };
}

const logOf = (number) => ({
  address: `0x${'11'.repeat(20)}`,
  topics: [word(6), word(7)],
  data: word(8),
  blockNumber: quantity(number),
  blockHash: hashOf(number),
  transactionHash: word(0xc00000 + number),
  transactionIndex: '0x0',
  logIndex: '0x0',
  removed: false,
});

function heightOf(param) {
  if (param === 'earliest') return 0;
  if (param === 'latest' || param === 'pending' || param === undefined) return best;
  if (param === 'safe' || param === 'finalized') return Math.max(0, best - 2);
  return Number(param);
}

const blockAt = (number) =>
  number >= 0 && number <= best ? { ...headerOf(number), transactions: [], uncles: [] } : null;

/** Live subscriptions: id → its kind and socket. */
const feeds = new Map();
let opened = 0;
/** When the first notification of a block was written: `[kind, number, ms]`, kind 1 is its log. */
const written = [];

/** The result of a call; `undefined` when there is no such method. */
function resultOf(method, params) {
  switch (method) {
    case 'eth_chainId':
      return '0x539';
    case 'net_version':
      return '1337';
    case 'net_peerCount':
      return '0x8';
    case 'web3_clientVersion':
      return 'bench';
    case 'eth_syncing':
      return false;
    case 'eth_blockNumber':
      return quantity(best);
    case 'eth_getBlockByNumber':
      return blockAt(heightOf(params[0]));
    case 'eth_getBlockByHash':
      return blockAt(numberOf(params[0]));
    case 'eth_getBlockTransactionCountByNumber':
      return '0x0';
    case 'eth_getBalance':
      return '0x0';
    case 'eth_getLogs': {
      const [{ blockHash, fromBlock, toBlock }] = params;
      const from = blockHash ? numberOf(blockHash) : heightOf(fromBlock);
      const to = blockHash ? from : Math.min(best, heightOf(toBlock));
      return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => logOf(from + i));
    }
    // For the bench alone.
    case 'bench_subscriptions':
      return { opened, live: feeds.size };
    case 'bench_written':
      return written;
    default:
      return undefined;
  }
}

/** Tells all that subscribed to this. */
function tell(wanted, item) {
  for (const [subscription, { kind, socket }] of feeds) {
    if (kind !== wanted) continue;
    const params = `{"subscription":"${subscription}","result":${item}}`;
    socket.send(`{"jsonrpc":"2.0","method":"eth_subscription","params":${params}}`);
  }
}

function receive(socket, own, text) {
  const { id: plainId, method, params = [] } = JSON.parse(text);
  const id = JSON.stringify(plainId);
  const answer = (result) => socket.send(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
  if (method === 'eth_subscribe') {
    opened += 1;
    const subscription = quantity(opened);
    feeds.set(subscription, { kind: params[0], socket });
    own.add(subscription);
    answer(`"${subscription}"`);
  } else if (method === 'eth_unsubscribe') {
    own.delete(params[0]);
    answer(feeds.delete(params[0]));
  } else if (method === 'eth_getStorageAt') {
    process.send?.({ held: params[1] });
    if (holdMs === '0') answer(value);
    else setTimeout(answer, Number(holdMs), value);
  } else {
    const result = resultOf(method, params);
    if (result !== undefined) answer(JSON.stringify(result));
    else {
      const error = '{"code":-32601,"message":"the method does not exist"}';
      socket.send(`{"jsonrpc":"2.0","id":${id},"error":${error}}`);
    }
  }
}

/** Announces all that is due, then waits for the next. */
function announce() {
  while (best < schedule.best(nowMs())) {
    best += 1;
    written.push([0, best, nowMs()]);
    tell('newHeads', JSON.stringify(headerOf(best)));
    written.push([1, best, nowMs()]);
    tell('logs', JSON.stringify(logOf(best)));
  }
  // Timers count whole milliseconds; one that is early would only be set once more.
  setTimeout(announce, Math.max(1, Math.ceil(schedule.bestAtMs(best + 1) - nowMs())));
}

serveSockets(Number(port), feeds, receive);
announce();
