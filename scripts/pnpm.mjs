import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The workspace's package manager. Pinned here because a `packageManager` field breaks pnpm 12. */
const pnpmVersion = '12.21.0';

/** The repository's root. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Our environment, without what an `npx -p … -c …` around us said about itself: a further npx would
 * take it for its own.
 */
const { npm_config_call: _call, npm_config_package: _package, ...env } = process.env;

/**
 * Runs a command in the root and resolves with its exit code; output goes where ours goes.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ quiet?: boolean }} [options] quiet: shows the output only when it failed
 * @returns {Promise<number>}
 */
export function run(command, args, { quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: quiet ? 'pipe' : 'inherit' });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (quiet && code !== 0) process.stderr.write(output);
      resolve(code ?? (signal ? 1 : 0));
    });
  });
}

/** Like {@link run}, but a failure ends this process with the same code. */
export async function must(command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) {
    console.error(`failed (exit code ${code}): ${command} ${args.join(' ')}`);
    process.exit(code);
  }
}

/** Installs what the lock file says; a second or two when nothing changed. */
export function install(options) {
  return must('npx', ['--yes', `pnpm@${pnpmVersion}`, 'install', '--frozen-lockfile'], options);
}

/**
 * Is installed what the lock file says? pnpm leaves a copy of it with the packages when it is done.
 *
 * @param {string} [directory] the workspace's root
 */
export function isInstalled(directory = root) {
  try {
    const [wanted, present] = ['pnpm-lock.yaml', 'node_modules/.pnpm/lock.yaml'].map((path) =>
      readFileSync(join(directory, path)),
    );
    return wanted.equals(present);
  } catch {
    // Nothing was ever installed here.
    return false;
  }
}

/**
 * Has everything been compiled as it is now? Needs what is installed.
 *
 * @param {string} [directory] where the projects are listed
 */
export function isBuilt(directory = root) {
  const args = [join(root, 'node_modules/typescript/bin/tsc'), '-b', '--dry'];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: directory, env });
  return status === 0 && !String(stdout).includes('would build');
}

/** Compiles all packages; a moment when nothing changed. */
export function build(options) {
  return must('node', ['node_modules/typescript/bin/tsc', '-b'], options);
}
