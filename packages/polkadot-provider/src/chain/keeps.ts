import { type BlockData, RpcResponseError, type UpstreamClient } from '@dshackle/core';
import { ask } from './ask.ts';
import { isHash } from './header.ts';
import { judge } from './verdicts.ts';

/** `System.Number`: a few bytes that every runtime has had in its state since its first block. */
const blockNumberKey = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac';

/**
 * Does a node still have the state, or the body, of its block at that height? Asks for the hash, then
 * for one small value: reading a runtime version would have old nodes compile an old runtime. Not to
 * be asked about genesis: nodes that prune keep its state in memory.
 *
 * @throws Error when the node gives neither an answer nor an error that means that it lacks it
 */
export async function keeps(
  client: UpstreamClient,
  data: BlockData,
  height: number,
): Promise<boolean> {
  const request = (...call: Parameters<UpstreamClient['request']>) => client.request(...call);
  const hash: unknown = JSON.parse(await ask(request, 'chain_getBlockHash', height));
  if (!isHash(hash)) return false;
  try {
    if (data === 'block') return (await ask(request, 'chain_getBlock', hash)) !== 'null';
    await ask(request, 'state_getStorage', blockNumberKey, hash);
    return true;
  } catch (error) {
    if (!(error instanceof RpcResponseError)) throw error;
    const verdict = judge(error);
    if (verdict.action === 'missing' && verdict.lacksBlock) return false;
    throw error;
  }
}
