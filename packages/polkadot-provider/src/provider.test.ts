import {
  type Balancer,
  BalancerError,
  type Call,
  type CallOptions,
  errorReply,
  NoEligibleUpstreamError,
  type Receiver,
  type Reply,
  Session,
  type SubscriberHandlers,
  TimeoutError,
  TransportError,
} from '@dshackle/core';
import { FakeClock } from '@dshackle/core/testing';
import RpcError from '@polkadot/rpc-provider/coder/error';
import { LRUCache } from '@polkadot/rpc-provider/lru';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { polkadot } from './chain/polkadot.ts';
import * as entry from './index.ts';
import { PolkadotProvider } from './provider.ts';

type Answer = Reply | Error | Promise<Reply>;

/** An engine that answers as scripted, one answer a call, the last one for all further calls. */
class ScriptedBalancer {
  readonly chain = polkadot();
  readonly calls: Call[] = [];
  readonly sessions = new Set<Session | undefined>();
  readonly subscriptions: (SubscriberHandlers & { method: string; ended: boolean })[] = [];
  available: boolean;
  answers: Answer[] = [];
  closed = false;
  readonly #listeners = new Set<(available: boolean) => void>();

  constructor(available = true) {
    this.available = available;
  }

  get engine(): Balancer {
    return this as unknown as Balancer;
  }

  session(): Session {
    return new Session();
  }

  dispatch(call: Call, receiver: Receiver, options?: CallOptions): void {
    this.forward(call, options).then(
      (answer) => receiver.onAnswer(answer),
      (error: unknown) => receiver.onFailure(error),
    );
  }

  async forward(call: Call, { session, signal }: CallOptions = {}) {
    if (signal?.aborted) throw new BalancerError('cancelled', call.method);
    this.calls.push(call);
    this.sessions.add(session);
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (answer instanceof Error) throw answer;
    const given = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(new BalancerError('cancelled', call.method)));
    });
    const reply = await Promise.race([answer ?? result('ok'), given]);
    return { reply, upstream: 'a', attempts: [] };
  }

  async subscribe(
    call: Call,
    handlers: SubscriberHandlers,
  ): Promise<Reply | { kind: 'subscribed' }> {
    this.calls.push(call);
    const [answer] = this.answers;
    if (answer instanceof Error) throw answer;
    if (answer !== undefined) return answer;
    const subscription = { ...handlers, method: call.method, ended: false };
    this.subscriptions.push(subscription);
    handlers.onSubscribed({
      id: `id${this.subscriptions.length}`,
      unsubscribe: () => {
        subscription.ended = true;
      },
    });
    return { kind: 'subscribed' };
  }

  onAvailability(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ready(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.available) resolve();
      this.#listeners.add((available) => available && resolve());
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  }

  setAvailable(available: boolean): void {
    this.available = available;
    for (const listener of this.#listeners) listener(available);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

const result = (value: unknown): Reply => ({ kind: 'result', result: JSON.stringify(value) });
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable(),
    (e) => e,
  );

let balancer: ScriptedBalancer;
let provider: PolkadotProvider;
let events: string[];

function observe(over: PolkadotProvider): string[] {
  const heard: string[] = [];
  for (const event of ['connected', 'disconnected', 'error'] as const) {
    over.on(event, () => heard.push(event));
  }
  return heard;
}

beforeEach(() => {
  balancer = new ScriptedBalancer();
  provider = new PolkadotProvider(balancer.engine);
  events = observe(provider);
});

describe('the contract of a polkadot-js provider', () => {
  it('is fulfilled', () => {
    const contract: ProviderInterface = provider;
    expect(contract.hasSubscriptions).toBe(true);
    expect(contract.isClonable).toBe(true);
    expect(contract.isConnected).toBe(true);
    expect(contract.ttl).toBeUndefined();
    expect(Object.keys(entry).sort()).toEqual([
      'DedotProvider',
      'DedotProviderError',
      'PolkadotProvider',
      'asJsonRpcProvider',
      'knownChains',
      'polkadot',
    ]);
  });

  it('gives polkadot-js its cache time where one is set', () => {
    expect(new PolkadotProvider(balancer.engine, { cacheTtlMs: 5 }).ttl).toBe(5);
    expect(new PolkadotProvider(balancer.engine, { cacheTtlMs: null }).ttl).toBeNull();
  });
});

describe('connection events', () => {
  it('are told once for each real change', () => {
    balancer.setAvailable(true);
    balancer.setAvailable(false);
    balancer.setAvailable(false);
    expect(provider.isConnected).toBe(false);
    balancer.setAvailable(true);
    balancer.setAvailable(true);
    expect(provider.isConnected).toBe(true);
    expect(events).toEqual(['disconnected', 'connected']);
  });

  it('are not repeated for a provider that was connected from the start', async () => {
    await expect(provider.isReady).resolves.toBe(provider);
    expect(events).toEqual([]);
  });

  it('come once the first node can serve, and not before', async () => {
    const late = new ScriptedBalancer(false);
    const waiting = new PolkadotProvider(late.engine);
    const heard = observe(waiting);
    expect(waiting.isConnected).toBe(false);
    late.setAvailable(true);
    await waiting.isReady;
    expect(heard).toEqual(['connected']);
  });

  it('stop for a listener that was removed, and go on when another one throws', async () => {
    const thrown = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => undefined);
    const heard: string[] = [];
    const off = provider.on('disconnected', () => heard.push('removed'));
    provider.on('disconnected', () => {
      throw new Error('a bug of the application');
    });
    provider.on('disconnected', () => heard.push('last'));
    off();
    balancer.setAvailable(false);
    expect(heard).toEqual(['last']);
    expect(thrown).toHaveBeenCalledOnce();
    thrown.mockRestore();
  });

  it('include one error with the reason when no node comes up in time', async () => {
    const clock = new FakeClock();
    const lonely = new PolkadotProvider({ upstreams: [], clock, availabilityTimeoutMs: 1000 });
    const errors: Error[] = [];
    lonely.on('error', (error) => errors.push(error));
    await clock.advance(900);
    expect(errors).toEqual([]);
    await clock.advance(60_000);
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringContaining('[no eligible upstream]'),
    ]);
    await lonely.disconnect();
  });
});

describe('a call', () => {
  it('gives the parsed result and carries the session of its provider', async () => {
    balancer.answers = [result({ a: [1] })];
    await expect(provider.send('state_getMetadata', [])).resolves.toEqual({ a: [1] });
    await provider.send('system_chain', [null, undefined, 12n]);
    expect(balancer.calls[1]).toEqual({ method: 'system_chain', params: '[null,null,"12"]' });
    expect(balancer.sessions.size).toBe(1);
    expect([...balancer.sessions][0]).toBeInstanceOf(Session);
  });

  it('rejects with the error of the node in the words of polkadot-js', async () => {
    const data = `Error("${'x'.repeat(300)}")`;
    balancer.answers = [errorReply({ code: 1010, message: 'Invalid Transaction', data })];
    const error = await rejection(provider.send('author_submitExtrinsic', ['0x']));
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: 1010, data });
    expect(error.message).toMatch(/^1010: Invalid Transaction: x+…$/);
    expect(error.message.length).toBe('1010: Invalid Transaction'.length + 256);
  });

  it.each([
    [new TimeoutError('deadline'), 'No response received from RPC endpoint in 0s'],
    [
      new TransportError('socket hang up', {
        attempts: [{ upstream: 'a', durationMs: 1, outcome: 'lost' }],
      }),
      'disconnected from a: 1006:: socket hang up',
    ],
    [new BalancerError('closed', 'x'), '1000:: Normal connection closure'],
    [new NoEligibleUpstreamError('3 of 3 lag'), '[no eligible upstream] 3 of 3 lag'],
  ])('that fails says so in known words: %s', async (cause, text) => {
    balancer.answers = [cause];
    const error = await rejection(provider.send('system_chain', []));
    expect(error).toBeInstanceOf(RpcError);
    expect(error.message).toContain(text);
    expect(error.code).toBe(RpcError.CODES.UNKNOWN);
    expect(error.cause).toBe(cause);
  });

  it('of a method that is switched off rejects as one that does not exist', async () => {
    balancer.answers = [new BalancerError('denied', 'x is disabled on this balancer')];
    const error = await rejection(provider.subscribe('x', 'chainHead_v1_follow', [], () => {}));
    expect(error.code).toBe(RpcError.CODES.METHOD_NOT_FOUND);
  });

  it('(defect e) made while no node can serve waits for one instead of failing', async () => {
    balancer.setAvailable(false);
    const call = provider.send('system_chain', []);
    const subscribed = provider.subscribe('chain_newHead', 'chain_subscribeNewHead', [], () => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(balancer.calls).toEqual([]);
    balancer.setAvailable(true);
    await expect(call).resolves.toBe('ok');
    balancer.answers = [];
    await expect(subscribed).resolves.toBeTruthy();
  });

  it('fails at once only where nobody is going to connect', async () => {
    await provider.disconnect();
    const error = await rejection(provider.send('system_chain', []));
    expect(error.message).toBe('WebSocket is not connected');
  });
});

describe('a cacheable call', () => {
  it('is made once, also while it is under way', async () => {
    let answer: (reply: Reply) => void = () => {};
    balancer.answers = [new Promise((resolve) => (answer = resolve))];
    const calls = [1, 2].map(() => provider.send('state_getStorage', ['0x01', '0xb1'], true));
    await vi.waitFor(() => expect(balancer.calls).toHaveLength(1));
    answer(result('0xaa'));
    expect(await Promise.all(calls)).toEqual(['0xaa', '0xaa']);
    await provider.send('state_getStorage', ['0x01', '0xb1'], true);
    expect(balancer.calls).toHaveLength(1);
    expect(provider.stats.total.cached).toBe(2);
    await provider.send('state_getStorage', ['0x01', '0xb1']);
    await provider.send('state_getStorage', ['0x01', '0xb2'], true);
    expect(balancer.calls).toHaveLength(3);
  });

  it('(defect c) that was rejected is made again', async () => {
    const discarded = { code: 4003, message: 'State already discarded' };
    balancer.answers = [errorReply(discarded), result('0xaa')];
    const call = () => provider.send('state_getStorage', ['0x01', '0xb1'], true);
    await expect(call()).rejects.toThrow('4003');
    await expect(call()).resolves.toBe('0xaa');
    expect(balancer.calls).toHaveLength(2);
  });

  it('whose result is null is made again', async () => {
    balancer.answers = [result(null), result('0xaa')];
    const call = () => provider.send('chain_getHeader', ['0xb1'], true);
    expect([await call(), await call()]).toEqual([null, '0xaa']);
  });

  it('is kept within bounds of number, bytes and time', async () => {
    const read = (over: PolkadotProvider, key: string) =>
      over.send('state_getStorage', [key, '0xb1'], true);
    const few = new PolkadotProvider(balancer.engine, { cacheCapacity: 2 });
    for (const key of ['1', '2', '3', '3', '1']) await read(few, key);
    expect(balancer.calls).toHaveLength(4);
    const none = new PolkadotProvider(balancer.engine, { cacheCapacity: 0 });
    for (const key of ['1', '1']) await read(none, key);
    expect(balancer.calls).toHaveLength(6);
    const small = new PolkadotProvider(balancer.engine, { cacheMaxBytes: 4 });
    for (const key of ['1', '1']) await read(small, key);
    expect(balancer.calls).toHaveLength(8);
    const brief = new PolkadotProvider(balancer.engine, { cacheTtlMs: 1 });
    await read(brief, '1');
    await new Promise((resolve) => setTimeout(resolve, 10));
    await read(brief, '1');
    expect(balancer.calls).toHaveLength(10);
  });
});

describe('a subscription', () => {
  const heads = (cb: (error: Error | null, value: unknown) => void = () => {}) =>
    provider.subscribe('chain_newHead', 'chain_subscribeNewHead', [], cb);

  it('(defect d) delivers all items that come before its id is known to the caller', async () => {
    const heard: unknown[] = [];
    const subscribed = heads((_, value) => heard.push(value));
    await vi.waitFor(() => expect(balancer.subscriptions).toHaveLength(1));
    for (const number of [1, 2, 3]) balancer.subscriptions[0]!.onItem(JSON.stringify({ number }));
    await subscribed;
    expect(heard).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
  });

  it('ends by its notification name and id, and then knows them no more', async () => {
    const id = await heads();
    expect(provider.stats.active.subscriptions).toBe(1);
    expect(await provider.unsubscribe('chain_allHead', 'x', id)).toBe(false);
    expect(await provider.unsubscribe('chain_newHead', 'x', 'other')).toBe(false);
    expect(balancer.subscriptions[0]!.ended).toBe(false);
    expect(await provider.unsubscribe('chain_newHead', 'chain_unsubscribeNewHeads', id)).toBe(true);
    expect(balancer.subscriptions[0]!.ended).toBe(true);
    expect(await provider.unsubscribe('chain_newHead', 'x', id)).toBe(false);
    expect(provider.stats.active.subscriptions).toBe(0);
  });

  it('ends by a plain call of its unsubscribe method too, which no node is sent', async () => {
    const id = await heads();
    expect(await provider.send('chain_unsubscribeNewHeads', [id])).toBe(true);
    expect(await provider.send('chain_unsubscribeNewHeads', [id])).toBe(false);
    expect(balancer.subscriptions[0]!.ended).toBe(true);
    expect(balancer.calls).toHaveLength(1);
  });

  it('that is declined rejects', async () => {
    balancer.answers = [errorReply({ code: -32_602, message: 'Invalid params' })];
    await expect(heads()).rejects.toThrow('-32602: Invalid params');
    expect(provider.stats.active.subscriptions).toBe(0);
  });

  it('that cannot go on tells its callback and is gone', async () => {
    const heard: unknown[] = [];
    const id = await heads((error, value) => heard.push(error?.message ?? value));
    balancer.subscriptions[0]!.onEnd(new TransportError('its upstream was lost'));
    expect(heard).toEqual([expect.stringContaining('its upstream was lost')]);
    expect(await provider.unsubscribe('chain_newHead', 'x', id)).toBe(false);
  });

  it('whose callback throws goes on', async () => {
    const heard: unknown[] = [];
    await heads((error, value) => {
      heard.push(error?.message ?? value);
      throw new Error('bug');
    });
    const { onItem } = balancer.subscriptions[0]!;
    onItem('1');
    onItem('2');
    expect(heard).toEqual([1, 'bug', 2, 'bug']);
  });
});

describe('the time that results are kept', () => {
  it('is one that polkadot-js takes for its own cache, or refused at once', () => {
    for (const cacheTtlMs of [0, 1_800_000, null]) {
      const { ttl } = new PolkadotProvider(balancer.engine, { cacheTtlMs });
      expect(ttl).toBe(cacheTtlMs);
      expect(() => new LRUCache(1, ttl as number)).not.toThrow();
    }
    for (const cacheTtlMs of [-1, 1_800_001, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new LRUCache(1, cacheTtlMs)).toThrow();
      expect(() => new PolkadotProvider(balancer.engine, { cacheTtlMs })).toThrow(
        `cacheTtlMs is ${cacheTtlMs}; allowed: from 0 to 1800000, or null`,
      );
    }
  });
});

describe('disconnecting', () => {
  it('leaves a shared engine open, and ends the subscriptions in it', async () => {
    await provider.subscribe('chain_newHead', 'chain_subscribeNewHead', [], () => {});
    await provider.disconnect();
    await provider.disconnect();
    expect(balancer.closed).toBe(false);
    expect(balancer.subscriptions[0]!.ended).toBe(true);
    expect(provider.isConnected).toBe(false);
    expect(events).toEqual(['disconnected']);
    balancer.setAvailable(false);
    balancer.setAvailable(true);
    expect(events).toEqual(['disconnected']);
  });

  it('fails calls under way, and those that wait for a node, also with a shared engine', async () => {
    balancer.answers = [new Promise(() => {})];
    const underWay = rejection(provider.send('system_chain', []));
    await Promise.resolve();
    balancer.setAvailable(false);
    const waiting = rejection(provider.send('system_name', []));
    await provider.disconnect();
    for (const error of await Promise.all([underWay, waiting])) {
      expect(error.message).toBe(
        'disconnected from all upstreams: 1000:: Normal connection closure',
      );
    }
    expect(balancer.calls.map(({ method }) => method)).toEqual(['system_chain']);
    expect(balancer.closed).toBe(false);
    await provider.connect();
    balancer.answers = [];
    const later = provider.send('system_version', []);
    balancer.setAvailable(true);
    await expect(later).resolves.toBe('ok');
  });

  it('and connecting again takes up the subscriptions under their ids', async () => {
    const heard: unknown[] = [];
    const cb = (_: Error | null, value: unknown) => heard.push(value);
    const id = await provider.subscribe('state_storage', 'state_subscribeStorage', [['0x']], cb);
    await provider.disconnect();
    await provider.connect();
    expect(events).toEqual(['disconnected', 'connected']);
    balancer.subscriptions[1]!.onItem('7');
    expect(heard).toEqual([7]);
    expect(await provider.unsubscribe('state_storage', 'x', id)).toBe(true);
    expect(balancer.subscriptions[1]!.ended).toBe(true);
  });

  it('never submits a transaction a second time', async () => {
    const heard: unknown[] = [];
    await provider.subscribe(
      'author_extrinsicUpdate',
      'author_submitAndWatchExtrinsic',
      ['0x'],
      (error) => heard.push(error?.message),
    );
    await provider.disconnect();
    await provider.connect();
    expect(balancer.subscriptions).toHaveLength(1);
    expect(heard).toEqual(['WebSocket is not connected']);
  });

  it('does not let a client see the chain go back afterwards', async () => {
    await provider.send('system_chain', []);
    [...balancer.sessions][0]!.observe(42);
    await provider.disconnect();
    await provider.connect();
    await provider.send('system_chain', []);
    expect([...balancer.sessions].map((session) => session!.seen)).toEqual([42, 42]);
  });

  it('is needed before connecting again', async () => {
    await expect(provider.connect()).rejects.toThrow('WebSocket is already connected');
  });
});

describe('a clone', () => {
  it('of a provider with a shared engine uses that engine, but nothing else of the provider', async () => {
    const clone = provider.clone();
    await clone.send('system_chain', []);
    expect(balancer.calls).toHaveLength(1);
    expect(provider.stats.total.requests).toBe(0);
    await clone.disconnect();
    expect([clone.isConnected, provider.isConnected]).toEqual([false, true]);
  });

  it('of a provider with an engine of its own has another one', async () => {
    const own = new PolkadotProvider({ upstreams: [], autoConnect: true });
    const clone = own.clone();
    expect(clone.balancer).not.toBe(own.balancer);
    await own.disconnect();
    expect(clone.balancer).toBeDefined();
    await clone.disconnect();
    const manual = new PolkadotProvider({ upstreams: [], autoConnect: false }).clone();
    expect(manual.balancer).toBeUndefined();
  });
});

describe('the counts', () => {
  it('are of calls, subscriptions, errors, timeouts and bytes', async () => {
    balancer.answers = [
      result('abc'),
      new TimeoutError('x'),
      errorReply({ code: 1, message: 'x' }),
    ];
    await provider.send('system_chain', []);
    await rejection(provider.send('system_chain', []));
    await rejection(provider.send('system_chain', []));
    balancer.answers = [];
    await provider.subscribe('chain_newHead', 'chain_subscribeNewHead', [], () => {});
    expect(provider.stats).toEqual({
      active: { requests: 0, subscriptions: 1 },
      total: {
        bytesRecv: 5,
        bytesSent: 3 * 'system_chain[]'.length + 'chain_subscribeNewHead[]'.length,
        cached: 0,
        errors: 1,
        requests: 4,
        subscriptions: 1,
        timeout: 1,
      },
    });
  });

  it('include what is under way', async () => {
    let answer: (reply: Reply) => void = () => {};
    balancer.answers = [new Promise((resolve) => (answer = resolve))];
    const call = provider.send('system_chain', []);
    expect(provider.stats.active.requests).toBe(1);
    answer(result(1));
    await call;
    expect(provider.stats.active.requests).toBe(0);
  });
});
