import { type EthDevnet, startEthDevnet } from '@dshackle/devnet/ethereum';
import { methodNames } from '@dshackle/eth-provider/chain';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type History, HistoryMaker } from './history.ts';
import { type Asked, requestsOf } from './requests.ts';
import { type NodeDoor, ReplayStage } from './stage.ts';

/*
 * Whatever is asked, the answer is the node's own: the raw text of the result or of the error, while the
 * chain stands still. What is not compared, and why (nor is a state read with fewer params than before its
 * block: it is of the latest one here, as the specification has it, and some nodes decline it):
 */
const exceptions: Readonly<Record<string, string>> = {
  eth_accounts: 'the keys of a node are not the callers',
  eth_newFilter: 'filters have ids of their own, and are tested with the service',
  eth_newBlockFilter: 'as eth_newFilter',
  eth_newPendingTransactionFilter: 'as eth_newFilter',
  eth_getFilterChanges: 'as eth_newFilter',
  eth_getFilterLogs: 'as eth_newFilter',
  eth_uninstallFilter: 'as eth_newFilter',
  eth_subscribe: 'subscriptions have ids of their own, and are tested with the service',
  eth_unsubscribe: 'as eth_subscribe',
};

const seed = 7;
/** For a busy machine. */
const patient = { timeout: 30_000 };
/** Anvil has other words for some errors over a WebSocket: each is compared with its own. */
const doors: readonly NodeDoor[] = ['httpUrl', 'wsUrl'];

let devnet: EthDevnet;
let history: History;
let requests: readonly Asked[];
const stages = new Map<NodeDoor, ReplayStage>();

beforeAll(async () => {
  devnet = await startEthDevnet({ nodes: 3, blockTimeMs: 0 });
  const maker = new HistoryMaker(devnet);
  await maker.make();
  for (const door of doors) stages.set(door, await ReplayStage.start(devnet, door));
  // The pools have seen the blocks that are taken back now.
  history = await maker.settle();
  const head = history.blocks.length - 1;
  for (const stage of stages.values()) {
    await vi.waitUntil(() => stage.balancer.head.best?.hash === history.blocks[head], patient);
    for (const [tag, height] of Object.entries({ safe: head - 1, finalized: head - 2 })) {
      await vi.waitUntil(
        async () => (await stage.height(tag)) === `0x${height.toString(16)}`,
        patient,
      );
    }
  }
  requests = requestsOf(history, seed).filter(([method]) => exceptions[method] === undefined);
}, 120_000);

afterAll(async () => {
  for (const stage of stages.values()) await stage[Symbol.asyncDispose]();
  await devnet?.close();
});

it('requests are of every method that is compared, many, and of every outcome', async () => {
  const asked = new Set(requests.map(([method]) => method));
  expect(methodNames.filter((method) => !asked.has(method))).toEqual(Object.keys(exceptions));
  const outcomes = { result: 0, null: 0, error: 0 };
  const stage = stages.get('httpUrl') as ReplayStage;
  for (const each of requests) {
    const [outcome] = (await stage.byNodes(each)) as [string];
    if (outcome === 'result null') outcomes.null += 1;
    else outcomes[outcome.startsWith('error') ? 'error' : 'result'] += 1;
  }
  expect(outcomes.result).toBeGreaterThan(300);
  expect(outcomes.null).toBeGreaterThan(50);
  expect(outcomes.error).toBeGreaterThan(200);
}, 60_000);

/** The request that a node answers as others do those like it. */
async function asNodesTakeIt(stage: ReplayStage, [method, params]: Asked): Promise<Asked> {
  const [count, block, ...rest] = params;
  // Anvil takes these tags for block 0 here, and for the blocks that they mean everywhere else.
  if (method !== 'eth_feeHistory' || (block !== 'safe' && block !== 'finalized')) {
    return [method, params];
  }
  return [method, [count, await stage.height(block), ...rest]];
}

/**
 * In what the pool answers otherwise than any of the nodes. They agree but on a pending block: each makes
 * it anew when a second of its own clock begins, and those begin at different moments.
 */
async function differences(stage: ReplayStage, asked: Asked): Promise<readonly string[]> {
  const direct = await asNodesTakeIt(stage, asked);
  for (let attempt = 0; ; attempt += 1) {
    const before = await stage.byNodes(direct);
    const told = await stage.byPool(asked);
    const own = new Set([...before, ...(await stage.byNodes(direct))]);
    const different = [...told].filter(([, outcome]) => !own.has(outcome));
    // Between the two, more than one such second may have begun.
    if (different.length === 0 || own.size === 1 || attempt === 5) {
      return different.map(
        ([way, outcome]) =>
          `${JSON.stringify(asked)}: ${[...own].join(' or ')}, but by ${way} ${outcome}`,
      );
    }
  }
}

it.each(doors)(
  'any answer is byte for byte the own one of the nodes at their %s',
  async (door) => {
    const found: string[] = [];
    for (const asked of requests) {
      found.push(...(await differences(stages.get(door) as ReplayStage, asked)));
    }
    expect(found).toEqual([]);
  },
  120_000,
);
