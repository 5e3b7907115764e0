/**
 * One node of a small network, in a container of its own. The chain and its JSON-RPC are the
 * devnet's; what the devnet's controller does for nodes on one machine, containers do among
 * themselves: blocks and transactions travel over HTTP, the first node of the list that is alive
 * builds the blocks, and a node that returns fetches what it missed.
 */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { createGenesis } from '@dshackle/devnet/genesis';
import { bootNode } from '@dshackle/devnet/node';

/** This node's peer address, which is also in the list; it listens on the port given here. */
const self = process.env.SELF ?? 'http://127.0.0.1:30333';
/** All nodes, the first choice for building blocks first. */
const nodes = (process.env.NODES ?? self).split(' ');
const host = process.env.HOST ?? '127.0.0.1';
const rpcPort = Number(process.env.RPC_PORT ?? 9944);
const blockTimeMs = Number(process.env.BLOCK_TIME_MS ?? 3000);

const finalityLag = 2;
const lookAroundMs = 200;
/** A node that was paused accepts connections and answers nothing. */
const peerTimeoutMs = 2_000;
const blocksAtOnce = 100;

const others = nodes.filter((node) => node !== self);
const before = nodes.slice(0, nodes.indexOf(self));
/** Transactions that no block has yet. */
const pool = new Map();

// The first process of a container has no default behaviour for signals.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

const genesis = await createGenesis('dshackle-devnet');
const { identity, calls } = await bootNode(
  { genesis, host, port: rpcPort, finalityLag },
  ({ transaction }) => {
    pool.set(transaction.extrinsic, transaction);
    const body = JSON.stringify(transaction);
    for (const node of others) ask(node, '/transactions', { method: 'POST', body }).catch(() => {});
  },
);
/** The chain this node is on, from block 1, which every node builds by itself. */
const blocks = [{ ...identity.firstBlock, transactions: [], dropped: [] }];
let lastBlockAt = Date.now();

const server = createServer(async (request, response) => {
  const from = /^\/blocks\/(\d+)$/.exec(request.url)?.[1];
  if (request.method === 'POST' && request.url === '/transactions') {
    const transaction = JSON.parse(await text(request));
    pool.set(transaction.extrinsic, transaction);
    await calls.pool({ transactions: [transaction.extrinsic] });
    response.end('null');
  } else if (from !== undefined) {
    const first = Math.max(Number(from), 1) - 1;
    response.end(JSON.stringify(blocks.slice(first, first + blocksAtOnce)));
  } else {
    response.writeHead(404).end('null');
  }
});
server.listen(Number(new URL(self).port), host);
console.log(`serves on port ${identity.port}; genesis ${identity.genesisHash}`);

for (;;) {
  const alive = new Set();
  for (const node of others) {
    try {
      while (await fetchNews(node));
      alive.add(node);
    } catch {
      // Down, or on its way up: the others go on.
    }
  }
  const due = Date.now() - lastBlockAt >= blockTimeMs;
  if (due && !before.some((node) => alive.has(node))) await buildBlock();
  await delay(lookAroundMs);
}

async function ask(node, path, init) {
  const signal = AbortSignal.timeout(peerTimeoutMs);
  const response = await fetch(`${node}${path}`, { ...init, signal });
  return response.json();
}

/** Takes over what a longer chain has; true when there may be more. */
async function fetchNews(node) {
  // Usually the first look fits. After a fork the parent is another one: back to where it is not.
  for (let from = blocks.length + 1; from > 1; from -= 1) {
    const news = await ask(node, `/blocks/${from}`);
    if (news.length === 0) return false;
    if (news[0].parentHash !== blocks[from - 2].hash) continue;
    for (const block of news) await adopt(block);
    return news.length === blocksAtOnce;
  }
  return false;
}

async function buildBlock() {
  const transactions = pool.size === 0 ? [] : await calls.select({ pool: [...pool.values()] });
  await adopt(await calls.build({ parentHash: blocks.at(-1).hash, transactions }));
  console.log(`built ${blocks.length} ${blocks.at(-1).hash}`);
}

async function adopt(block) {
  await calls.import({ block });
  blocks.length = block.number - 1;
  blocks.push(block);
  lastBlockAt = Date.now();
  for (const extrinsic of block.transactions) pool.delete(extrinsic);
}
