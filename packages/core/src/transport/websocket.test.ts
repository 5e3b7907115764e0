import { seededRandom } from '../testing/seeded-random.ts';
import { describeTransport, type TransportHarness } from '../testing/transport-contract.ts';
import { systemClock } from '../time/clock.ts';
import { WebSocketPeer } from './test-peers/websocket-peer.ts';
import { websocket } from './websocket.ts';
import type { WebSocketOptions } from './websocket-options.ts';

const context = { upstream: 'a', clock: systemClock, random: seededRandom(1) };

for (const sockets of [1, 3]) {
  describeTransport(`websocket with ${sockets} sockets`, () => harness({ sockets }));
}

async function harness(options: WebSocketOptions): Promise<TransportHarness> {
  const peer = await WebSocketPeer.listen();
  const transport = websocket(peer.url, { backoff: { initialMs: 5, maxMs: 20 }, ...options })(
    context,
  );
  return {
    transport,
    get script() {
      return peer.script;
    },
    set script(script) {
      peer.script = script;
    },
    calls: peer.calls,
    notify: (id, item) => peer.notify(id, item),
    cut: () => peer.cut(),
    connections: () => peer.connections(),
    close: () => peer.close(),
  };
}
