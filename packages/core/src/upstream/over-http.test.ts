import { afterEach, describe, expect, it } from 'vitest';
import { createBalancer } from '../balancer.ts';
import { FakeLedger, fakeChain } from '../testing/index.ts';
import { eventually } from '../testing/transport-contract.ts';
import { systemClock } from '../time/clock.ts';
import { http } from '../transport/http.ts';
import { HttpPeer, type HttpPeerResponse } from '../transport/test-peers/http-peer.ts';
import type { Transport } from '../transport/transport.ts';

const peers: HttpPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
});

const genesisHash = new FakeLedger().genesis.hash;

/** An HTTP node of the fake chain that knows its genesis, and answers submissions as told. */
async function node(submit: HttpPeerResponse | undefined, port?: number): Promise<HttpPeer> {
  const peer = await HttpPeer.listen(port);
  peers.push(peer);
  const block = new FakeLedger().genesis;
  const results: Record<string, unknown> = {
    hash_of: genesisHash,
    heads_now: { best: block, finalized: block },
    health: { status: 'healthy' },
    methods: null,
    submit: 'accepted',
    third: 3,
  };
  peer.respond = ({ method, id }) =>
    (method === 'submit' && submit) || {
      body: `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(results[method])}}`,
    };
  return peer;
}

describe('a call that waits for a connection', () => {
  it.each([
    ['', {}],
    [' behind limits', { limits: { concurrency: 10 } }],
  ])('is not sent any more when its caller has left%s', async (_, limits) => {
    const peer = await node(undefined);
    const usual = peer.respond;
    let release = (): void => {};
    peer.respond = (call, response) => {
      if (call.method !== 'first') return usual?.(call, response);
      release = () => response.end(`{"jsonrpc":"2.0","id":${call.id},"result":1}`);
      return undefined;
    };
    await using balancer = createBalancer({
      chain: fakeChain({ genesisHash }),
      upstreams: [{ transport: http(peer.url, { connections: 1 }), ...limits }],
      policy: { hedge: { maxHedges: 0 } },
    });
    await balancer.ready();
    const first = balancer.forward({ method: 'first', params: '[]' });
    await eventually(() => expect(peer.calls.map(({ method }) => method)).toContain('first'));
    const controller = new AbortController();
    const { signal } = controller;
    const second = balancer.forward({ method: 'second', params: '[]' }, { signal });
    const third = balancer.forward({ method: 'third', params: '[]' });
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    release();
    await Promise.all([first, third]);
    const asked = peer.calls.map(({ method }) => method);
    expect(asked).toContain('third');
    expect(asked).not.toContain('second');
    expect(balancer.snapshot().upstreams[0]).toMatchObject({ failed: 0 });
  });
});

describe('a call that waits for a node that was down for long', () => {
  it('has it tried sooner, and is answered', async () => {
    const down = await HttpPeer.listen();
    const { port, url } = down;
    await down.close();
    let way: Transport | undefined;
    const options = { backoff: { initialMs: 10, factor: 10_000, maxMs: 100_000 } };
    await using balancer = createBalancer({
      chain: fakeChain({ genesisHash }),
      upstreams: [
        {
          transport: (context) => {
            way = http(url, options)({ ...context, random: () => 0.9 });
            return way;
          },
        },
      ],
    });
    await eventually(() => {
      const state = way?.state;
      const leftMs = state?.status === 'waiting' ? state.retryAtMs - systemClock.now() : 0;
      expect(leftMs).toBeGreaterThan(60_000);
    });
    await node(undefined, port);
    expect(await balancer.request('third')).toBe(3);
  });
});

describe('a submission over HTTP', () => {
  it.each<HttpPeerResponse>([{ status: 429 }, { status: 503, headers: { 'retry-after': '5' } }])(
    'goes to another node when one declines it with $status',
    async (declined) => {
      const limited = await node(declined);
      const other = await node(undefined);
      await using balancer = createBalancer({
        chain: fakeChain({ genesisHash }),
        upstreams: [
          { id: 'limited', transport: limited.url },
          { id: 'other', transport: other.url, role: 'secondary' },
        ],
      });
      await eventually(() =>
        expect(balancer.snapshot().upstreams.map(({ reason }) => reason)).toEqual([
          undefined,
          undefined,
        ]),
      );
      expect(await balancer.request('submit', ['tx'])).toBe('accepted');
      const asked = ({ calls }: HttpPeer): number =>
        calls.filter(({ method }) => method === 'submit').length;
      expect([asked(limited), asked(other)]).toEqual([1, 1]);
    },
  );
});
