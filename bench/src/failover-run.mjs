// Kills or freezes nodes under load:
// node src/failover-run.mjs <polkadot|ethereum> <ours|WsProvider> <SIGKILL|SIGSTOP> <times> [<chain file>]
// Prints what callers saw of it as JSON. All that it starts ends with it.
//
// Three nodes in processes of their own, and callers that make steady calls and follow new heads. Each
// node tells of the calls that it holds, so one is killed just when it holds calls of every caller.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { families } from './failover-clients.mjs';
import { ports } from './ports.mjs';
import { measuredCore, startListening } from './processes.mjs';
import { nowMs, Schedule } from './schedule.mjs';
import { median } from './statistics.mjs';

const [familyName, which, signal, times, ...chainFile] = process.argv.slice(2);
const family = families[familyName];
const here = fileURLToPath(new URL('.', import.meta.url));
/** Between two blocks. */
const paceMs = 400;
/** How long a node takes over a call. */
const holdMs = 15;
/**
 * Between two calls of a caller: few enough that a crash does not open the circuit of its node, which
 * would stay open for longer each time, because these nodes die more often than any real one.
 */
const everyMs = 5;
/** What is not seen by then counts as not seen. */
const limitMs = signal === 'SIGSTOP' && which === 'WsProvider' ? 5_000 : 10_000;

const schedule = new Schedule(nowMs() + 1_000, paceMs);
const urls = ports.failing.map((port) => `ws://127.0.0.1:${port}`);
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

/** One of the three nodes, through its deaths. */
class Node {
  constructor(index) {
    this.index = index;
    /** Keys of the calls that it holds, and since when. */
    this.held = new Map();
    /** Callers whose calls it got since it was started or woken. */
    this.serves = new Set();
  }

  async start() {
    const args = [...chainFile, schedule.startMs, paceMs, holdMs].map(String);
    const child = fork(join(here, family.node), [`${ports.failing[this.index]}`, ...args]);
    children.add(child);
    this.child = child;
    child.once('exit', () => children.delete(child));
    child.on('message', ({ held }) => {
      // The probes of the pools read storage too, by other keys.
      if (held?.length !== keyLength || this.child !== child) return;
      this.held.set(held, nowMs());
      this.serves.add(callerOf(held));
      onHeld(this);
    });
    await once(child, 'message');
  }

  /** Calls of a caller that it holds and no other node does, and that it is not about to answer. */
  heldOf(caller) {
    const since = nowMs() - holdMs / 2;
    return [...this.held]
      .filter(([key, atMs]) => callerOf(key) === caller.index && atMs > since)
      .map(([key]) => key)
      .filter((key) => caller.calls.has(key))
      .filter((key) => nodes.every((node) => node === this || !node.held.has(key)));
  }
}

/** Makes steady calls by one client and follows its heads. */
class Caller {
  constructor(index, id, client) {
    this.index = index;
    this.id = id;
    this.client = client;
    /** Calls under way: key → what to do at their end. */
    this.calls = new Map();
    this.count = 0;
    this.failed = 0;
    /** When each head was heard first. */
    this.heads = new Map();
    this.repeated = 0;
    this.firstHead = undefined;
    this.onAnswer = () => {};
    this.onHead = () => {};
  }

  async start() {
    await this.client.follow((number) => {
      this.firstHead ??= number;
      if (this.heads.has(number)) this.repeated += 1;
      else this.heads.set(number, nowMs());
      this.onHead(number);
    });
    this.timer = setInterval(() => void this.call(), everyMs);
  }

  /** One call with a key of its own: when it was answered, or `undefined` when it failed. */
  async call() {
    this.count += 1;
    const key = `0x0${this.index}${this.count.toString(16).padStart(keyLength - 4, '0')}`;
    const startedMs = nowMs();
    const ended = this.client.read(key).then(
      (value) => (value?.length === family.keyLength ? nowMs() : undefined),
      () => undefined,
    );
    this.calls.set(key, ended);
    const answeredMs = await ended;
    this.calls.delete(key);
    for (const node of nodes) node.held.delete(key);
    if (answeredMs === undefined) this.failed += 1;
    else this.onAnswer(startedMs, answeredMs);
    return answeredMs;
  }

  stop() {
    clearInterval(this.timer);
  }
}

const { keyLength } = family;
const callerOf = (key) => Number(key[3]);
/** @type {Node[]} */
const nodes = [0, 1, 2].map((index) => new Node(index));
/** @type {Caller[]} */
const callers = [];
let onHeld = () => {};

async function startCallers() {
  if (which === 'WsProvider') {
    callers.push(new Caller(0, 'WsProvider', family.alone(urls)));
  } else {
    const script = join(here, 'dshackle-pool.mjs');
    const args = ['--expose-gc', script, `${ports.failover}`, familyName, `${paceMs}`, ...urls];
    // By its channel it notices our end, whatever that is.
    const channel = { hasChannel: true };
    await startListening(measuredCore, process.execPath, args, ports.failover, channel);
    const client = family.overServer(`ws://127.0.0.1:${ports.failover}/bench`);
    const embedded = family.embedded(urls, paceMs);
    callers.push(new Caller(0, 'server', client), new Caller(1, 'embedded', embedded));
  }
  for (const { client } of callers) await client.ready();
  for (const caller of callers) await caller.start();
}

/** The node that is to go next, once it holds what it must; `undefined` when it never does. */
async function victimOf(turn) {
  // WsProvider uses only one of them, and tells nobody which.
  const wanted = which === 'WsProvider' ? nodes : [nodes[turn % nodes.length]];
  const struck = new Promise((resolve) => {
    onHeld = (node) => {
      if (!wanted.includes(node)) return;
      const held = callers.map((caller) => node.heldOf(caller));
      if (held.some((keys) => keys.length === 0)) return;
      onHeld = () => {};
      // In the same turn: what it holds now it still holds when it goes.
      resolve({ node, ...strike(node, held) });
    };
  });
  return Promise.race([struck, sleep(15_000, undefined)]);
}

/** Ends or freezes a node that holds these calls of each caller, and looks out for what comes then. */
function strike(node, heldKeys) {
  const killedMs = nowMs();
  node.child.kill(signal);
  const next = schedule.best(killedMs) + 1;
  const seen = callers.map((caller, index) => {
    const held = heldKeys[index].map((key) => caller.calls.get(key));
    const failedBefore = caller.failed;
    const fresh = caller.call();
    const answer = new Promise((resolve) => {
      caller.onAnswer = (startedMs, answeredMs) => {
        if (startedMs >= killedMs) resolve(answeredMs);
      };
    });
    const head = new Promise((resolve) => {
      caller.onHead = (number) => {
        if (number >= next) resolve(number);
      };
    });
    return { caller, held, fresh, answer, head, failedBefore };
  });
  return { killedMs, next, seen };
}

/** What one caller saw, in milliseconds from the kill; `null` for what did not come in time. */
async function readingOf({ caller, held, fresh, answer, head, failedBefore }, killedMs, next) {
  const tooLate = sleep(limitMs, undefined);
  const inTime = (promise) => Promise.race([promise, tooLate]);
  const after = async (promise) => {
    const atMs = await inTime(promise);
    return atMs === undefined ? null : atMs - killedMs;
  };
  const [number, freshMs, answerMs, ...heldMs] = await Promise.all([
    inTime(head),
    after(fresh),
    after(answer),
    ...held.map(after),
  ]);
  return {
    heldMs,
    freshMs,
    answerMs,
    // Against the time at which the nodes that live announced the first block after the kill.
    headLateMs: number === undefined ? null : caller.heads.get(number) - schedule.bestAtMs(next),
    failed: caller.failed - failedBefore,
  };
}

/** Wakes a node, or starts it anew. */
async function restore(node) {
  node.held.clear();
  node.serves.clear();
  if (signal === 'SIGKILL') await node.start();
  else node.child.kill('SIGCONT');
}

/** Waits until all callers use a node again. */
async function isBack(node) {
  if (which === 'WsProvider') {
    await sleep(500);
    return;
  }
  const untilMs = nowMs() + 5_000;
  while (node.serves.size < callers.length && nowMs() < untilMs) await sleep(10);
  // A little more, so that the head and not only the calls are back, at a time that varies.
  await sleep(50 + Math.random() * paceMs);
}

await Promise.all(nodes.map((node) => node.start()));
await startCallers();
await sleep(3_000);

const readings = Object.fromEntries(callers.map(({ id }) => [id, []]));
let missed = 0;
for (let turn = 0; turn < Number(times); turn += 1) {
  const victim = await victimOf(turn);
  if (victim === undefined) {
    onHeld = () => {};
    missed += 1;
    continue;
  }
  const { node, killedMs, next, seen } = victim;
  // A dead one is started once the calls are over, so that reconnecting takes less of our time.
  const restored = signal === 'SIGKILL' ? sleep(100).then(() => restore(node)) : undefined;
  await Promise.all(
    seen.map(async (each) => {
      readings[each.caller.id].push(await readingOf(each, killedMs, next));
    }),
  );
  await (restored ?? restore(node));
  await isBack(node);
}
for (const caller of callers) caller.stop();
await sleep(2 * paceMs);
const upToNow = schedule.best(nowMs()) - 1;
const results = callers.map(({ id, heads, firstHead, repeated, count, failed }) => {
  let unheard = 0;
  for (let number = firstHead; number <= upToNow; number += 1) {
    if (!heads.has(number)) unheard += 1;
  }
  const lateMs = median([...heads].map(([number, atMs]) => atMs - schedule.bestAtMs(number)));
  return { id, readings: readings[id], calls: count, failed, unheard, repeated, lateMs };
});
process.stdout.write(`${JSON.stringify({ missed, results })}\n`);
process.exit();
