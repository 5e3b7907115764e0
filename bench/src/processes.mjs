import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What is measured has this core to itself. */
export const measuredCore = 0;
/** Load generator and upstream share this one. */
export const otherCore = 1;

/** Clock ticks of /proc in a second; the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Processes to end with us. @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

/** Starts a process on one core and waits until it listens. */
export async function startListening(core, command, args, port) {
  const child = spawn('taskset', ['-c', String(core), command, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.add(child);
  let ended = false;
  void once(child, 'exit').then(() => {
    ended = true;
    children.delete(child);
  });
  for (let tries = 0; tries < 200; tries += 1) {
    if (ended) throw new Error(`${command} ${args.join(' ')} ended before it listened`);
    if (await listens(port)) return child;
    await sleep(50);
  }
  throw new Error(`${command} ${args.join(' ')} does not listen on ${port}`);
}

/** Runs a process on one core to its end and gives the last line it printed, as JSON. */
export async function runForJson(core, command, args) {
  const { stdout } = await run('taskset', ['-c', String(core), command, ...args], {
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1));
}

/** Seconds of CPU that a process has used so far. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold spaces; utime and stime are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Seconds that a process was ready to run while others had its core. */
export function waitedSeconds(pid) {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e9;
}

/** Asks a process to end, and waits until it has. */
export async function stopChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** The first line that a command prints, on either stream; `undefined` when there is none such. */
export async function firstLine(command, args) {
  try {
    const { stdout, stderr } = await run(command, args);
    return (stdout || stderr).split('\n')[0];
  } catch (error) {
    // wrk tells its version with exit code 1.
    return error.code === 'ENOENT' ? undefined : (error.stdout || error.stderr).split('\n')[0];
  }
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
