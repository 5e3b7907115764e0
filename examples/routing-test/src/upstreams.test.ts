import { createBalancer } from '@dshackle/core';
import { FakeClock, FakeLedger, FakeNode, fakeChain, seededRandom } from '@dshackle/core/testing';
import { expect, it } from 'vitest';
import { upstreamsOf } from './upstreams.ts';

/** Our own two nodes and a paid one, on a chain of ten blocks and a clock that stands still. */
async function start() {
  const clock = new FakeClock();
  const ledger = new FakeLedger();
  ledger.mine(10);
  const [own, archive, paid] = ['own', 'archive', 'paid'].map((id) => new FakeNode(id, ledger)) as [
    FakeNode,
    FakeNode,
    FakeNode,
  ];
  const balancer = createBalancer({
    chain: fakeChain(),
    clock,
    random: seededRandom(1),
    upstreams: upstreamsOf([
      { id: 'own', transport: own.upstream().transport },
      { id: 'archive', transport: archive.upstream().transport, archive: true },
      { id: 'paid', transport: paid.upstream().transport, paid: true },
    ]),
  });
  await clock.advance(1);
  return { balancer, clock, own, archive, paid };
}

it('spends nothing on the paid provider while a node of ours can answer', async () => {
  const { balancer, clock, own, archive, paid } = await start();
  own.crash();
  for (let i = 0; i < 50; i += 1) await balancer.request('local', [i]);
  expect(paid.calls.some(({ method }) => method === 'local')).toBe(false);

  archive.crash();
  await clock.advance(10);
  expect(await balancer.request('local')).toBe('local by paid');

  await own.restart();
  await clock.advance(10);
  expect(await balancer.request('local')).toBe('local by own');
  await balancer.close();
});

it('reads history from the archive node only', async () => {
  const { balancer } = await start();
  for (let i = 0; i < 20; i += 1) {
    const answer = await balancer.request('local', [i], { labels: { archive: 'true' } });
    expect(answer).toBe('local by archive');
  }
  await balancer.close();
});

it('answers from another node when one hangs', async () => {
  const { balancer, clock, own } = await start();
  own.hang();
  const answers = Promise.all([1, 2, 3, 4].map((i) => balancer.request('local', [i])));
  await clock.advance(1000);
  for (const answer of await answers) expect(answer).toBe('local by archive');
  await balancer.close();
});
