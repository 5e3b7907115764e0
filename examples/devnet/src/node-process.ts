import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type FreezeGuard, startFreezeGuard } from './freeze-guard.ts';
import type { NodeAnswer, NodeCall, NodeCalls, NodeEvent } from './node-protocol.ts';

/** Same place from `src` and from `dist`. */
const CHILD = fileURLToPath(new URL('../node/child.mjs', import.meta.url));

/** Options of {@link NodeProcess}. */
export interface NodeProcessOptions {
  readonly onEvent: (event: NodeEvent) => void;
  /** Called once when the process has ended, whoever ended it. */
  readonly onExit: () => void;
  /** Each line the process prints. */
  readonly log: (line: string) => void;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The operating system's side of one node: its process, its channel and its signals. */
export class NodeProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #guard: FreezeGuard | undefined;

  constructor(options: NodeProcessOptions) {
    this.#child = fork(CHILD, [], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Neither the parent's loaders nor its debugger port are for the node.
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '', PORT: '', LOG_LEVEL: 'error', LOG_COMPACT: 'true' },
    });
    // Not `events.once`: it would reject on the error of a message that cannot be delivered.
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      // Of a process that could not even be started there is no exit.
      this.#child.once('error', () => this.#child.pid ?? resolve(undefined));
    });
    this.#exited.then(() => {
      this.#guard?.dismiss();
      this.#rejectAll('[exited] the node process has ended');
      options.onExit();
    });
    // That a message was not delivered is told to its call.
    this.#child.on('error', (error) => options.log(error.message));
    this.#child.on('message', (message) => this.#receive(message, options.onEvent));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream as Readable }).on('line', options.log);
    }
  }

  /** The operating system's process id. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Asks the node; rejects after `timeoutMs`, on its error, and as soon as it is frozen or dead. */
  call<K extends NodeCall>(
    call: K,
    params: NodeCalls[K][0],
    timeoutMs: number,
  ): Promise<NodeCalls[K][1]> {
    if (this.#guard) return Promise.reject(new Error(`[frozen] ${call}`));
    if (!this.#child.connected) return Promise.reject(new Error(`[exited] ${call}`));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`[timeout] ${call} took more than ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(id, { resolve: (result) => resolve(result as never), reject, timer });
      this.#child.send({ id, call, params }, (error) => {
        // A killed process is at times noticed by the first message that finds nobody.
        if (error) this.#reject(id, `[exited] ${call}: ${error.message}`);
      });
    });
  }

  /** SIGSTOP: the kernel still accepts connections, nothing answers. */
  freeze(): void {
    if (this.#guard || !this.#child.connected) return;
    this.#guard = startFreezeGuard(this.pid);
    this.#child.kill('SIGSTOP');
    this.#rejectAll('[frozen] the node process was stopped');
  }

  /** SIGCONT. */
  thaw(): void {
    this.#child.kill('SIGCONT');
    this.#guard?.dismiss();
    this.#guard = undefined;
  }

  /** SIGKILL, also when frozen; resolves once the process is gone. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #receive(message: unknown, onEvent: (event: NodeEvent) => void): void {
    const received = message as NodeAnswer | NodeEvent;
    if ('event' in received) {
      onEvent(received);
      return;
    }
    const waiting = this.#waiting.get(received.id);
    // Already given up on.
    if (!waiting) return;
    this.#waiting.delete(received.id);
    clearTimeout(waiting.timer);
    if ('error' in received) waiting.reject(new Error(received.error));
    else waiting.resolve(received.result);
  }

  #reject(id: number, reason: string): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.reject(new Error(reason));
  }

  #rejectAll(reason: string): void {
    for (const id of [...this.#waiting.keys()]) this.#reject(id, reason);
  }
}
