import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventually } from './eventually.ts';
import { isAlive } from './is-alive.ts';

// Nodes start in seconds, and in many more where others use the machine as well.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = fileURLToPath(new URL('..', import.meta.url));

/** A parent that starts a node, freezes it, and starts nothing else. */
const FREEZING_PARENT = `
  import { startDevnet } from '@dshackle/devnet';
  const devnet = await startDevnet({ nodes: 2, blockTimeMs: 0 });
  devnet.nodes[1].freeze();
  for (const { id, pid } of devnet.nodes) console.log(id, 'pid', pid);
  console.log('ready');
`;

const parents: ChildProcess[] = [];

beforeAll(() => {
  // A process of its own runs the build, which must be of these sources.
  execFileSync(join(folder, '../../node_modules/.bin/tsc'), ['-b'], { cwd: folder });
});
afterEach(() => {
  for (const parent of parents.splice(0)) parent.kill('SIGKILL');
});

interface Parent {
  readonly process: ChildProcess;
  readonly lines: readonly string[];
  /** Process ids of the nodes. */
  readonly pids: readonly number[];
}

/** Starts a process and reads what it prints up to that word. */
async function startParent(args: string[], until = 'ready'): Promise<Parent> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  parents.push(child);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    lines.push(line);
    if (line.startsWith(until)) break;
  }
  const pids = lines.flatMap((line) => line.match(/pid (\d+)/)?.[1] ?? []).map(Number);
  return { process: child, lines, pids };
}

describe('the devnet command', () => {
  it('prints the endpoints, serves, and ends with 0 and no orphan on Ctrl-C', async () => {
    const parent = await startParent(['dist/main.js', '--nodes', '1', '--block-time', '500']);
    const url = parent.lines.join('\n').match(/http:\S+/)?.[0] as string;
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'system_chain', params: [] });
    const response = await fetch(url, { method: 'POST', body });
    expect(await response.json()).toMatchObject({ result: 'dshackle-devnet' });
    expect(parent.pids.filter(isAlive)).toHaveLength(1);

    parent.process.kill('SIGINT');
    const [code] = await once(parent.process, 'exit');
    expect(code).toBe(0);
    expect(parent.pids.filter(isAlive)).toEqual([]);
  });

  it('ends with 0 when it is told to while it starts', async () => {
    const { process: child } = await startParent(['dist/main.js', '--nodes', '1'], 'starting');
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });
});

describe('a parent that is killed', () => {
  it('leaves no orphan, not even a frozen node', async () => {
    const parent = await startParent(['--input-type=module', '--eval', FREEZING_PARENT]);
    expect(parent.pids.filter(isAlive)).toHaveLength(2);
    parent.process.kill('SIGKILL');
    await once(parent.process, 'exit');
    await eventually(() => parent.pids.filter(isAlive)).toEqual([]);
  });
});
