import { describe, expect, it } from 'vitest';
import type { Chain, MethodTraits } from '../chain/chain.ts';
import { BalancerError } from '../errors.ts';
import { errorReply, type Reply } from '../json-rpc/message.ts';
import { fakeChain } from '../testing/fake-chain.ts';
import { type TestBalancer, testBalancer } from '../testing/test-balancer.ts';
import {
  type ChainService,
  forwardOptions,
  type ServiceCall,
  type ServiceHost,
  type ServiceSink,
} from './chain-service.ts';

const read: MethodTraits = {
  kind: 'read',
  lifetime: 'never',
  idempotent: false,
  nullMeans: 'value',
  strategy: { kind: 'one' },
};

/** A service that counts, and what it was told. */
class TestService implements ChainService {
  readonly calls: ServiceCall[] = [];
  readonly sinks: ServiceSink[] = [];
  readonly log: string[] = [];
  host: ServiceHost | undefined;

  call(call: ServiceCall): Reply | Promise<Reply> {
    this.calls.push(call);
    if (call.params[0] === 'later') return Promise.resolve(reply('later'));
    if (call.params[0] === 'fail') return Promise.reject(new Error('broken'));
    return reply('own');
  }

  subscribe(call: ServiceCall & { id: string }, sink: ServiceSink) {
    if (call.params[0] === 'no') return errorReply({ code: 7, message: 'no' });
    this.sinks.push(sink);
    return {
      start: () => {
        this.log.push(`start ${call.id.length}`);
        sink.onItem('1');
      },
      close: () => this.log.push('close'),
    };
  }

  close(): void {
    this.log.push('closed');
  }
}

function reply(value: unknown): Reply {
  return { kind: 'result', result: JSON.stringify(value) };
}

async function start(
  service = new TestService(),
): Promise<{ pool: TestBalancer; service: TestService }> {
  const usual = fakeChain();
  const rows: Readonly<Record<string, MethodTraits>> = {
    own: { ...read, kind: 'service' },
    mapped: { ...read, emulated: true },
    watch_own: {
      ...read,
      kind: 'subscribe',
      subscription: { source: 'service', notification: 'n', unsubscribe: 'u' },
    },
    watch: {
      ...read,
      kind: 'subscribe',
      subscription: { source: 'service', notification: 'n', unsubscribe: 'u' },
      subscriptionOf: ([kind]) =>
        kind === 'heads'
          ? {
              source: 'head',
              feed: 'best',
              tellsCurrent: false,
              notification: 'n',
              unsubscribe: 'u',
            }
          : undefined,
    },
  };
  const chain: Chain = {
    ...usual,
    traits: (method, allowed) => rows[method] ?? usual.traits(method, allowed),
    service: (host) => {
      service.host = host;
      return service;
    },
  };
  return { pool: await testBalancer({ chain, nodes: 2 }), service };
}

describe("a chain's own service", () => {
  it('answers its methods without an upstream, for the client that asks', async () => {
    const { pool, service } = await start();
    await using _ = pool;
    const session = pool.balancer.session();
    expect(await pool.balancer.request('own', [1], { session })).toBe('own');
    expect(await pool.balancer.request('own', ['later'])).toBe('later');
    await expect(pool.balancer.request('own', ['fail'])).rejects.toThrow('broken');
    expect(service.calls.map(({ client }) => client)).toEqual([session, undefined, undefined]);
    expect(pool.nodes.flatMap(({ calls }) => calls).some(({ method }) => method === 'own')).toBe(
      false,
    );
    expect(pool.balancer.snapshot().calls.running).toBe(0);
  });

  it('is told who may answer, and how long that may take', async () => {
    const { pool, service } = await start();
    await using _ = pool;
    const labels = { region: 'eu' };
    await pool.balancer.request('own', [], { labels, deadlineMs: 500 });
    await pool.balancer.request('own', []);
    const [one, other] = service.calls.map(forwardOptions);
    expect(one).toEqual({ labels, deadlineMs: 500 });
    expect(other).toEqual({});
    const host = service.host as ServiceHost;
    await expect(host.forward('echo', [], { labels, deadlineMs: 500 })).rejects.toThrow(
      'no eligible upstream',
    );
  });

  it('answers an emulated method only while no upstream lists it', async () => {
    const { pool } = await start();
    await using _ = pool;
    expect(await pool.balancer.request('mapped')).toBe('own');
    for (const node of pool.nodes) node.methods = ['mapped'];
    for (const node of pool.nodes) node.crash();
    for (const node of pool.nodes) await node.restart();
    await pool.clock.advance(100);
    expect(await pool.balancer.request('mapped')).toMatch(/^mapped by/);
  });

  it('subscribes, begins when the client has the id, and ends once', async () => {
    const { pool, service } = await start();
    await using _ = pool;
    const heard: string[] = [];
    const subscribe = (params: string) =>
      pool.balancer.subscribe(
        { method: 'watch_own', params },
        {
          onSubscribed: ({ unsubscribe }) => {
            heard.push('id');
            if (params === '["leave"]') unsubscribe();
          },
          onItem: (item) => heard.push(item),
          onEnd: (error) => heard.push(error.code),
          onDone: () => heard.push('done'),
        },
      );
    expect(await subscribe('["no"]')).toMatchObject({ kind: 'error', error: { code: 7 } });
    await subscribe('[]');
    const [sink] = service.sinks;
    sink?.onDone();
    sink?.onItem('2');
    sink?.onDone();
    expect(heard).toEqual(['id', '1', 'done']);
    expect(pool.balancer.snapshot().subscriptions).toBe(0);
    await subscribe('["leave"]');
    await subscribe('[]');
    expect(service.log).toEqual(['start 16', 'close', 'start 16']);
    await pool.balancer.close();
    expect(heard.slice(3)).toEqual(['id', 'id', '1', 'closed']);
    expect(service.log.slice(3)).toEqual(['close', 'closed']);
  });

  it('sees the heads, and asks upstreams through the whole pipeline', async () => {
    const { pool, service } = await start();
    await using _ = pool;
    const host = service.host as ServiceHost;
    const seen: string[] = [];
    let changes = 0;
    const stops = [host.onBlock(({ hash }) => seen.push(hash)), host.onChange(() => changes++)];
    await pool.mine();
    const best = pool.ledger.head;
    expect(seen).toEqual([best.hash]);
    expect(changes).toBeGreaterThan(0);
    expect(host.best?.hash).toBe(best.hash);
    expect(host.block(best.hash)?.number).toBe(best.number);
    expect(host.blocksAt(best.number).map(({ hash }) => hash)).toEqual([best.hash]);
    expect(host.hasBlock(best.hash)).toBe(true);
    expect(host.genesisHash).toBe(pool.ledger.genesis.hash);
    expect(host.offers('get')).toBe(true);
    pool.nodes[0]?.hang();
    const asked = host.forward('get', ['key', best.hash]);
    await pool.clock.advance(30_000);
    expect(await asked).toMatchObject({ kind: 'result' });
    for (const stop of stops) stop();
    await pool.mine();
    expect(seen).toHaveLength(1);
  });

  it('serves what params do not name otherwise', async () => {
    const { pool, service } = await start();
    await using _ = pool;
    const heard: string[] = [];
    const subscribe = (kind: string) =>
      pool.balancer.subscribe(
        { method: 'watch', params: JSON.stringify([kind]) },
        {
          onSubscribed: () => heard.push(kind),
          onItem: (item) => heard.push((JSON.parse(item) as { hash: string }).hash ?? item),
          onEnd: (error) => heard.push(error.message),
        },
      );
    await subscribe('heads');
    expect(heard).toEqual(['heads']);
    await pool.mine();
    expect(heard).toEqual(['heads', pool.ledger.head.hash]);
    await subscribe('other');
    expect(service.sinks).toHaveLength(1);
    service.sinks[0]?.onEnd(new BalancerError('transport', 'gave up'));
    service.sinks[0]?.onItem('2');
    expect(heard.slice(2)).toEqual(['other', '1', '[transport] gave up']);
    expect(pool.balancer.snapshot().subscriptions).toBe(1);
  });

  it('follows what upstreams carry, and the way between blocks', async () => {
    const { pool, service } = await start();
    await using _ = pool;
    const host = service.host as ServiceHost;
    const from = host.best?.hash as string;
    const heard: string[] = [];
    let stop = (): void => {};
    await host.subscribe('watch', ['heads'], {
      onSubscribed: ({ unsubscribe }) => {
        stop = unsubscribe;
      },
      onItem: (item) => heard.push(item),
      onEnd: () => heard.push('ended'),
    });
    await pool.mine(2);
    const way = host.path(from, pool.ledger.head.hash);
    expect(way?.retracted).toEqual([]);
    expect(way?.applied.map(({ header }) => header)).toEqual(heard);
    expect(host.path(from, 'nowhere')).toBeUndefined();
    expect(host.safe).toBe(host.finalized);
    stop();
    await pool.mine();
    expect(heard).toHaveLength(2);
  });
});
