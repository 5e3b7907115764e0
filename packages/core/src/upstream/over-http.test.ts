import { afterEach, describe, expect, it } from 'vitest';
import { createBalancer } from '../balancer.ts';
import { FakeLedger, fakeChain } from '../testing/index.ts';
import { eventually } from '../testing/transport-contract.ts';
import { HttpPeer, type HttpPeerResponse } from '../transport/test-peers/http-peer.ts';

const peers: HttpPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
});

const genesisHash = new FakeLedger().genesis.hash;

/** An HTTP node of the fake chain that knows its genesis, and answers submissions as told. */
async function node(submit: HttpPeerResponse | undefined): Promise<HttpPeer> {
  const peer = await HttpPeer.listen();
  peers.push(peer);
  const block = new FakeLedger().genesis;
  const results: Record<string, unknown> = {
    hash_of: genesisHash,
    heads_now: { best: block, finalized: block },
    health: { status: 'healthy' },
    methods: null,
    submit: 'accepted',
  };
  peer.respond = ({ method, id }) =>
    (method === 'submit' && submit) || {
      body: `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(results[method])}}`,
    };
  return peer;
}

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
