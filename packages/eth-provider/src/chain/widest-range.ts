import { RpcResponseError, type UpstreamClient } from '@dshackle/core';
import { limitIn, speaksOfResults } from '../service/accepted-span.ts';
import { ask } from './ask.ts';
import { nobody, toNumber, toQuantity } from './header.ts';
import { judge, refusesRange } from './verdicts.ts';

/** What takes so many blocks takes any number that is worth asking for in one call. */
const wide = 10_000;

/** A topic that no event has, so that nothing is found: nodes rule blocks out by their blooms. */
const noTopic = `0x${'0'.repeat(64)}`;

/**
 * How many blocks a node or provider takes in one query for logs; `undefined` when it takes 10,000, does
 * not serve such queries, or the chain is shorter than what it takes. It is asked for logs that nobody has,
 * of fewer blocks each time: as many as the refusal says, or half.
 *
 * @throws Error when it cannot say
 */
export async function widestRange(
  client: UpstreamClient,
  offers: (method: string) => boolean,
): Promise<number | undefined> {
  if (!offers('eth_getLogs')) return undefined;
  const request = (...call: Parameters<UpstreamClient['request']>) => client.request(...call);
  const head = toNumber(JSON.parse(await ask(request, 'eth_blockNumber')));
  if (head === undefined) throw new Error('no height');
  let blocks = Math.min(wide, head + 1);
  let isRefused = false;
  while (blocks > 1) {
    const refusal = await refusalOf(request, head - blocks + 1, head);
    if (refusal === undefined) break;
    if (refusal === 'not served') return undefined;
    isRefused = true;
    blocks = Math.min(Math.floor(blocks / 2), limitIn(refusal.words) ?? blocks);
  }
  return isRefused ? blocks : undefined;
}

/** The words with which it declines so wide a range; `undefined` when it takes it. */
async function refusalOf(
  request: UpstreamClient['request'],
  from: number,
  to: number,
): Promise<{ readonly words: string } | 'not served' | undefined> {
  const range = { fromBlock: toQuantity(from), toBlock: toQuantity(to) };
  try {
    await ask(request, 'eth_getLogs', { ...range, address: nobody, topics: [noTopic] });
    return undefined;
  } catch (error) {
    if (!(error instanceof RpcResponseError)) throw error;
    const words = refusesRange(error);
    // Too much for now, or in that place: it says nothing of other queries.
    if (words !== undefined && speaksOfResults(words)) throw error;
    if (words !== undefined) return { words };
    const verdict = judge(error);
    if (verdict.action === 'missing' && !verdict.lacksBlock) return 'not served';
    throw error;
  }
}
