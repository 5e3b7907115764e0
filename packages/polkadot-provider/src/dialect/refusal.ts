import { type ErrorReply, errorReply, jsonRpcCodes } from '@dshackle/core';

/** Why a call cannot be answered: with this JSON-RPC error, in the words of the older calls. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reply: ErrorReply;

  constructor(reply: ErrorReply) {
    super(reply.error.message);
    this.reply = reply;
  }
}

/** This node does not have the block, or no longer. */
export function unknownBlock(hash: string): Refusal {
  const message = `Client error: UnknownBlock: the node gives no access to ${hash}`;
  return new Refusal(errorReply({ code: 4003, message }));
}

/** The runtime's own word, or the node's about the params. */
export function failedCall(message: string): Refusal {
  return new Refusal(errorReply({ code: 4003, message: `Client error: ${message}` }));
}

/** Not now, or not here; another node may. */
export function notNow(message: string): Refusal {
  return new Refusal(errorReply({ code: -32_000, message }));
}

/** There is no way to say it in the new calls, as far as this node has them. */
export function noWay(method: string): Refusal {
  const message = `Method not found: ${method}`;
  return new Refusal(errorReply({ code: jsonRpcCodes.methodNotFound, message }));
}
