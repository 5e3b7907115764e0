import { type Balancer, createBalancer, readEnvelope } from '@dshackle/core';
import { chainId, type EthDevnet } from '@dshackle/devnet/ethereum';
import { ethereum, methodNames } from '@dshackle/eth-provider/chain';
import { type Server, startServer } from '../server.ts';
import { call, FrameClient, post } from '../testing/clients.ts';
import type { Asked } from './requests.ts';

/** By which transport nodes are asked, by the pool and directly. */
export type NodeDoor = 'httpUrl' | 'wsUrl';

/** Asks one node, past the balancer. */
interface NodeClient {
  ask(request: string): Promise<string>;
  close(): Promise<void>;
}

/**
 * A pool over the nodes of a devnet, a server before it, and all ways in beside the direct one. An
 * outcome is told as raw text: `result …` or `error …`.
 */
export class ReplayStage implements AsyncDisposable {
  readonly balancer: Balancer;
  readonly #server: Server;
  readonly #client: FrameClient;
  readonly #nodes: readonly NodeClient[];

  private constructor(
    balancer: Balancer,
    server: Server,
    client: FrameClient,
    nodes: readonly NodeClient[],
  ) {
    this.balancer = balancer;
    this.#server = server;
    this.#client = client;
    this.#nodes = nodes;
  }

  /** Starts one, which serves all methods for debugging too. */
  static async start(devnet: EthDevnet, door: NodeDoor): Promise<ReplayStage> {
    const balancer = createBalancer({
      chain: ethereum({ chainId, blockTimeMs: 1000 }),
      upstreams: devnet.nodes.map((node) => ({ id: node.id, transport: node[door] })),
      methods: { enabled: methodNames.filter((name) => /^(debug|trace)_/.test(name)) },
    });
    const server = await startServer({ port: 0, routes: [{ id: 'eth', balancer }] });
    const client = await FrameClient.open(`${server.url}/eth`);
    const nodes = await Promise.all(devnet.nodes.map((node) => nodeClient(node[door])));
    await balancer.ready();
    return new ReplayStage(balancer, server, client, nodes);
  }

  /** The height of a head as the pool has it. */
  async height(tag: string): Promise<string | undefined> {
    const params = [tag, false];
    const block = await this.balancer.request<{ number: string }>('eth_getBlockByNumber', params);
    return block.number;
  }

  /** What each of the nodes says itself. */
  byNodes([method, params]: Asked): Promise<readonly string[]> {
    const request = JSON.stringify(call(method, params));
    return Promise.all(this.#nodes.map(async (node) => outcomeIn(await node.ask(request))));
  }

  /** The same by every way in, by its name. */
  async byPool([method, params]: Asked): Promise<ReadonlyMap<string, string>> {
    const request = JSON.stringify(call(method, params));
    const { reply } = await this.balancer.forward({ method, params: JSON.stringify(params) });
    return new Map([
      ['HTTP', outcomeIn((await post(`${this.#server.url}/eth`, request)).text)],
      ['WebSocket', outcomeIn(await this.#client.ask(request))],
      ['embedded', reply.kind === 'result' ? `result ${reply.result}` : `error ${reply.raw}`],
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
    for (const node of this.#nodes) await node.close();
    await this.#server.close();
    await this.balancer.close();
  }
}

function nodeClient(url: string): Promise<NodeClient> {
  if (url.startsWith('ws')) return FrameClient.open(url);
  return Promise.resolve({
    ask: async (request) => (await post(url, request)).text,
    close: async () => {},
  });
}

function outcomeIn(response: string): string {
  const { result, error } = readEnvelope(response);
  return error === undefined ? `result ${result}` : `error ${error}`;
}
