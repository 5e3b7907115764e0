import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FreezeGuard, startFreezeGuard } from '../freeze-guard.ts';

/** Nodes listen here and nowhere else. */
export const host = '127.0.0.1';

const READY_TIMEOUT_MS = 30_000;
const CALL_TIMEOUT_MS = 10_000;

/** How a node is started. */
export interface NodeCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** @default this process's */
  readonly cwd?: string;
  /** Variables beside this process's own. @default none */
  readonly env?: Readonly<Record<string, string>>;
}

/** Options of {@link EthProcess}. */
export interface EthProcessOptions {
  readonly command: NodeCommand;
  /** Where it serves JSON-RPC over HTTP. */
  readonly port: number;
  /** Told once when the process has ended, whoever ended it. */
  readonly onExit: () => void;
  /** Each line the process prints to its error output. */
  readonly log: (line: string) => void;
}

/** Method, then its params. */
export type EthCall = readonly [method: string, ...params: unknown[]];

/** One Ethereum node in a process of its own. */
export class EthProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  /** It would outlive a parent that dies. */
  readonly #guard: FreezeGuard;
  readonly #url: string;
  #hasExited = false;
  #lastId = 0;
  #frozen = new AbortController();

  constructor({ command, port, onExit, log }: EthProcessOptions) {
    this.#url = `http://${host}:${port}`;
    const { file, args, cwd, env } = command;
    this.#child = spawn(file, args, {
      ...(cwd !== undefined && { cwd }),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#guard = startFreezeGuard(this.pid);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => log(text.trimEnd()));
    this.#exited = new Promise((resolve) => {
      const end = (): void => {
        if (this.#hasExited) return;
        this.#hasExited = true;
        this.#guard.dismiss();
        onExit();
        resolve();
      };
      this.#child.once('exit', end);
      this.#child.once('error', (error) => {
        log(error.message);
        if (this.#child.pid === undefined) end();
      });
    });
  }

  /** The operating system's process id. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Resolves once it answers. */
  async ready(): Promise<void> {
    const endsAt = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (this.#hasExited) throw new Error('[exited] the node ended before it served');
      try {
        await this.call('eth_chainId');
        return;
      } catch (error) {
        if (Date.now() > endsAt) throw error;
      }
      await sleep(20);
    }
  }

  /** Makes one call; rejects on its error, after ten seconds, and when the process is frozen. */
  async call<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> {
    const { result, error } = (await this.#post(this.#message([method, ...params]))) as Answer<T>;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  /**
   * Makes calls that the node begins in their order, with nothing of others between them as long as
   * they are few (64, measured) and wait for nothing. Resolves with the results, `undefined` for an
   * error; rejects as `call` does.
   */
  async batch(calls: readonly EthCall[]): Promise<readonly unknown[]> {
    const answers = await this.#post(calls.map((call) => this.#message(call)));
    return (answers as readonly Answer<unknown>[]).map(({ result }) => result);
  }

  /** SIGSTOP: the kernel still accepts connections, nothing answers. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
    // Nobody waits for what a stopped process would have said.
    this.#frozen.abort(new Error('[frozen] the node is stopped'));
  }

  /** SIGCONT. */
  thaw(): void {
    this.#frozen = new AbortController();
    this.#child.kill('SIGCONT');
  }

  /** SIGKILL, also when frozen; resolves once the process is gone. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #message([method, ...params]: EthCall): unknown {
    this.#lastId += 1;
    return { jsonrpc: '2.0', id: this.#lastId, method, params };
  }

  async #post(body: unknown): Promise<unknown> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([AbortSignal.timeout(CALL_TIMEOUT_MS), this.#frozen.signal]),
    });
    return response.json();
  }
}

interface Answer<T> {
  readonly result?: T;
  readonly error?: { readonly message: string };
}
