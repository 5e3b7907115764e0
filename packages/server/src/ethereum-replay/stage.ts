import { type Balancer, createBalancer, readEnvelope } from '@dshackle/core';
import { chainId, type EthDevnet } from '@dshackle/devnet/ethereum';
import { ethereum, methodNames } from '@dshackle/eth-provider/chain';
import { type Server, startServer } from '../server.ts';
import { call, FrameClient, post } from '../testing/clients.ts';
import type { Asked } from './requests.ts';

/** By which transport nodes are asked, by the pool and directly. */
export type NodeDoor = 'httpUrl' | 'wsUrl';

/**
 * A pool over the nodes of a devnet, a server before it, and all ways in beside the direct one. An
 * outcome is told as raw text: `result …` or `error …`.
 */
export class ReplayStage implements AsyncDisposable {
  readonly balancer: Balancer;
  readonly #server: Server;
  readonly #client: FrameClient;
  readonly #direct: FrameClient;
  readonly #httpUrl: string;
  readonly #door: NodeDoor;

  private constructor(
    balancer: Balancer,
    server: Server,
    client: FrameClient,
    direct: FrameClient,
    httpUrl: string,
    door: NodeDoor,
  ) {
    this.balancer = balancer;
    this.#server = server;
    this.#client = client;
    this.#direct = direct;
    this.#httpUrl = httpUrl;
    this.#door = door;
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
    const [node] = devnet.nodes;
    const direct = await FrameClient.open(String(node?.wsUrl));
    await balancer.ready();
    return new ReplayStage(balancer, server, client, direct, String(node?.httpUrl), door);
  }

  /** The height of a head as the pool has it. */
  async height(tag: string): Promise<string | undefined> {
    const params = [tag, false];
    const block = await this.balancer.request<{ number: string }>('eth_getBlockByNumber', params);
    return block.number;
  }

  /** What the node says itself. */
  async byNode([method, params]: Asked): Promise<string> {
    const request = JSON.stringify(call(method, params));
    return outcomeIn(
      this.#door === 'wsUrl'
        ? await this.#direct.ask(request)
        : (await post(this.#httpUrl, request)).text,
    );
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
    await this.#direct.close();
    await this.#server.close();
    await this.balancer.close();
  }
}

function outcomeIn(response: string): string {
  const { result, error } = readEnvelope(response);
  return error === undefined ? `result ${result}` : `error ${error}`;
}
