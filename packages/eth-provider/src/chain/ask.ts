import { type RawJson, type Reply, RpcResponseError } from '@dshackle/core';

/** Any way to make one call: an upstream's client, or a connection during its handshake. */
export type Request = (method: string, params: RawJson) => Promise<Reply>;

/**
 * Makes one call and gives its result as raw text.
 * @throws RpcResponseError when the answer is a JSON-RPC error
 */
export async function ask(
  request: Request,
  method: string,
  ...params: readonly unknown[]
): Promise<RawJson> {
  const reply = await request(method, JSON.stringify(params));
  if (reply.kind === 'error') throw new RpcResponseError(reply.error);
  return reply.result;
}
