import { once } from 'node:events';
import { WebSocket } from 'ws';

/** A bare JSON-RPC client, for what the bench asks of its own nodes and servers. */
export class RpcClient {
  #socket;
  #lastId = 0;
  #waiting = new Map();
  #onNotification;

  /** @param {(subscription: string, result: unknown) => void} [onNotification] */
  static async connect(url, onNotification = () => {}) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await once(socket, 'open');
    return new RpcClient(socket, onNotification);
  }

  constructor(socket, onNotification) {
    this.#socket = socket;
    this.#onNotification = onNotification;
    socket.on('message', (data) => this.#receive(JSON.parse(data.toString())));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('closed'));
      this.#waiting.clear();
    });
  }

  call(method, ...params) {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async close() {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #receive({ id, params, result, error }) {
    if (id === undefined) {
      this.#onNotification(params.subscription, params.result);
      return;
    }
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(`${error.code} ${error.message}`));
  }
}

/** Asks one question on a connection of its own. */
export async function askNode(url, method, ...params) {
  const client = await RpcClient.connect(url);
  try {
    return await client.call(method, ...params);
  } finally {
    await client.close();
  }
}
