import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
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
/** Those of them that have children of their own to end. */
const parents = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const child of parents) child.kill('SIGTERM');
});
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

/** Starts a process on one core; it ends with us. */
function start(core, command, args, stdio) {
  const child = spawn('taskset', ['-c', String(core), command, ...args], { stdio });
  children.add(child);
  void once(child, 'exit').then(() => children.delete(child));
  return child;
}

/**
 * Starts a process on one core and waits until it listens.
 * @param {{ hasChannel?: boolean }} [options] `hasChannel`: it can be asked by {@link ask}
 */
export async function startListening(core, command, args, port, { hasChannel = false } = {}) {
  const channel = hasChannel ? ['ipc'] : [];
  const child = start(core, command, args, ['ignore', 'inherit', 'inherit', ...channel]);
  let ended = false;
  void once(child, 'exit').then(() => {
    ended = true;
  });
  for (let tries = 0; tries < 200; tries += 1) {
    if (ended) throw new Error(`${command} ${args.join(' ')} ended before it listened`);
    if (await listens(port)) return child;
    await sleep(50);
  }
  throw new Error(`${command} ${args.join(' ')} does not listen on ${port}`);
}

/** The answer of a process with a channel. */
export async function ask(child) {
  const answered = once(child, 'message', { signal: AbortSignal.timeout(30_000) });
  child.send('?');
  const [answer] = await answered;
  return answer;
}

/**
 * Starts a process on one core that speaks by lines. `line()` gives its next one, and `finish()` ends
 * its input and waits for its end.
 */
export function startSpeaking(core, command, args) {
  const child = start(core, command, args, ['pipe', 'pipe', 'inherit']);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'exit');
  return {
    line: async () => {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${command} ${args.join(' ')} ended too early`);
      return value;
    },
    finish: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** Runs a process on one core to its end and gives the last line it printed, as JSON. */
export async function runForJson(core, command, args) {
  const running = run('taskset', ['-c', String(core), command, ...args], { maxBuffer: 2 ** 24 });
  parents.add(running.child);
  const { stdout } = await running.finally(() => parents.delete(running.child));
  return JSON.parse(stdout.trimEnd().split('\n').at(-1));
}

/** Seconds of CPU that a process has used so far. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold spaces; utime and stime are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Bytes of memory that a process has in RAM. */
export function rssBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]);
}

/** The most memory that a process has had in RAM, in bytes, since the last {@link resetPeak}. */
export function peakBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)[1]);
}

/** Lets {@link peakBytes} begin anew (proc(5), clear_refs). */
export function resetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
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
