// The least a proxy in Node can do: node src/plain-proxy.mjs <port> <ws:// upstream>
// `node:http` in, one corked `ws` out, ids rewritten by cutting strings. It checks nothing, chooses
// nobody, and loses every call when its upstream dies: what is left to improve in Dshackle is what
// it costs above this.
process.on('SIGTERM', () => process.exit());

import { createServer } from 'node:http';
import { WebSocket } from 'ws';

const [port, url] = process.argv.slice(2);
const upstream = new WebSocket(url, { perMessageDeflate: false });
const waiting = new Map();
let lastId = 0;
let corked = false;
let tcp;

upstream.on('upgrade', ({ socket }) => {
  tcp = socket;
});
upstream.on('message', (data) => {
  const text = data.latin1Slice(0, data.length);
  const from = text.indexOf('"id":') + 5;
  const id = Number.parseInt(text.slice(from, from + 12), 10);
  const { response, ownId } = waiting.get(id);
  waiting.delete(id);
  const answer = text.replace(`"id":${id}`, `"id":${ownId}`);
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': answer.length,
  });
  response.end(answer);
});

function forward(text, response) {
  const { id, method, params } = JSON.parse(text);
  lastId += 1;
  waiting.set(lastId, { response, ownId: id });
  if (!corked) {
    corked = true;
    tcp.cork();
    setImmediate(() => {
      corked = false;
      tcp.uncork();
    });
  }
  upstream.send(
    `{"jsonrpc":"2.0","id":${lastId},"method":"${method}","params":${JSON.stringify(params)}}`,
  );
}

const server = createServer({ noDelay: true }, (request, response) => {
  let text = '';
  request.on('data', (chunk) => {
    text += chunk.latin1Slice(0, chunk.length);
  });
  request.on('end', () => forward(text, response));
});
upstream.on('open', () => server.listen(Number(port), '127.0.0.1'));
