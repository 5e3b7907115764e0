import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { freePort } from '../free-port.ts';
import { EthProcess, host } from './eth-process.ts';

/** Hardhat runs only where it is installed and configured. */
const folder = join(import.meta.dirname, '../../hardhat');

/** Seconds between the timestamps of blocks. */
const SLOT_S = 12;

/**
 * One Hardhat in a process of its own: another node program, with its own texts, and with ids of
 * subscriptions and filters that count from 1 and so are the same on all nodes. It makes blocks only when it is told to;
 * nodes that are told the same make the same ones.
 */
export class HardhatNode implements AsyncDisposable {
  readonly id: string;
  readonly port: number;
  readonly #process: EthProcess;
  /** Of the newest block, in seconds; the configuration has that of block 0. */
  #time = 1_700_000_000;

  private constructor(id: string, port: number, process: EthProcess) {
    this.id = id;
    this.port = port;
    this.#process = process;
  }

  /** Resolves once it serves. */
  static async start(id: string): Promise<HardhatNode> {
    const port = await freePort(host);
    const process = new EthProcess({
      port,
      command: {
        file: globalThis.process.execPath,
        args: [hardhat(), 'node', '--hostname', host, '--port', String(port)],
        cwd: folder,
        env: { HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' },
      },
      onExit: () => {},
      log: () => {},
    });
    try {
      await process.ready();
    } catch (error) {
      await process.close();
      throw error;
    }
    return new HardhatNode(id, port, process);
  }

  get wsUrl(): string {
    return `ws://${host}:${this.port}`;
  }

  get httpUrl(): string {
    return `http://${host}:${this.port}`;
  }

  /** Makes one call; rejects on its error. */
  call<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> {
    return this.#process.call(method, ...params);
  }

  /** Makes a block out of what waits in its pool. */
  async mine(): Promise<void> {
    this.#time += SLOT_S;
    await this.call('evm_setNextBlockTimestamp', this.#time);
    await this.call('evm_mine');
  }

  /** SIGKILL. */
  crash(): Promise<void> {
    return this.#process.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.crash();
  }
}

/** Its command, which runs in this process and not in one of its own. */
function hardhat(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('hardhat/package.json')), 'internal/cli/bootstrap.js');
}
