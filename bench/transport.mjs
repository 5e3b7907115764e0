/**
 * Calls per second over each transport, to an echo server in a process of its own.
 *
 *     npx tsc -b packages/core && node bench/transport.mjs [seconds per row, default 3]
 *
 * Prints calls per second, the share of one core this process used, and microseconds of it a call.
 * Rows vary by a third from run to run on a shared machine.
 */
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { http, systemClock, websocket } from '@dshackle/core';
import { WebSocketServer } from 'ws';

const params = '["0x1234567890123456789012345678901234567890","latest"]';

if (process.argv[2] === 'serve') serve();
else await main(Number(process.argv[2] ?? 3));

async function main(seconds) {
  const server = fork(fileURLToPath(import.meta.url), ['serve']);
  const port = await new Promise((resolve) => server.once('message', resolve));
  const ws = `ws://127.0.0.1:${port}`;
  const rows = [
    ['websocket, 1 socket', websocket(ws)],
    ['websocket, 4 sockets', websocket(ws, { sockets: 4 })],
    ['http, 64 connections', http(`http://127.0.0.1:${port}/rpc?x=1`)],
  ];
  console.log('transport             callers   calls/s  core  µs/call');
  for (const [name, factory] of rows) {
    const transport = factory({ upstream: 'bench', clock: systemClock, random: Math.random });
    const open = new Promise((resolve) => {
      transport.onState(({ status }) => status === 'open' && resolve());
    });
    transport.start(async () => {});
    await open;
    await measure(transport, 50, 1);
    for (const callers of [1, 50, 500]) {
      const { rate, core, micros } = await measure(transport, callers, seconds);
      const columns = [`${callers}`.padStart(7), `${Math.round(rate)}`.padStart(9)];
      console.log(
        name.padEnd(21),
        ...columns,
        core.toFixed(2).padStart(5),
        micros.toFixed(1).padStart(8),
      );
    }
    await transport.close();
  }
  server.disconnect();
}

/** Lets `callers` loops call without a pause. */
async function measure(transport, callers, seconds) {
  const end = performance.now() + seconds * 1000;
  let calls = 0;
  const loop = async () => {
    while (performance.now() < end) {
      await transport.request('eth_getBalance', params);
      calls++;
    }
  };
  const started = performance.now();
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: callers }, loop));
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000;
  return { rate: (calls / ms) * 1000, core: cpuMs / ms, micros: (cpuMs / calls) * 1000 };
}

/** Answers with as little work as can be, so that the client is what is measured. */
function serve() {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => response.end(answer(body)));
  });
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, request) => {
    const tcp = request.socket;
    let corked = false;
    socket.on('message', (data) => {
      if (!corked) {
        corked = true;
        tcp.cork();
        process.nextTick(() => {
          corked = false;
          tcp.uncork();
        });
      }
      socket.send(answer(data.toString()));
    });
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('disconnect', () => process.exit());
}

function answer(text) {
  const start = text.indexOf('"id":') + 5;
  const id = text.slice(start, text.indexOf(',', start));
  return `{"jsonrpc":"2.0","id":${id},"result":"0x1234567890"}`;
}
