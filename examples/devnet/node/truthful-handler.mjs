import { ResponseError } from '@acala-network/chopsticks-core';

/** Substrate's code and message for a question about the state of a block it does not have. */
const UNKNOWN_BLOCK = 4003;
const UNKNOWN_BLOCK_MESSAGE = 'Client error: UnknownBlock: Header was not found in the database';

/** Methods of the state, and which parameter names the block. */
const STATE_METHODS = {
  childstate_getKeysPaged: 4,
  childstate_getStorage: 2,
  payment_queryFeeDetails: 1,
  payment_queryInfo: 1,
  state_call: 2,
  state_getKeysPaged: 3,
  state_getMetadata: 0,
  state_getReadProof: 1,
  state_getRuntimeVersion: 0,
  state_getStorage: 1,
  state_getStorageAt: 1,
  state_queryStorageAt: 1,
};

/** Methods that answer `null` about a block they do not have. */
const BLOCK_METHODS = { chain_getBlock: 0, chain_getHeader: 0 };

/**
 * Says what a Substrate node says about a block it does not have. Chopsticks answers `null` as
 * if the state were empty, or an error of its own.
 */
export function truthfulHandler(chain, handle) {
  return async (request, subscriptions) => {
    const { method, params } = request;
    const isState = Object.hasOwn(STATE_METHODS, method);
    const position = isState ? STATE_METHODS[method] : BLOCK_METHODS[method];
    const hash = position === undefined ? undefined : params[position];
    if (typeof hash === 'string' && !(await chain.getBlock(hash))) {
      if (isState) throw new ResponseError(UNKNOWN_BLOCK, UNKNOWN_BLOCK_MESSAGE);
      return null;
    }
    return handle(request, subscriptions);
  };
}
