// The least that a proxy made of the same parts can do: node src/plain-proxy.mjs <port> <upstream URL>
// `node:http` in; one corked `ws`, or an undici `Pool`, out; ids rewritten by cutting strings. It
// checks nothing, chooses nobody, and loses every call when its upstream dies: what Dshackle costs
// above this is its own, and what this costs above nginx is Node's.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { WebSocket } from 'ws';

const [port, url] = process.argv.slice(2);

/** Calls under way, each at its id's remainder: a `Map` would cost more than all the rest. */
const waiting = new Array(4096);
const slotOf = (id) => id % waiting.length;

function respond(response, text) {
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.write(text);
  process.nextTick(end, response);
}

function end(response) {
  response.end();
}

/** @returns {Promise<(body: string, response: import('node:http').ServerResponse) => void>} */
function overWebSocket() {
  const upstream = new WebSocket(url, { perMessageDeflate: false });
  let lastId = 0;
  let corked = false;
  let tcp;
  upstream.on('upgrade', ({ socket }) => {
    tcp = socket;
  });
  upstream.on('message', (data) => {
    const text = data.toString();
    const from = text.indexOf('"id":') + 5;
    const id = Number.parseInt(text.slice(from, from + 12), 10);
    const { response, ownId } = waiting[slotOf(id)];
    respond(response, `${text.slice(0, from)}${ownId}${text.slice(from + `${id}`.length)}`);
  });
  const forward = (body, response) => {
    const { id, method, params } = JSON.parse(body);
    lastId += 1;
    waiting[slotOf(lastId)] = { response, ownId: id };
    if (!corked) {
      corked = true;
      tcp.cork();
      setImmediate(() => {
        corked = false;
        tcp.uncork();
      });
    }
    const text = JSON.stringify({ jsonrpc: '2.0', id: lastId, method, params });
    upstream.send(text);
  };
  return new Promise((resolve) => upstream.on('open', () => resolve(forward)));
}

async function overHttp() {
  // Resolved from the package that depends on it.
  const { Pool } = createRequire(import.meta.resolve('@dshackle/core'))('undici');
  const pool = new Pool(url, { connections: 64, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const headers = ['content-type', 'application/json'];
  return (body, response) => {
    let text = '';
    pool.dispatch(
      { path: '/', method: 'POST', headers, body },
      {
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData: (_controller, chunk) => {
          text += chunk.toString();
        },
        onResponseEnd: () => respond(response, text),
        onResponseError: () => response.destroy(),
      },
    );
  };
}

const forward = await (url.startsWith('ws') ? overWebSocket() : overHttp());
createServer({ noDelay: true }, (request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk.toString();
  });
  request.on('end', () => forward(body, response));
}).listen(Number(port), '127.0.0.1');
