import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** What a finished command left. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built `dshackle` command as a process of its own. */
export class CliProcess {
  readonly finished: Promise<Finished>;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd?: string) {
    if (!existsSync(cli)) {
      throw new Error('the command is not built: run `npx tsc -b packages/server` first');
    }
    this.#child = spawn(process.execPath, [cli, ...args], {
      env: { PATH: process.env.PATH, ...env },
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (data) => {
      this.#stdout += String(data);
    });
    this.#child.stderr?.on('data', (data) => {
      this.#stderr += String(data);
    });
    this.finished = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Log lines so far, with `--log-format json`. */
  get log(): readonly Readonly<Record<string, unknown>>[] {
    const lines = this.#stderr.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Resolves with the first log line that says this; rejects when the process ends first. */
  async logged(message: string): Promise<Readonly<Record<string, unknown>>> {
    let ended: Finished | undefined;
    void this.finished.then((finished) => {
      ended = finished;
    });
    for (;;) {
      const line = this.log.find((entry) => entry.message === message);
      if (line !== undefined) return line;
      if (ended !== undefined) throw new Error(`ended before "${message}": ${ended.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Hangs up on its stderr: nothing more is logged. */
  stopReadingLog(): void {
    this.#child.stderr?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
