import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This package's folder: bare imports of what is run resolve from here. */
export const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)));

/** The repository's root. */
export const rootFolder = join(packageFolder, '..', '..');

/** A Node process under test. */
export interface NodeRun {
  readonly pid: number;
  /** All it printed so far. */
  readonly output: string;
  /** Resolves when its output contains `text`; rejects when it ends without. */
  saw(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code; 128 and more when a signal ended it. */
  readonly exit: Promise<number>;
}

/** Runs Node with these arguments, `input` as its standard input, and `env` beside our variables. */
export function runNode(
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): NodeRun {
  const child = spawn(process.execPath, args, {
    cwd: packageFolder,
    stdio: 'pipe',
    env: { ...process.env, ...env },
  });
  let output = '';
  const watchers = new Set<() => void>();
  const take = (chunk: Buffer): void => {
    output += chunk;
    for (const watcher of watchers) watcher();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.stdin.end(input);
  const exit = new Promise<number>((resolve) => {
    child.once('close', (code) => {
      resolve(code ?? 128);
      for (const watcher of watchers) watcher();
    });
  });
  let ended = false;
  void exit.then(() => {
    ended = true;
  });
  return {
    pid: child.pid ?? -1,
    exit,
    get output() {
      return output;
    },
    kill: (signal) => child.kill(signal),
    saw: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (output.includes(text)) resolve();
          else if (ended || child.exitCode !== null) {
            reject(new Error(`ended without saying "${text}":\n${output}`));
          } else return;
          watchers.delete(look);
        };
        watchers.add(look);
        look();
      }),
  };
}
