import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeNginxConfig } from './nginx.mjs';
import { ports } from './ports.mjs';
import { measuredCore, otherCore, startListening, stopChild } from './processes.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const native = fileURLToPath(new URL('../native', import.meta.url));

/** Compiles the C programs into `folder` and gives their paths. */
export function compile(folder) {
  mkdirSync(folder, { recursive: true });
  const build = (name) => {
    const path = join(folder, name);
    execFileSync('gcc', ['-O2', '-o', path, join(native, `${name}.c`)], { stdio: 'inherit' });
    return path;
  };
  return { upstream: build('upstream'), wsLoad: build('ws-load'), wsHeads: build('ws-heads') };
}

/**
 * One thing that answers calls.
 * @typedef {object} Target
 * @property {string} id
 * @property {string} name as the report calls it
 * @property {number} port
 * @property {string} httpPath
 * @property {string} wsPath
 * @property {number} pid of the process that does the work
 */

/** Starts upstream, nginx, a bare HTTP server, two bare proxies and two servers of ours. */
export async function startTargets(folder, programs) {
  const upstream = await startListening(
    otherCore,
    programs.upstream,
    [`${ports.node}`],
    ports.node,
  );
  const config = writeNginxConfig(join(folder, 'nginx'), ports.nginx, ports.node);
  const nginx = await startListening(measuredCore, 'nginx', ['-c', config], ports.nginx);
  const script = (name, port, ...args) =>
    startListening(measuredCore, process.execPath, [join(here, name), `${port}`, ...args], port);
  const server = (port, scheme) =>
    script('dshackle.mjs', port, `${scheme}://127.0.0.1:${ports.node}`);
  const plain = await script('plain-http.mjs', ports.plain);
  const overWebSocket = await server(ports.overWebSocket, 'ws');
  const overHttp = await server(ports.overHttp, 'http');
  const proxy = (port, scheme) =>
    script('plain-proxy.mjs', port, `${scheme}://127.0.0.1:${ports.node}`);
  const plainOverWebSocket = await proxy(ports.plainOverWebSocket, 'ws');
  const plainOverHttp = await proxy(ports.plainOverHttp, 'http');
  /** @type {Record<string, Target>} */
  const targets = {
    node: {
      id: 'node',
      name: 'the node, directly',
      port: ports.node,
      httpPath: '/',
      wsPath: '/',
      pid: upstream.pid,
    },
    nginx: {
      id: 'nginx',
      name: 'nginx',
      port: ports.nginx,
      httpPath: '/',
      wsPath: '/ws',
      pid: nginx.pid,
    },
    plain: {
      id: 'plain',
      name: 'bare `node:http`, a constant',
      port: ports.plain,
      httpPath: '/',
      wsPath: '/',
      pid: plain.pid,
    },
    plainOverWebSocket: {
      id: 'plainOverWebSocket',
      name: 'bare proxy, WebSocket upstream',
      port: ports.plainOverWebSocket,
      httpPath: '/',
      wsPath: '/',
      pid: plainOverWebSocket.pid,
    },
    plainOverHttp: {
      id: 'plainOverHttp',
      name: 'bare proxy, HTTP upstream',
      port: ports.plainOverHttp,
      httpPath: '/',
      wsPath: '/',
      pid: plainOverHttp.pid,
    },
    overWebSocket: {
      id: 'overWebSocket',
      name: 'Dshackle, WebSocket upstream',
      port: ports.overWebSocket,
      httpPath: '/bench',
      wsPath: '/bench',
      pid: overWebSocket.pid,
    },
    overHttp: {
      id: 'overHttp',
      name: 'Dshackle, HTTP upstream',
      port: ports.overHttp,
      httpPath: '/bench',
      wsPath: '/bench',
      pid: overHttp.pid,
    },
  };
  const stop = () =>
    Promise.all(
      [overWebSocket, overHttp, plainOverWebSocket, plainOverHttp, plain, nginx, upstream].map(
        (child) => stopChild(child),
      ),
    );
  return { targets, nodeUrl: `ws://127.0.0.1:${ports.node}`, stop };
}
