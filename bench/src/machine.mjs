import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release } from 'node:os';
import { firstLine } from './processes.mjs';

const require = createRequire(import.meta.url);

/** What the benchmark cannot do without and this machine does not have. */
export async function missingTools() {
  const tools = { nginx: ['-v'], wrk: ['-v'], gcc: ['--version'], taskset: ['--version'] };
  const missing = [];
  for (const [tool, args] of Object.entries(tools)) {
    if ((await firstLine(tool, args)) === undefined) missing.push(tool);
  }
  if (cpus().length < 2) missing.push('a second core');
  return missing;
}

/** Where and with what the numbers were made. */
export async function describeMachine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    kernel: release(),
    /** Processes that wanted to run in the last minute before: what else the machine was doing. */
    loadBefore: loadavg()[0],
    node: process.version,
    nginx: await firstLine('nginx', ['-v']),
    wrk: (await firstLine('wrk', ['-v'])).replace(/ Copyright.*/, ''),
    gcc: await firstLine('gcc', ['--version']),
    ws: versionOf('ws'),
    '@polkadot/rpc-provider': versionOf('@polkadot/rpc-provider'),
    ethers: versionOf('ethers'),
    viem: versionOf('viem'),
  };
}

function versionOf(name) {
  // Not through the package's own `exports`, which may hide it.
  const folder = require.resolve.paths(name).find((path) => exists(`${path}/${name}/package.json`));
  return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version;
}

function exists(path) {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
