import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isBalancerError } from '../errors.ts';
import { readEnvelope } from '../json-rpc/envelope.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import type { Socket, SocketEvents, SocketOptions } from './platform/socket.ts';
import type { TransportSubscription } from './transport.ts';
import { websocket } from './websocket.ts';

/** A socket that does what the fuzzer says. */
class FakeSocket implements Socket {
  static last: FakeSocket | undefined;
  readonly canPing = true;
  bufferedBytes = 0;
  receivedBytes = 0;
  /** Ids and methods of the calls it was given. */
  readonly sent: { readonly id: string; readonly method: string }[] = [];
  closed = false;
  readonly events: SocketEvents;

  constructor(_options: SocketOptions, events: SocketEvents) {
    this.events = events;
    FakeSocket.last = this;
  }

  send(text: string): boolean {
    if (this.closed) return false;
    const { id = '', method = '' } = readEnvelope(text);
    this.sent.push({ id, method: JSON.parse(method) as string });
    return true;
  }

  receive(text: string): void {
    if (this.closed) return;
    this.receivedBytes += text.length;
    this.events.onText(text);
  }

  ping(): void {
    this.receivedBytes++;
  }

  close(): void {
    this.end('1000');
  }

  destroy(): void {
    this.end('1006');
  }

  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.events.onClosed(reason);
  }
}

vi.mock('#socket', () => ({
  openSocket: (options: SocketOptions, events: SocketEvents) => new FakeSocket(options, events),
  checkSocket: () => {},
}));

/** What the other end, the caller and time may do; numbers pick among what there is. */
type Step =
  | { readonly do: 'open' }
  | { readonly do: 'call'; readonly timeoutMs: number; readonly abortable: boolean }
  | { readonly do: 'subscribe' }
  | { readonly do: 'answer'; readonly pick: number; readonly body: string }
  | { readonly do: 'say'; readonly text: string }
  | { readonly do: 'notify'; readonly id: number }
  | { readonly do: 'unsubscribe'; readonly pick: number }
  | { readonly do: 'abort'; readonly pick: number }
  | { readonly do: 'drop' }
  | { readonly do: 'wait'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      timeoutMs: fc.integer({ min: 1, max: 5000 }),
      abortable: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('subscribe' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      pick: fc.nat(2),
      body: fc.constantFrom(
        '"result":1',
        '"result":"s0"',
        '"result":"s0"',
        '"result":"s1"',
        '"result":"s1"',
        '"result":"s2"',
        '"error":{"code":1,"message":"no"}',
        '"error":{"message":"no"}',
        '"result":1,"error":2',
        '"nothing":1',
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      text: fc.constantFrom(
        '',
        '{',
        '[]',
        '[1]',
        '{"id":1}',
        '{"id":null,"error":{"code":1}}',
        '5',
      ),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('notify' as const), id: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), pick: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), pick: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(8000) }),
  },
);

/** What one subscriber heard. */
class Listener {
  readonly heard: string[] = [];
  subscription: TransportSubscription | undefined;
  left = false;
  readonly onSubscribed = (subscription: TransportSubscription): void => {
    this.subscription = subscription;
    this.heard.push('subscribed');
  };
  readonly onNotification = (item: string): void => {
    this.heard.push(this.left ? 'after leaving' : item);
  };
  readonly onEnd = (): void => {
    this.heard.push(this.left ? 'after leaving' : 'end');
  };
  leave(): void {
    if (this.subscription === undefined) return;
    this.subscription.unsubscribe();
    this.left = true;
  }
}

describe('websocket, whatever happens', () => {
  it('settles every call once and tells every subscriber a whole story', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 100 }), async (steps) => {
        const clock = new FakeClock();
        const factory = websocket('ws://peer', { maxPending: 8, maxEarlyNotifications: 2 });
        const transport = factory({ upstream: 'a', clock, random: seededRandom(1) });
        const settled: Promise<unknown>[] = [];
        const aborts: AbortController[] = [];
        const listeners: Listener[] = [];
        let calls = 0;
        const track = (promise: Promise<unknown>): void => {
          calls++;
          settled.push(
            promise.catch((error: unknown) => {
              if (!isBalancerError(error)) throw error;
            }),
          );
        };
        let items = 0;
        transport.start(async () => {});
        for (const now of steps) {
          const socket = FakeSocket.last!;
          if (now.do === 'open') {
            if (transport.state.status === 'connecting' && !socket.closed) socket.events.onOpen();
          } else if (now.do === 'call') {
            const controller = new AbortController();
            if (now.abortable) aborts.push(controller);
            const { timeoutMs } = now;
            const options = now.abortable
              ? { timeoutMs, signal: controller.signal }
              : { timeoutMs };
            track(transport.request('get', '[]', options));
          } else if (now.do === 'subscribe') {
            const listener = new Listener();
            listeners.push(listener);
            const call = { method: 'sub', params: '[]', unsubscribe: 'unsub' };
            track(transport.subscribe(call, listener, { timeoutMs: 3000 }));
          } else if (now.do === 'answer') {
            const call = socket.sent.at(-1 - now.pick);
            if (call) socket.receive(`{"id":${call.id},${now.body}}`);
          } else if (now.do === 'say') {
            socket.receive(now.text);
          } else if (now.do === 'notify') {
            const params = `{"subscription":"s${now.id}","result":${++items}}`;
            socket.receive(`{"method":"item","params":${params}}`);
          } else if (now.do === 'unsubscribe') {
            listeners.at(-1 - now.pick)?.leave();
          } else if (now.do === 'abort') {
            aborts.at(-1 - now.pick)?.abort();
          } else if (now.do === 'drop') {
            socket.end('1006');
          } else {
            await clock.advance(now.ms);
          }
          // Handshakes and replies go on between what happens.
          await clock.advance(0);
          // Besides calls, only goodbyes to upstream subscriptions may be under way.
          const goodbyes = listeners.length;
          expect(transport.pending).toBeLessThanOrEqual(8 + goodbyes);
        }
        await transport.close();
        await Promise.all(settled);
        expect(settled.length).toBe(calls);
        expect(transport.pending).toBe(0);
        expect(clock.pendingTimers).toBe(0);
        for (const { heard, left } of listeners) {
          if (heard.length === 0) continue;
          expect(heard[0]).toBe('subscribed');
          expect(heard).not.toContain('after leaving');
          expect(heard.filter((event) => event === 'subscribed').length).toBe(1);
          expect(heard.filter((event) => event === 'end').length).toBe(
            left ? Number(heard.includes('end')) : 1,
          );
          if (heard.includes('end')) expect(heard.at(-1)).toBe('end');
          const numbers = heard.filter((event) => /^\d+$/.test(event)).map(Number);
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        }
      }),
      { numRuns: 500 },
    );
  });
});
