import { describe, expect, it } from 'vitest';
import type { Reply } from '../json-rpc/message.ts';
import { ScriptedTransport } from '../testing/scripted-transport.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import {
  describeTransport,
  eventually,
  failure,
  opened,
  statesOf,
  subscribable,
  type TransportHarness,
} from '../testing/transport-contract.ts';
import { systemClock } from '../time/clock.ts';
import { combined } from './combined.ts';
import { http } from './http.ts';
import { HttpPeer } from './test-peers/http-peer.ts';
import { WebSocketPeer } from './test-peers/websocket-peer.ts';
import type { TransportFactory } from './transport.ts';
import { websocket } from './websocket.ts';

const context = { upstream: 'a', clock: systemClock, random: seededRandom(1) };
const backoff = { initialMs: 5, maxMs: 20 };
const passes = async (): Promise<void> => {};

/** One node that speaks WebSocket and HTTP. */
class Node {
  readonly ws: WebSocketPeer;
  readonly http: HttpPeer;
  readonly factories: TransportFactory[];

  constructor(ws: WebSocketPeer, httpPeer: HttpPeer) {
    this.ws = ws;
    this.http = httpPeer;
    this.factories = [websocket(ws.url, { backoff }), http(httpPeer.url, { backoff })];
  }

  static async listen(): Promise<Node> {
    return new Node(await WebSocketPeer.listen(), await HttpPeer.listen());
  }

  async close(): Promise<void> {
    await Promise.all([this.ws.close(), this.http.close()]);
  }
}

describeTransport('combined', async (): Promise<TransportHarness> => {
  const node = await Node.listen();
  const { ws, http } = node;
  const calls: TransportHarness['calls'][number][] = [];
  let script: TransportHarness['script'];
  return {
    transport: combined(node.factories)(context),
    get script() {
      return script;
    },
    set script(changed) {
      script = changed;
      ws.script = http.script = (call) => {
        calls.push(call);
        return changed(call);
      };
    },
    calls,
    notify: (id, item) => ws.notify(id, item),
    cut: () => {
      ws.cut();
      http.cut();
    },
    connections: () => ws.connections() + http.connections(),
    close: () => node.close(),
  };
});

describe('combined', () => {
  it('refuses an empty list', () => {
    expect(() => combined([])).toThrow('at least one');
  });

  it('sends calls over the first way while it is open', async () => {
    const node = await Node.listen();
    await using transport = combined(node.factories)(context);
    transport.start(passes);
    await subscribable(transport);
    for (let index = 0; index < 10; index++) await transport.request('get', '[]');
    expect(node.ws.calls.length).toBe(10);
    expect(transport.kind).toBe('websocket+http');
    expect(transport.endpoints).toEqual([node.ws.url, node.http.url]);
    await transport.close();
    await node.close();
  });

  it('lets the next take over calls, and tells when the first is back', async () => {
    const node = await Node.listen();
    const { port } = node.ws;
    await using transport = combined(node.factories)(context);
    transport.start(passes);
    await subscribable(transport);
    const heard: boolean[] = [];
    const stop = transport.onState(() => heard.push(transport.canSubscribe));
    await node.ws.close();
    await eventually(() => expect(heard.at(-1)).toBe(false));
    await opened(transport);
    expect(await transport.request('get', '[1]')).toEqual({ kind: 'result', result: '[1]' });
    expect(node.http.calls.at(-1)?.method).toBe('get');
    const refused = transport.subscribe(
      { method: 's', params: '[]', unsubscribe: 'u' },
      { onSubscribed: () => {}, onNotification: () => {}, onEnd: () => {} },
    );
    expect(await failure(refused)).toMatchObject({ code: 'transport', sent: false });

    const back = await WebSocketPeer.listen(port);
    await eventually(() => expect(heard.at(-1)).toBe(true));
    await transport.request('get', '[2]');
    expect(back.calls.at(-1)).toEqual({ method: 'get', params: '[2]' });
    stop();
    await transport.close();
    await Promise.all([back.close(), node.http.close()]);
  });

  it('sends a call elsewhere that one way could not send, but not one that it may have', async () => {
    const node = await Node.listen();
    const [ws, over] = node.factories;
    const few = websocket(node.ws.url, { backoff, maxPending: 1 });
    await using transport = combined([few, over!])(context);
    expect(ws).toBeDefined();
    node.ws.script = () => new Promise(() => {});
    const members = statesOf(transport);
    transport.start(passes);
    await eventually(() => {
      expect(members.filter(({ status }) => status === 'open').length).toBeGreaterThan(1);
    });
    const stuck = failure(transport.request('stuck', '[]'));
    expect(await transport.request('get', '[1]')).toEqual({ kind: 'result', result: '[1]' });
    expect(node.http.calls.map(({ method }) => method)).toEqual(['get']);
    const reply = await new Promise((onReply, onFail) => {
      transport.send('send', '[2]', 1_000, { onReply, onFail });
    });
    expect(reply).toEqual({ kind: 'result', result: '[2]' });
    node.ws.cut();
    expect(await stuck).toMatchObject({ code: 'transport', sent: true });
    expect(node.http.calls.map(({ method }) => method)).toEqual(['get', 'send']);
    await transport.close();
    await node.close();
  });

  it('leaves an upstream alone that said so, by any way', async () => {
    const [limited, other] = await Promise.all([HttpPeer.listen(), HttpPeer.listen()]);
    await using transport = combined([
      http(limited.url, { backoff }),
      http(other.url, { backoff }),
    ])(context);
    const states = statesOf(transport);
    transport.start(passes);
    await eventually(() => {
      expect(states.filter(({ status }) => status === 'open').length).toBeGreaterThan(1);
    });
    limited.respond = () => ({ status: 429 });
    expect(await failure(transport.request('get', '[]'))).toMatchObject({
      code: 'rate limited',
      sent: false,
    });
    expect(other.calls).toEqual([]);
    await transport.close();
    await Promise.all([limited.close(), other.close()]);
  });

  it('waits for the way that tries again first, when none is open', async () => {
    const clock = systemClock;
    const refuse = async (): Promise<void> => {
      throw new Error('wrong chain');
    };
    const node = await Node.listen();
    const slow = { backoff: { initialMs: 60_000, maxMs: 60_000 } };
    const slower = { backoff: { initialMs: 120_000, maxMs: 120_000 } };
    const factories = [websocket(node.ws.url, slower), http(node.http.url, slow)];
    const transport = combined(factories)({ ...context, clock, random: () => 0.99 });
    transport.start(refuse);
    await eventually(() => expect(transport.state.status).toBe('waiting'));
    const { state } = transport;
    expect(state.status === 'waiting' && state.retryAtMs - clock.now()).toBeLessThan(61_000);
    const reply: Promise<Reply> = transport.request('get', '[]');
    expect(await failure(reply)).toMatchObject({
      message: expect.stringContaining('wrong chain'),
      sent: false,
    });
    await transport.close();
    await node.close();
  });

  it('gives one reason while no way is open, whichever was tried last', async () => {
    const answer = (): Reply => ({ kind: 'result', result: '1' });
    const members: ScriptedTransport[] = [];
    const factory: TransportFactory = (given) => {
      const member = new ScriptedTransport({ answer }, given, { reachable: false });
      members.push(member);
      return member;
    };
    await using transport = combined([factory, factory])(context);
    const states = statesOf(transport);
    transport.start(passes);
    const [ws, rpc] = members as [ScriptedTransport, ScriptedTransport];
    states.length = 0;
    const refuses = async (member: ScriptedTransport, reason: string): Promise<void> => {
      const connected = member.connect();
      member.cut(reason);
      await connected;
    };
    for (let round = 0; round < 3; round++) {
      await refuses(ws, 'refused');
      await refuses(rpc, 'HTTP 404');
    }
    const reasons = states.flatMap((state) => (state.status === 'waiting' ? [state.reason] : []));
    expect(reasons.length).toBeGreaterThanOrEqual(6);
    // The other way's first reason was that nothing is there.
    expect(reasons[0]).toBe('refused; connection refused');
    expect(new Set(reasons.slice(1))).toEqual(new Set(['refused; HTTP 404']));
  });
});
