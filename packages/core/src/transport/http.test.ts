import { seededRandom } from '../testing/seeded-random.ts';
import { describeTransport, type TransportHarness } from '../testing/transport-contract.ts';
import { systemClock } from '../time/clock.ts';
import { http } from './http.ts';
import { HttpPeer } from './test-peers/http-peer.ts';

const context = { upstream: 'a', clock: systemClock, random: seededRandom(1) };

describeTransport('http', harness, {
  canSubscribe: false,
  skip: [
    {
      reason: 'has no standing connection whose loss it could notice',
      tests: ['comes back by itself, with a handshake and a new generation'],
    },
  ],
});

async function harness(): Promise<TransportHarness> {
  const peer = await HttpPeer.listen();
  const transport = http(peer.url, { backoff: { initialMs: 5, maxMs: 20 } })(context);
  return {
    transport,
    get script() {
      return peer.script;
    },
    set script(script) {
      peer.script = script;
    },
    calls: peer.calls,
    notify: () => {},
    cut: () => peer.cut(),
    connections: () => peer.connections(),
    close: () => peer.close(),
  };
}
