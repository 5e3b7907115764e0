import { randomUUID } from 'node:crypto';
import { APPLY_EXTRINSIC_ERROR, ResponseError } from '@acala-network/chopsticks-core';
import { followEvents } from './follow-events.mjs';

/**
 * Time between a transaction's `inBlock` and its `finalized`. polkadot-js drops the first when
 * the second follows before it has looked at the block.
 */
const FINALIZED_AFTER_MS = 100;

/** The methods that speak of finality, as {@link finalityTracker} sees it. */
export function finalityHandlers(chain, finality, chopsticks) {
  return {
    archive_v1_finalizedHeight: () => finality.head.number,
    chain_getFinalizedHead: () => finality.head.hash,
    chain_subscribeFinalizedHeads: (_, { subscribe }) => {
      const id = randomUUID();
      const callback = subscribe('chain_finalizedHead', id, () => stop());
      const stop = finality.onFinalized(async (blocks) => {
        for (const block of blocks) callback(await headerOf(block));
      });
      // After the answer, which carries the id.
      setImmediate(async () => callback(await headerOf(finality.head)));
      return id;
    },
    author_submitAndWatchExtrinsic: ({ params }, subscriptions) =>
      submitAndWatch(chain, finality, params[0], subscriptions),
    chainHead_v1_follow: (request, subscriptions) =>
      chopsticks(request, {
        ...subscriptions,
        subscribe: (method, id, onCancel) => {
          const callback = subscriptions.subscribe(method, id, (cancelled) => {
            events.stop();
            onCancel(cancelled);
          });
          const events = followEvents(chain, finality, callback);
          return events.pass;
        },
      }),
  };
}

async function headerOf(block) {
  const { parentHash, number, stateRoot, extrinsicsRoot, digest } = await block.header;
  return {
    parentHash: parentHash.toHex(),
    number: number.toHex(),
    stateRoot: stateRoot.toHex(),
    extrinsicsRoot: extrinsicsRoot.toHex(),
    digest: { logs: digest.logs.map((log) => log.toHex()) },
  };
}

/**
 * As chopsticks does it, but `finalized` waits for the block to be final, and a status without a
 * value is its name alone: dedot reads nothing else.
 */
async function submitAndWatch(chain, finality, extrinsic, { subscribe, unsubscribe }) {
  const id = randomUUID();
  const { headState, txPool } = chain;
  const includes = async (block) => (await block.extrinsics).includes(extrinsic);
  const callback = subscribe('author_extrinsicUpdate', id, () => {
    headState.unsubscribeHead(head);
    ignore();
    txPool.event.removeListener(APPLY_EXTRINSIC_ERROR, refused);
  });
  const head = headState.subscribeHead(async (block) => {
    if (await includes(block)) callback({ inBlock: block.hash });
  });
  const ignore = finality.onFinalized(async (blocks) => {
    for (const block of blocks) {
      if (!(await includes(block))) continue;
      setTimeout(() => end({ finalized: block.hash }), FINALIZED_AFTER_MS);
    }
  });
  const refused = ([failed]) => {
    if (failed === extrinsic) end('invalid');
  };
  txPool.event.on(APPLY_EXTRINSIC_ERROR, refused);
  const end = (status) => {
    callback(status);
    unsubscribe(id);
  };
  try {
    await chain.submitExtrinsic(extrinsic);
  } catch (error) {
    unsubscribe(id);
    throw new ResponseError(error.isInvalid ? 1010 : 1011, error.toString());
  }
  setImmediate(() => callback('ready'));
  return id;
}
