import { readFileSync } from 'node:fs';
import { type Balancer, type BalancerOptions, createBalancer } from '@dshackle/core';
import { PolkadotProvider } from '@dshackle/polkadot-provider';
import { polkadot } from '@dshackle/polkadot-provider/chain';
import { type Server, type ServerOptions, startServer } from '../server.ts';
import { FrameClient, post } from './clients.ts';
import { SubstrateNode, word } from './substrate-node.ts';

/** An answer as a client has it. */
export interface DoorAnswer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** One of the ways in. */
export interface Door {
  readonly name: string;
  ask(method: string, params: readonly unknown[]): Promise<DoorAnswer>;
}

/** Scripted nodes, an engine over them, and every door before it. */
export interface BadInputStage extends AsyncDisposable {
  readonly nodes: readonly SubstrateNode[];
  readonly balancer: Balancer;
  readonly server: Server;
  readonly url: string;
  /** HTTP, WebSocket and the provider inside an application. */
  readonly doors: readonly Door[];
  /** What the server logged as a bug of its own. */
  readonly bugs: readonly string[];
}

/** Options of {@link badInputStage}. */
export interface StageOptions {
  readonly nodes?: readonly SubstrateNode[];
  readonly engine?: Partial<BalancerOptions>;
  readonly limits?: ServerOptions['limits'];
}

/** Starts one; resolves when it can serve. */
export async function badInputStage(options: StageOptions = {}): Promise<BadInputStage> {
  const { nodes = [new SubstrateNode('a'), new SubstrateNode('b'), new SubstrateNode('c')] } =
    options;
  const balancer = createBalancer({
    chain: polkadot({ id: 'scripted', genesisHash: word(1), verifyHeaders: false }),
    upstreams: nodes.map((node) => node.upstream()),
    ...options.engine,
  });
  const bugs: string[] = [];
  const note = (message: string, fields?: object): void => {
    bugs.push(`${message} ${String(Object(fields).error?.stack)}`);
  };
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: note };
  const server = await startServer({
    port: 0,
    routes: [{ id: 'chain', balancer }],
    log,
    limits: options.limits,
  });
  await balancer.ready();
  const url = `${server.url}/chain`;
  const stage = { nodes, balancer, server, url, bugs };
  const doors = await openDoors(url, balancer);
  return {
    ...stage,
    doors: doors.list,
    [Symbol.asyncDispose]: async () => {
      await doors.close();
      await server.close();
      await balancer.close();
    },
  };
}

/** Ways to a server and to the engine behind it. */
export async function openDoors(
  url: string,
  balancer: Balancer,
): Promise<{ readonly list: readonly Door[]; readonly close: () => Promise<void> }> {
  const client = await FrameClient.open(url);
  const provider = new PolkadotProvider(balancer);
  let ids = 0;
  const request = (method: string, params: readonly unknown[]): string => {
    ids += 1;
    return JSON.stringify({ jsonrpc: '2.0', id: ids, method, params });
  };
  const list: Door[] = [
    {
      name: 'HTTP',
      ask: async (...call) => JSON.parse((await post(url, request(...call))).text),
    },
    {
      name: 'WebSocket',
      ask: async (...call) => JSON.parse(await client.ask(request(...call))),
    },
    {
      name: 'provider',
      ask: (method, params) =>
        provider.send(method, [...params]).then(
          (result) => ({ result }),
          (error: { code: number; message: string; data?: unknown }) => ({ error }),
        ),
    },
  ];
  const close = async (): Promise<void> => {
    await provider.disconnect();
    await client.close();
  };
  return { list, close };
}

/** Every method of the table, from the page that is generated of it. */
export function tableMethods(): readonly string[] {
  const page = readFileSync(
    new URL('../../../../docs/methods-polkadot.md', import.meta.url),
    'utf8',
  );
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  const names = rows.flatMap((row) => row.match(/`[a-z]+[A-Za-z0-9]*_[A-Za-z0-9_]+`/g) ?? []);
  const ends = page.match(/`[A-Za-z0-9_]+_(?:un|stop)[A-Za-z0-9_]+`/g) ?? [];
  return [...new Set([...names, ...ends])].map((name) => name.slice(1, -1));
}
