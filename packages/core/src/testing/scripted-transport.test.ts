import type { RawJson, Reply } from '../json-rpc/message.ts';
import { systemClock } from '../time/clock.ts';
import { ScriptedTransport } from './scripted-transport.ts';
import { seededRandom } from './seeded-random.ts';
import {
  describeTransport,
  echo,
  type PeerCall,
  type PeerScript,
  type TransportHarness,
  unsubscribeMethod,
} from './transport-contract.ts';

const never = new Promise<never>(() => {});

describeTransport('scripted transport', harness, {
  skip: [
    {
      reason: 'reconnects on command',
      tests: ['comes back by itself, with a handshake and a new generation'],
    },
    {
      reason: 'makes up the subscription before any notification',
      tests: [
        'keeps notifications that come before the response, in order',
        'can be unsubscribed from within its own handlers',
      ],
    },
  ],
});

async function harness(): Promise<TransportHarness> {
  const calls: PeerCall[] = [];
  const feeds = new Map<string, { readonly id: string; push(item: RawJson): void }>();
  let script: PeerScript = echo;
  let nextId: RawJson = '""';

  async function answer(method: string, params: RawJson): Promise<Reply> {
    const call = { method, params };
    calls.push(call);
    const action = await script(call);
    if (action.kind === 'die') {
      transport.cut();
      return never;
    }
    if (action.kind !== 'subscribed') return action;
    nextId = action.id;
    return { kind: 'result', result: action.id };
  }

  const transport = new ScriptedTransport(
    {
      answer,
      subscribed: (_method, _params, id, push) => feeds.set(nextId, { id, push }),
      unsubscribed: (id) => {
        for (const [scripted, feed] of feeds) {
          if (feed.id === id) calls.push({ method: unsubscribeMethod, params: `[${scripted}]` });
        }
      },
    },
    { upstream: 'a', clock: systemClock, random: seededRandom(1) },
  );
  return {
    transport,
    get script() {
      return script;
    },
    set script(changed) {
      script = changed;
    },
    calls,
    notify: (id, item) => feeds.get(id)?.push(item),
    cut: () => transport.cut(),
    connections: () => 0,
    close: async () => {},
  };
}
