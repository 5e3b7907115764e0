// A scripted Ethereum node whose chain stands still: node src/eth-node.mjs <port> [<delayMs>]
// JSON-RPC over HTTP and WebSocket. `eth_getLogs` gives as many megabytes of logs as its one topic says.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

const [port, delayMs = '0'] = process.argv.slice(2);
const quantity = (number) => `0x${number.toString(16)}`;
const word = (number) => `0x${number.toString(16).padStart(64, '0')}`;
const best = 2;

/** Its hash is made up, so that headers must not be verified. */
function block(number) {
  return {
    number: quantity(number),
    hash: word(0xb000 + number),
    parentHash: number === 0 ? word(0) : word(0xb000 + number - 1),
    timestamp: quantity(1_700_000_000 + 12 * number),
    gasLimit: '0x1c9c380',
    gasUsed: '0x0',
    baseFeePerGas: '0x7',
    miner: `0x${'00'.repeat(20)}`,
    logsBloom: `0x${'ff'.repeat(256)}`,
    extraData: '0x',
    transactions: [],
  };
}

function heightOf(param) {
  if (param === 'earliest') return 0;
  if (param === 'latest' || param === 'pending') return best;
  if (param === 'safe' || param === 'finalized') return 1;
  return Number(param);
}

/** Raw text of so many megabytes of logs, made once. @type {Map<number, string>} */
const logs = new Map();
function logsOf(megabytes) {
  const made = logs.get(megabytes);
  if (made) return made;
  const each = JSON.stringify({
    address: `0x${'11'.repeat(20)}`,
    topics: [word(megabytes), word(1), word(2)],
    data: `0x${'22'.repeat(64)}`,
    blockNumber: quantity(best),
    blockHash: block(best).hash,
    transactionHash: word(7),
    transactionIndex: '0x0',
    logIndex: '0x0',
    removed: false,
  });
  const count = Math.max(1, Math.floor((megabytes * 1e6) / (each.length + 1)));
  const text = `[${Array(count).fill(each).join(',')}]`;
  logs.set(megabytes, text);
  return text;
}

/** The raw result of a call. */
function resultOf(method, params) {
  switch (method) {
    case 'eth_chainId':
      return '"0x539"';
    case 'net_version':
      return '"1337"';
    case 'eth_syncing':
      return 'false';
    case 'eth_blockNumber':
      return `"${quantity(best)}"`;
    case 'eth_getBlockByNumber': {
      const height = heightOf(params[0]);
      return height <= best ? JSON.stringify(block(height)) : 'null';
    }
    case 'eth_getBlockByHash': {
      const found = [0, 1, 2].map(block).find(({ hash }) => hash === params[0]);
      return JSON.stringify(found ?? null);
    }
    case 'eth_getBlockTransactionCountByNumber':
      return '"0x0"';
    case 'eth_subscribe':
      return '"0x1"';
    case 'eth_unsubscribe':
      return 'true';
    case 'eth_getLogs':
      return logsOf(Number(params[0].topics[0]));
    default:
      return word(5).replace(/^|$/g, '"');
  }
}

async function answer(text) {
  const request = JSON.parse(text);
  if (delayMs !== '0') await sleep(Number(delayMs));
  const answerOne = ({ id, method, params = [] }) =>
    `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${resultOf(method, params)}}`;
  return Array.isArray(request) ? `[${request.map(answerOne).join(',')}]` : answerOne(request);
}

const server = createServer({ noDelay: true }, (request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const body = Buffer.from(await answer(Buffer.concat(chunks).toString()));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
});
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
  socket.on('message', async (data) => socket.send(await answer(data.toString())));
});
server.listen(Number(port), '127.0.0.1');
