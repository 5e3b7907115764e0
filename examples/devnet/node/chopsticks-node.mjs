import { handler } from '@acala-network/chopsticks/rpc/index';
import { createServer } from '@acala-network/chopsticks/server';
import {
  APPLY_EXTRINSIC_ERROR,
  Block,
  buildBlock,
  compactHex,
  getSlotDuration,
  setup,
} from '@acala-network/chopsticks-core';
import { blake2AsHex } from '@polkadot/util-crypto';
import { finalityTracker } from './finality.mjs';
import { finalityHandlers } from './finality-handlers.mjs';
import { genesisProvider } from './genesis-provider.mjs';
import { truthfulHandler } from './truthful-handler.mjs';

/** Blocks a node remembers. Older ones are forgotten, so it is far more than any run makes. */
const MAX_BLOCKS = 100_000;

const NO_MESSAGES = { upwardMessages: {}, downwardMessages: [], horizontalMessages: {} };

/**
 * Starts chopsticks in this process and returns what the controller may ask of it.
 *
 * Blocks are built by `buildBlock` directly and not by chopsticks' transaction pool: the pool
 * cannot build an empty block while it holds a transaction, forgets to drop what an explicit
 * list included, and hides a failed build.
 */
export async function bootNode({ genesis, host, port, finalityLag }, notify) {
  const provider = await genesisProvider(genesis);
  const chain = await setup({
    genesis: provider,
    buildBlockMode: 'Manual',
    maxMemoryBlockCount: MAX_BLOCKS,
    processQueuedMessages: false,
  });
  sharePool(chain, notify);

  const finality = finalityTracker(await chain.getBlock(provider.blockHash), finalityLag);
  await finality.advance(chain.head);
  const node = { chain, finality };
  const server = await createServer(rpcHandler(node), port, host);

  return {
    identity: {
      port: server.port,
      genesisHash: provider.blockHash,
      firstBlock: await recordOf(chain.head),
    },
    calls: {
      head: () => ({ number: chain.head.number, hash: chain.head.hash }),
      select: ({ pool }) => selectReady(chain, pool),
      build: (params) => build(chain, params),
      import: ({ block }) => importBlock(node, block),
      fork: () => fork(chain),
      pool: ({ transactions }) => addToPool(chain, transactions),
    },
  };
}

/** Chopsticks' answers, but for the methods where a Substrate node says something else. */
function rpcHandler({ chain, finality }) {
  const chopsticks = handler({ chain });
  const ours = finalityHandlers(chain, finality, chopsticks);
  return truthfulHandler(chain, (request, subscriptions) =>
    Object.hasOwn(ours, request.method)
      ? ours[request.method](request, subscriptions)
      : chopsticks(request, subscriptions),
  );
}

/** Tells the controller, which plays the peer-to-peer network, of each transaction accepted here. */
function sharePool(chain, notify) {
  chain.submitExtrinsic = async (extrinsic) => {
    const validity = await chain.validateExtrinsic(extrinsic);
    if (!validity.isOk) throw validity.asErr;
    // A second submission of the same bytes must not sit in the pool twice.
    if (!chain.txPool.pendingExtrinsics.includes(extrinsic)) {
      await chain.txPool.submitExtrinsic(extrinsic);
      const registry = await chain.head.registry;
      const { signer, nonce } = registry.createType('GenericExtrinsic', extrinsic);
      notify({
        event: 'transaction',
        transaction: { extrinsic, signer: signer.toString(), nonce: nonce.toNumber() },
      });
    }
    return blake2AsHex(extrinsic, 256);
  };
}

/** Puts what other nodes accepted into this node's pool; the network already validated it. */
async function addToPool(chain, transactions) {
  for (const extrinsic of transactions) {
    if (!chain.txPool.pendingExtrinsics.includes(extrinsic)) {
      await chain.txPool.submitExtrinsic(extrinsic);
    }
  }
}

/**
 * Which of the pool may go into the next block, in an order that applies: by arrival, but one
 * signer's by nonce. A nonce that is still ahead waits, where chopsticks would drop it.
 */
async function selectReady(chain, pool) {
  const meta = await chain.head.meta;
  const ready = [];
  for (const [signer, transactions] of groupBySigner(pool)) {
    const account = await chain.head.read('AccountInfo', meta.query.system.account, signer);
    let expected = account?.nonce.toNumber() ?? 0;
    for (const transaction of transactions.sort((a, b) => a.nonce - b.nonce)) {
      if (transaction.nonce > expected) break;
      // One that is behind goes in as well: building says why it is refused, to its watchers too.
      ready.push(transaction.extrinsic);
      if (transaction.nonce === expected) expected += 1;
    }
  }
  return ready;
}

function groupBySigner(pool) {
  const groups = new Map();
  for (const transaction of pool) {
    const group = groups.get(transaction.signer);
    if (group) group.push(transaction);
    else groups.set(transaction.signer, [transaction]);
  }
  return groups;
}

/** Executes the next block on top of the head, which must be `parentHash`, without adopting it. */
async function build(chain, { parentHash, transactions }) {
  const parent = chain.head;
  if (parent.hash !== parentHash) {
    throw new Error(`[wrong head] ${parent.number} ${parent.hash}, not ${parentHash}`);
  }
  const dropped = [];
  const [block, trapped] = await buildBlock(
    parent,
    chain.getInherents(),
    { transactions, ...NO_MESSAGES },
    {
      onApplyExtrinsicError: (extrinsic, error) =>
        dropped.push({ extrinsic, status: error.toJSON() }),
    },
  );
  // One that made the runtime trap would do so in every block to come.
  for (const extrinsic of trapped) dropped.push({ extrinsic, status: { dropped: null } });
  return { ...(await recordOf(block)), transactions, dropped };
}

/** Adopts a canonical block: its header is checked, its state changes are applied. */
async function importBlock({ chain, finality }, record) {
  const parent = await chain.getBlock(record.parentHash);
  if (!parent) throw new Error(`[unknown parent] of ${record.number} ${record.hash}`);
  const registry = await parent.registry;
  const header = registry.createType('Header', record.header);
  if (header.hash.toHex() !== record.hash || header.parentHash.toHex() !== parent.hash) {
    throw new Error(`[bad header] ${record.number} ${record.hash}`);
  }
  const block = new Block(chain, record.number, record.hash, parent, {
    header,
    extrinsics: record.extrinsics,
    storage: parent.storage,
    storageDiff: record.storageDiff,
  });
  await adopt(chain, block, record.transactions, record.dropped);
  await finality.advance(block);
  return record.hash;
}

/**
 * Builds an empty block one Aura slot later than everybody else would, as a second author does
 * who has not seen the block before his turn.
 */
async function fork(chain) {
  const parent = chain.head;
  const meta = await parent.meta;
  const now = meta.query.timestamp.now;
  const slotMs = BigInt(await getSlotDuration(parent));
  const skipped = (await parent.read('u64', now)).toBigInt() + slotMs;
  // The slot is derived from the parent's clock, which reads one slot ahead just for this build.
  parent
    .pushStorageLayer()
    .set(compactHex(now()), meta.registry.createType('u64', skipped).toHex(true));
  let built;
  try {
    built = await buildBlock(parent, chain.getInherents(), { transactions: [], ...NO_MESSAGES });
  } finally {
    parent.popStorageLayer();
  }
  await adopt(chain, built[0], [], []);
  return { number: built[0].number, hash: built[0].hash };
}

/** Makes `block` the head, without the pool's transactions it settled. */
async function adopt(chain, block, transactions, dropped) {
  const settled = new Set(transactions);
  const waiting = chain.txPool.pendingExtrinsics.filter((extrinsic) => !settled.has(extrinsic));
  chain.txPool.clear();
  const announced = chain.setHead(block);
  await addToPool(chain, waiting);
  await announced;
  for (const { extrinsic, status } of dropped) {
    chain.txPool.event.emit(APPLY_EXTRINSIC_ERROR, [extrinsic, { toJSON: () => status }]);
  }
}

/** What the controller keeps of a block and other nodes import. */
async function recordOf(block) {
  const header = await block.header;
  return {
    number: block.number,
    hash: block.hash,
    parentHash: header.parentHash.toHex(),
    header: header.toHex(),
    extrinsics: await block.extrinsics,
    storageDiff: await block.storageDiff(),
  };
}
