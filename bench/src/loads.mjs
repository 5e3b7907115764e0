import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuSeconds, otherCore, runForJson, waitedSeconds } from './processes.mjs';

const httpScript = join(fileURLToPath(new URL('../native', import.meta.url)), 'http-load.lua');

/**
 * One sort of load, put on some targets in turn.
 * @typedef {object} Load
 * @property {string} id
 * @property {string} title
 * @property {readonly string[]} targets
 * @property {boolean} [isHeadline]
 * @property {(target: import('./targets.mjs').Target, seconds: number) => [string, string[]]} command
 */

/** @returns {readonly Load[]} */
export function loadsOf({ wsLoad }) {
  const ours = ['overWebSocket', 'overHttp'];
  const bare = ['plainOverWebSocket', 'plainOverHttp'];
  const everybody = ['node', 'nginx', ...ours];
  const http = (method, connections) => (target, seconds) => [
    'wrk',
    [
      '-t1',
      `-c${connections}`,
      `-d${seconds}s`,
      '--latency',
      '-s',
      httpScript,
      `http://127.0.0.1:${target.port}${target.httpPath}`,
      '--',
      method,
    ],
  ];
  const webSocket = (connections, depth) => (target, seconds) => [
    wsLoad,
    [`${target.port}`, target.wsPath, `${connections}`, `${depth}`, `${seconds}`],
  ];
  return [
    {
      id: 'http',
      title: 'HTTP in, 50 connections, `state_getStorage`',
      isHeadline: true,
      targets: ['node', 'nginx', 'plain', ...bare, ...ours],
      command: http('state_getStorage', 50),
    },
    {
      id: 'http-one',
      title: 'HTTP in, 1 connection, `state_getStorage`',
      targets: ['node', 'nginx', ...bare, ...ours],
      command: http('state_getStorage', 1),
    },
    {
      id: 'http-own',
      title: 'HTTP in, 50 connections, `chain_getBlockHash` (Dshackle answers it itself)',
      targets: ['node', 'nginx', 'overWebSocket'],
      command: http('chain_getBlockHash', 50),
    },
    {
      id: 'ws-1',
      title: 'WebSocket in, 50 connections with 1 call out each, `state_getStorage`',
      targets: everybody,
      command: webSocket(50, 1),
    },
    {
      id: 'ws-10',
      title: 'WebSocket in, 50 connections with 10 calls out each, `state_getStorage`',
      targets: everybody,
      command: webSocket(50, 10),
    },
  ];
}

/**
 * What one measurement gave.
 * @typedef {object} Sample
 * @property {number} perSecond calls answered
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} cpu share (0–1) of its core that the measured process used
 * @property {number} waited share (0–1) of the time that it waited for others on its core
 */

/** @returns {Promise<Sample>} */
export async function measure(load, target, seconds) {
  const [command, args] = load.command(target, seconds);
  const { pid } = target;
  const [cpuBefore, waitedBefore, startMs] = [
    cpuSeconds(pid),
    waitedSeconds(pid),
    performance.now(),
  ];
  const { errors, ...sample } = await runForJson(otherCore, command, args);
  const tookSeconds = (performance.now() - startMs) / 1000;
  const cpu = (cpuSeconds(pid) - cpuBefore) / tookSeconds;
  const waited = (waitedSeconds(pid) - waitedBefore) / tookSeconds;
  if (errors > 0) throw new Error(`${target.name}: ${errors} errors under ${load.title}`);
  return { ...sample, cpu, waited };
}

/** Throws unless the target answers as the node would. */
export async function check(target) {
  const response = await fetch(`http://127.0.0.1:${target.port}${target.httpPath}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"jsonrpc":"2.0","id":7,"method":"state_getStorage","params":["0x26aa"]}',
  });
  const { id, result } = await response.json();
  if (id !== 7 || result?.length !== 162) throw new Error(`${target.name} gives a wrong answer`);
}
