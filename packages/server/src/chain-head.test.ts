import { createBalancer } from '@dshackle/core';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { polkadot } from '@dshackle/polkadot-provider/chain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Server, startServer } from './server.ts';
import { call, FrameClient } from './testing/clients.ts';

/** What a client of `chainHead_v1` is told, besides answers. */
interface Told {
  readonly event: string;
  readonly blockHash?: string;
  readonly finalizedBlockHashes?: readonly string[];
  readonly items?: readonly { readonly value: string }[];
}

/** `System.Number`, four bytes. */
const blockNumberKey = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac';

let devnet: Devnet;
let server: Server;
let balancer: ReturnType<typeof createBalancer>;

beforeAll(async () => {
  devnet = await startDevnet({ nodes: 2, blockTimeMs: 0 });
  balancer = createBalancer({
    chain: polkadot({ id: 'devnet', genesisHash: devnet.genesisHash }),
    upstreams: devnet.nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
  });
  server = await startServer({ port: 0, routes: [{ id: 'devnet', balancer }] });
  await balancer.ready();
}, 120_000);
afterAll(async () => {
  await server?.close();
  await balancer?.close();
  await devnet?.close();
});

it('a follow over WebSocket outlives the death of real nodes, one after another', async () => {
  const client = await FrameClient.open(`${server.url}/devnet`);
  const told: Told[] = [];
  const take = async (): Promise<{ id?: number; result?: unknown }> => {
    const frame = JSON.parse(await client.next());
    if (frame.method === 'chainHead_v1_followEvent') told.push(frame.params.result as Told);
    return frame;
  };
  let ids = 0;
  const ask = async (method: string, ...params: readonly unknown[]): Promise<unknown> => {
    ids += 1;
    client.send(call(method, params, ids));
    for (;;) {
      const { id, result } = await take();
      if (id === ids) return result;
    }
  };
  const until = async (isIt: (event: Told) => boolean): Promise<Told> => {
    for (let seen = 0; ; seen += 1) {
      while (told.length <= seen) await take();
      const event = told[seen] as Told;
      if (isIt(event)) return event;
    }
  };
  const isFinal = (hash: string) => (event: Told) =>
    event.event === 'finalized' && event.finalizedBlockHashes?.includes(hash) === true;

  const follow = await ask('chainHead_v1_follow', true);
  const made: string[] = [];
  let number: string | undefined;
  const mine = async (): Promise<void> => {
    const [block] = await devnet.mine();
    made.push(block?.hash ?? '');
    // Little-endian, and there are fewer than ten.
    number = `0x0${block?.number}000000`;
    await until(isFinal(block?.hash ?? ''));
  };
  const readNumber = async (): Promise<string | undefined> => {
    const before = told.length;
    const items = [{ key: blockNumberKey, type: 'value' }];
    await ask('chainHead_v1_storage', follow, made.at(-1), items, null);
    await until((event) => told.indexOf(event) >= before && event.event === 'operationStorageDone');
    return told.slice(before).find((event) => event.items)?.items?.[0]?.value;
  };

  await mine();
  expect(await readNumber()).toBe(number);
  await devnet.nodes[0]?.crash();
  await mine();
  expect(await readNumber()).toBe(number);
  await devnet.nodes[0]?.restart();
  await devnet.settled();
  await expect
    .poll(() => balancer.snapshot().upstreams[0]?.reason, { timeout: 60_000 })
    .toBeUndefined();
  await devnet.nodes[1]?.crash();
  await mine();
  expect(await readNumber()).toBe(number);

  const news = told.filter(({ event }) => event === 'newBlock').map(({ blockHash }) => blockHash);
  expect(news).toEqual(made);
  expect(told.filter(({ event }) => event === 'initialized')).toHaveLength(1);
  expect(told.some(({ event }) => event === 'stop')).toBe(false);
  expect(await ask('chainHead_v1_unfollow', follow)).toBeNull();
  expect(await ask('chainHead_v1_header', follow, made[0])).toBeNull();
  await client.close();
}, 120_000);
