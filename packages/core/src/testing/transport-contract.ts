import { afterEach, describe, expect, it, vi } from 'vitest';
import { BalancerError, TimeoutError, TransportError } from '../errors.ts';
import type { RawJson, Reply } from '../json-rpc/message.ts';
import type {
  Handshake,
  SubscribeCall,
  SubscriptionHandlers,
  Transport,
  TransportState,
  TransportSubscription,
} from '../transport/transport.ts';

/** One call as the peer of the transport under test sees it. */
export interface PeerCall {
  readonly method: string;
  readonly params: RawJson;
}

/**
 * What the peer does with a call: answers it, breaks the connection it came on, or accepts a
 * subscription, sending some notifications before the response.
 */
export type PeerAction =
  | Reply
  | { readonly kind: 'die' }
  | { readonly kind: 'subscribed'; readonly id: RawJson; readonly early?: readonly RawJson[] };

/** Decides what the peer does; a promise that never settles is a node that hangs. */
export type PeerScript = (call: PeerCall) => PeerAction | Promise<PeerAction>;

/** A transport under test and the other end of it. */
export interface TransportHarness {
  /** Made and not started. Reconnects within a few milliseconds. */
  readonly transport: Transport;
  /** Set by the tests; at first every call is answered with its own params. */
  script: PeerScript;
  /** What the peer was asked, in order. */
  readonly calls: readonly PeerCall[];
  /** Sends a notification for a subscription. */
  notify(id: RawJson, item: RawJson): void;
  /** Breaks all connections at once. */
  cut(): void;
  /** Connections open at the peer. */
  connections(): number;
  /** Ends the peer. The suite closes the transport itself. */
  close(): Promise<void>;
}

/** Options of {@link describeTransport}. */
export interface TransportTraits {
  /** False for a transport that never subscribes. @default true */
  readonly canSubscribe?: boolean;
  /** Tests by title that this transport does not pass, and why. @default none */
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

/** How the peer answers when a test says nothing else: with the call's own params. */
export const echo: PeerScript = ({ params }) => ({ kind: 'result', result: params });

/** Calls the peer of {@link TransportHarness} answers with an unsubscribe method of this name. */
export const unsubscribeMethod = 'stop_items';

const subscribeCall: SubscribeCall = {
  method: 'start_items',
  params: '[]',
  unsubscribe: unsubscribeMethod,
};

const passes: Handshake = async () => {};
const never = new Promise<never>(() => {});

/** The suite every `Transport` passes. Call it at the top level of a Vitest file. */
export function describeTransport(
  name: string,
  make: () => Promise<TransportHarness>,
  traits: TransportTraits = {},
): void {
  const inapplicable = new Set(traits.skip?.flatMap(({ tests }) => tests));
  const harnesses: TransportHarness[] = [];

  async function harness(script: PeerScript = echo): Promise<TransportHarness> {
    const made = await make();
    harnesses.push(made);
    made.script = script;
    return made;
  }

  async function started(script: PeerScript = echo): Promise<TransportHarness> {
    const made = await harness(script);
    made.transport.start(passes);
    await opened(made.transport);
    if (traits.canSubscribe !== false) await subscribable(made.transport);
    return made;
  }

  function test(title: string, body: () => Promise<void>): void {
    // Left out rather than skipped: a skipped test is one that could have run elsewhere.
    if (!inapplicable.delete(title)) it(title, body);
  }

  describe(`${name}, as a transport`, () => {
    afterEach(async () => {
      for (const { transport, connections, close } of harnesses.splice(0)) {
        await transport.close();
        expect(transport.state).toEqual({ status: 'closed' });
        expect(transport.pending).toBe(0);
        await eventually(() => expect(connections()).toBe(0));
        await close();
      }
    });

    test('opens once its handshake has passed, and serves nothing before', async () => {
      const { transport, calls } = await harness();
      const gate = deferred<void>();
      const asked = deferred<void>();
      transport.start(async (connection) => {
        expect(await connection.request('who', '[1]')).toEqual({ kind: 'result', result: '[1]' });
        asked.resolve();
        await gate.promise;
      });
      await asked.promise;
      expect(transport.state.status).toBe('connecting');
      expect(transport.canSubscribe).toBe(false);
      const error = await failure(transport.request('early', '[]'));
      expect(error).toBeInstanceOf(TransportError);
      expect(error).toMatchObject({ code: 'transport', sent: false });
      gate.resolve();
      const { generation } = await opened(transport);
      expect(generation).toBeGreaterThan(0);
      expect(calls.map(({ method }) => method)).toEqual(
        Array.from({ length: calls.length }, () => 'who'),
      );
    });

    test('never opens when its handshake rejects, and says why', async () => {
      const { transport } = await harness();
      const states = statesOf(transport);
      transport.start(async () => {
        throw new Error('expected 0xaa, found 0xbb');
      });
      await eventually(() => expect(states.map(({ status }) => status)).toContain('waiting'));
      const waiting = states.find(({ status }) => status === 'waiting');
      expect(waiting).toMatchObject({ reason: expect.stringContaining('expected 0xaa, found') });
      expect(states.map(({ status }) => status)).not.toContain('open');
    });

    test('takes a handshake that throws at once like one that rejects', async () => {
      const { transport } = await harness();
      const states = statesOf(transport);
      transport.start(() => {
        throw new Error('no');
      });
      await eventually(() => expect(states.map(({ status }) => status)).toContain('waiting'));
    });

    test('sends params as they are and leaves results as they came', async () => {
      const { transport, calls } = await started(() => ({
        kind: 'result',
        result: '{"b": 1.0, "a": "\\u00e9é"}',
      }));
      const params = '[ 1.0 ,"\\u00e9é", null]';
      expect(await transport.request('get', params)).toEqual({
        kind: 'result',
        result: '{"b": 1.0, "a": "\\u00e9é"}',
      });
      expect(calls.at(-1)).toEqual({ method: 'get', params });
    });

    test('hands on an error of the upstream as an answer', async () => {
      const raw = '{"code":-32000,"message":"reverted","data":"0x"}';
      const error = JSON.parse(raw) as { code: number; message: string };
      const { transport } = await started(() => ({ kind: 'error', error, raw }));
      expect(await transport.request('call', '[]')).toEqual({ kind: 'error', error, raw });
    });

    test('gives every call its own answer, in whatever order they come', async () => {
      const held: (() => void)[] = [];
      const { transport } = await started(async (call) => {
        await new Promise<void>((resolve) => held.push(resolve));
        return echo(call);
      });
      const replies = Array.from({ length: 20 }, (_, index) =>
        transport.request('get', `[${index}]`),
      );
      await eventually(() => expect(held.length).toBe(20));
      expect(transport.pending).toBe(20);
      for (const release of held.reverse()) release();
      expect(await Promise.all(replies)).toEqual(
        replies.map((_, index) => ({ kind: 'result', result: `[${index}]` })),
      );
      expect(transport.pending).toBe(0);
    });

    test('has nothing pending after ten thousand calls', async () => {
      const { transport } = await started();
      for (let round = 0; round < 100; round++) {
        const calls = Array.from({ length: 100 }, (_, index) =>
          transport.request('get', `[${round},${index}]`),
        );
        const replies = await Promise.all(calls);
        expect(replies[99]).toEqual({ kind: 'result', result: `[${round},99]` });
      }
      expect(transport.pending).toBe(0);
    });

    test('gives up a call that takes too long, and drops its late answer', async () => {
      const late = deferred<PeerAction>();
      const { transport } = await started((call) =>
        call.method === 'slow' ? late.promise : echo(call),
      );
      const error = await failure(transport.request('slow', '[]', { timeoutMs: 20 }));
      expect(error).toBeInstanceOf(TimeoutError);
      expect((error as Error).message).toContain('slow');
      expect(transport.pending).toBe(0);
      late.resolve({ kind: 'result', result: '"late"' });
      for (let index = 0; index < 5; index++) {
        const reply = await transport.request('get', `[${index}]`);
        expect(reply).toEqual({ kind: 'result', result: `[${index}]` });
      }
    });

    test('sends without a promise, and tells the outcome once', async () => {
      const { transport, calls, cut } = await started((call) =>
        call.method === 'slow' ? never : echo(call),
      );
      const answered = await sent(transport, 'get', '[1]');
      expect(answered).toEqual([{ kind: 'result', result: '[1]' }]);
      expect(calls.at(-1)).toEqual({ method: 'get', params: '[1]' });
      const late = await sent(transport, 'slow', '[]', 20);
      expect(late[0]).toBeInstanceOf(TimeoutError);
      // The one before may have been given up before it was sent.
      const broken = sent(transport, 'slow', '["broken"]');
      await eventually(() => {
        expect(calls).toContainEqual({ method: 'slow', params: '["broken"]' });
      });
      cut();
      expect(await broken).toMatchObject([{ code: 'transport', sent: true }]);
      const pending = sent(transport, 'slow', '[]');
      const closing = transport.close();
      expect(await sent(transport, 'get', '[]')).toMatchObject([{ code: 'closed' }]);
      await closing;
      // Whatever a late or broken end would still tell has been told by now.
      for (const told of [answered, late, await broken, await pending]) {
        expect(told).toHaveLength(1);
      }
      expect(transport.pending).toBe(0);
    });

    test('gives up a call whose signal aborts', async () => {
      const { transport } = await started((call) => (call.method === 'slow' ? never : echo(call)));
      const controller = new AbortController();
      const reply = transport.request('slow', '[]', { signal: controller.signal });
      expect(transport.pending).toBe(1);
      controller.abort();
      const error = await failure(reply);
      expect(error).toBeInstanceOf(BalancerError);
      expect(error).toMatchObject({ code: 'cancelled' });
      expect(transport.pending).toBe(0);
      expect(await transport.request('get', '[1]')).toEqual({ kind: 'result', result: '[1]' });
    });

    test('does not send a call whose signal has aborted', async () => {
      const { transport, calls } = await started();
      const signal = AbortSignal.abort();
      expect(await failure(transport.request('get', '[]', { signal }))).toMatchObject({
        code: 'cancelled',
      });
      await transport.request('other', '[]');
      expect(calls.map(({ method }) => method)).not.toContain('get');
    });

    test('forgets a signal once its call is answered', async () => {
      const { transport } = await started();
      const { signal } = new AbortController();
      const add = vi.spyOn(signal, 'addEventListener');
      const remove = vi.spyOn(signal, 'removeEventListener');
      await transport.request('get', '[]', { signal });
      expect(remove).toHaveBeenCalledTimes(add.mock.calls.length);
    });

    test('fails what is pending when the connection breaks, as possibly sent', async () => {
      const { transport } = await started((call) =>
        call.method === 'die' ? { kind: 'die' } : echo(call),
      );
      const error = await failure(transport.request('die', '[]'));
      expect(error).toBeInstanceOf(TransportError);
      expect(error).toMatchObject({ sent: true });
      expect(transport.pending).toBe(0);
    });

    test('comes back by itself, with a handshake and a new generation', async () => {
      const { transport, cut } = await harness();
      let handshakes = 0;
      transport.start(async () => {
        handshakes++;
      });
      const { generation } = await opened(transport);
      const states = statesOf(transport);
      cut();
      // A transport without a standing connection finds out when it uses one.
      await eventually(async () => {
        await transport.request('get', '[]').catch(() => {});
        const open = states.findLast((state) => state.status === 'open');
        expect(open?.status === 'open' && open.generation).toBeGreaterThan(generation);
      });
      expect(handshakes).toBeGreaterThan(1);
      await eventually(async () => {
        const reply = await transport.request('get', '[7]');
        expect(reply).toEqual({ kind: 'result', result: '[7]' });
      });
    });

    test('tells listeners of each state until they leave', async () => {
      const { transport } = await harness();
      const stays = statesOf(transport);
      const leaves: TransportState[] = [];
      const stop = transport.onState((state) => leaves.push(state));
      transport.start(passes);
      await opened(transport);
      stop();
      const before = leaves.length;
      await transport.close();
      expect(stays.at(-1)).toEqual({ status: 'closed' });
      expect(leaves.length).toBe(before);
    });

    test('fails everything with `closed` once it is closed', async () => {
      const { transport } = await started(() => never);
      const pending = failure(transport.request('slow', '[]'));
      const closing = transport.close();
      expect(transport.state).toEqual({ status: 'closed' });
      expect(transport.canSubscribe).toBe(false);
      expect(await failure(transport.request('get', '[]'))).toMatchObject({ code: 'closed' });
      // Sent a moment ago: nobody knows whether it arrived.
      const error = await pending;
      expect(error).toBeInstanceOf(TransportError);
      expect(error).toMatchObject({ code: 'closed', sent: true });
      await closing;
      await transport.close();
    });

    test('can be closed while it connects', async () => {
      const { transport } = await harness(() => never);
      const handshake = deferred<unknown>();
      transport.start(async (connection) => {
        handshake.resolve(undefined);
        await connection.request('who', '[]');
      });
      await handshake.promise;
      const states = statesOf(transport);
      await transport.close();
      expect(states.map(({ status }) => status)).toEqual(['closed']);
    });

    test('can be closed before it starts, and never starts then', async () => {
      const { transport, calls } = await harness();
      await transport.close();
      transport.start(passes);
      expect(transport.state).toEqual({ status: 'closed' });
      expect(calls).toEqual([]);
    });

    if (traits.canSubscribe === false) {
      test('refuses to subscribe without asking the upstream', async () => {
        const { transport, calls } = await started();
        const { handlers, heard } = listener();
        expect(transport.canSubscribe).toBe(false);
        const before = calls.length;
        expect(await failure(transport.subscribe(subscribeCall, handlers))).toMatchObject({
          code: 'transport',
          sent: false,
        });
        expect(heard).toEqual([]);
        expect(calls.length).toBe(before);
      });
      return;
    }

    test('delivers a subscription in order: accepted, items', async () => {
      const { transport, notify } = await started(accepting('"s1"'));
      const { handlers, heard } = listener();
      expect(transport.canSubscribe).toBe(true);
      expect(await transport.subscribe(subscribeCall, handlers)).toEqual({ kind: 'subscribed' });
      expect(heard).toEqual(['subscribed']);
      for (const item of ['1', '"two"', '{"n": 3.0}']) notify('"s1"', item);
      await eventually(() => expect(heard).toEqual(['subscribed', '1', '"two"', '{"n": 3.0}']));
    });

    test('keeps notifications that come before the response, in order', async () => {
      const { transport, notify } = await started(accepting('"s1"', ['1', '2', '3']));
      const { handlers, heard } = listener();
      const reply = transport.subscribe(subscribeCall, handlers).then(() => heard.length);
      expect(await reply).toBe(4);
      notify('"s1"', '4');
      await eventually(() => expect(heard).toEqual(['subscribed', '1', '2', '3', '4']));
    });

    test('answers with the error of an upstream that declines', async () => {
      const raw = '{"code":-32006,"message":"too many"}';
      const error = { code: -32006, message: 'too many' };
      const { transport } = await started(() => ({ kind: 'error', error, raw }));
      const { handlers, heard } = listener();
      const reply = await transport.subscribe(subscribeCall, handlers);
      expect(reply).toEqual({ kind: 'error', error, raw });
      expect(heard).toEqual([]);
    });

    test('delivers nothing after unsubscribe, and tells the upstream', async () => {
      const { transport, notify, calls } = await started(accepting('"s1"'));
      const { handlers, heard, subscription } = listener();
      await transport.subscribe(subscribeCall, handlers);
      notify('"s1"', '1');
      await eventually(() => expect(heard).toEqual(['subscribed', '1']));
      subscription().unsubscribe();
      subscription().unsubscribe();
      notify('"s1"', '2');
      const unsubscribes = () => calls.filter(({ method }) => method === unsubscribeMethod);
      await eventually(() => expect(unsubscribes().length).toBe(1));
      await transport.request('get', '[]');
      expect(unsubscribes()).toEqual([{ method: unsubscribeMethod, params: '["s1"]' }]);
      expect(heard).toEqual(['subscribed', '1']);
    });

    test('can be unsubscribed from within its own handlers', async () => {
      const { transport, notify } = await started(accepting('"s1"', ['1', '2', '3']));
      const { handlers, heard, subscription } = listener((event) => {
        if (event === '2') subscription().unsubscribe();
      });
      await transport.subscribe(subscribeCall, handlers);
      notify('"s1"', '4');
      await transport.request('get', '[]');
      expect(heard).toEqual(['subscribed', '1', '2']);
    });

    test('ends a subscription once when its connection breaks', async () => {
      const { transport, cut } = await started(accepting('"s1"'));
      const { handlers, heard, subscription } = listener();
      await transport.subscribe(subscribeCall, handlers);
      cut();
      await eventually(() =>
        expect(heard).toEqual(['subscribed', expect.stringMatching(/^end: /)]),
      );
      subscription().unsubscribe();
      await transport.close();
      expect(heard.length).toBe(2);
    });

    test('does not end a subscription that was unsubscribed', async () => {
      const { transport } = await started(accepting('"s1"'));
      const { handlers, heard, subscription } = listener();
      await transport.subscribe(subscribeCall, handlers);
      subscription().unsubscribe();
      await transport.close();
      expect(heard).toEqual(['subscribed']);
    });

    test('ends its subscriptions when it is closed', async () => {
      const { transport } = await started(accepting('"s1"'));
      const { handlers, heard } = listener();
      await transport.subscribe(subscribeCall, handlers);
      await transport.close();
      expect(heard).toEqual(['subscribed', expect.stringMatching(/^end: /)]);
    });

    test('keeps two subscriptions apart', async () => {
      let next = 0;
      const { transport, notify } = await started((call) =>
        call.method === subscribeCall.method
          ? { kind: 'subscribed', id: `"s${++next}"` }
          : echo(call),
      );
      const first = listener();
      const second = listener();
      await transport.subscribe(subscribeCall, first.handlers);
      await transport.subscribe(subscribeCall, second.handlers);
      notify('"s2"', '2');
      notify('"s1"', '1');
      notify('"s3"', '3');
      first.subscription().unsubscribe();
      notify('"s2"', '4');
      await eventually(() => expect(second.heard).toEqual(['subscribed', '2', '4']));
      expect(first.heard.slice(1).every((item) => item === '1')).toBe(true);
    });

    for (const title of inapplicable) {
      it(`has no test called ${title}, which is to be left out`, () => expect.unreachable());
    }
  });
}

/** A script that accepts {@link subscribeCall} and echoes all else. */
function accepting(id: RawJson, early: readonly RawJson[] = []): PeerScript {
  return (call) =>
    call.method === subscribeCall.method ? { kind: 'subscribed', id, early } : echo(call);
}

/** Handlers that note what they hear. */
function listener(onEvent: (event: string) => void = () => {}): {
  handlers: SubscriptionHandlers;
  heard: string[];
  subscription(): TransportSubscription;
} {
  const heard: string[] = [];
  let live: TransportSubscription | undefined;
  const hear = (event: string): void => {
    heard.push(event);
    onEvent(event);
  };
  return {
    heard,
    handlers: {
      onSubscribed: (subscription) => {
        live = subscription;
        hear('subscribed');
      },
      onNotification: hear,
      onEnd: (reason) => hear(`end: ${reason}`),
    },
    subscription() {
      if (live === undefined) throw new Error('not subscribed');
      return live;
    },
  };
}

/** Resolves with the state as soon as the transport is open. */
export function opened(transport: Transport): Promise<Extract<TransportState, { status: 'open' }>> {
  return new Promise((resolve) => {
    const { state } = transport;
    if (state.status === 'open') {
      resolve(state);
      return;
    }
    const stop = transport.onState((changed) => {
      if (changed.status !== 'open') return;
      stop();
      resolve(changed);
    });
  });
}

/** Resolves as soon as the transport can subscribe. */
export function subscribable(transport: Transport): Promise<void> {
  return new Promise((resolve) => {
    if (transport.canSubscribe) {
      resolve();
      return;
    }
    const stop = transport.onState(() => {
      if (!transport.canSubscribe) return;
      stop();
      resolve();
    });
  });
}

/** The states from here on, in order. */
export function statesOf(transport: Transport): TransportState[] {
  const states: TransportState[] = [];
  transport.onState((state) => states.push(state));
  return states;
}

/** Resolves once `assert` passes; a slow machine gets its time. */
export function eventually(assert: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(assert, { timeout: 15_000, interval: 5 });
}

/** What a call sent without a promise is told; resolves at the first of it, and goes on growing. */
async function sent(
  transport: Transport,
  method: string,
  params: RawJson,
  timeoutMs = 60_000,
): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  await new Promise<void>((resolve) => {
    const note = (outcome: unknown): void => {
      told.push(outcome);
      resolve();
    };
    transport.send(method, params, timeoutMs, { onReply: note, onFail: note });
  });
  return told;
}

/** What a promise rejects with. Fails when it resolves. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('resolved, but should have been rejected');
}

/** A promise and the function that resolves it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
