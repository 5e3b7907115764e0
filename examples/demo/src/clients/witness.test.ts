import { expect, it } from 'vitest';
import type { Client, HeadListener, TransactionListener } from './client.ts';
import { endOf } from './end-of.ts';
import { Witness } from './witness.ts';

const hash = `0x${'ab'.repeat(32)}`;

/** A client whose server lies and fails; `listen` gets what the witness listens with. */
function badClient(listen: (heads: HeadListener) => void): Client {
  const heights = [5, 4];
  return {
    name: 'bad',
    troubles: ['disconnected'],
    follow: async (heads) => listen(heads),
    reads: [
      async () => {
        const height = heights.shift();
        if (height === undefined) throw new Error('no more');
        return height;
      },
    ],
    async transfer(listener: TransactionListener) {
      listener.ended(endOf(new Error(`-32056: [unknown outcome] what became of ${hash}`)));
      listener.ended({ type: 'finalized', block: '0x01', succeeded: true });
    },
    close: async () => {},
  };
}

it('a witness notices whatever breaks a promise', async () => {
  let heads: HeadListener | undefined;
  const client = badClient((listener) => {
    heads = listener;
  });
  const witness = await Witness.start(client, { readEveryMs: 1, transferEveryMs: 1 });
  heads?.best('0x01', '0x00');
  heads?.best('0x01', '0x00');
  heads?.best('0x03', '0x02');
  for (const [height, block] of [0x0a, 0x0c, 0x0c, 0x0b].entries()) {
    heads?.finalized(`0x0${height}`, block);
  }
  await expect.poll(() => witness.failures.length).toBeGreaterThan(0);
  await witness.settle();
  await witness.stop();
  expect(witness.repeatedBlocks).toEqual(['0x01']);
  expect(witness.orphanedBlocks).toEqual(['0x01', '0x03']);
  expect(witness.finalized).toMatchObject({ received: 4, gaps: 1, duplicates: 2, wentBack: 1 });
  expect(witness.readHeights).toEqual([[5, 4]]);
  expect(witness.failures[0]).toBe('Error: no more');
  expect(witness.troubles).toEqual(['disconnected']);
  const [transaction] = witness.transactions;
  expect(transaction?.hash).toBe(hash);
  expect(transaction?.ends.map(({ type }) => type)).toEqual(['unknown', 'finalized']);
});

it('an end that is told by an error is lost unless it says that nobody knows', () => {
  expect(endOf(new Error('1010: Invalid Transaction'))).toMatchObject({ type: 'lost' });
  expect(endOf('-32056: [unknown outcome]')).toMatchObject({ type: 'unknown' });
});
