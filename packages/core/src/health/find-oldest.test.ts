import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/index.ts';
import { findOldest } from './find-oldest.ts';

/** A history that begins at `oldest`, and how often it was asked. */
function history(oldest: number) {
  let asked = 0;
  return {
    has: async (height: number) => {
      asked += 1;
      return height >= oldest;
    },
    get asked() {
      return asked;
    },
  };
}

describe('the search for the oldest block', () => {
  it('finds any bound below any head, whatever was guessed', async () => {
    const random = seededRandom(7);
    const below = (limit: number): number => Math.floor(random() * limit);
    for (let round = 0; round < 2000; round += 1) {
      const head = 1 + below(10 ** (1 + below(8)));
      // As often near the head as anywhere.
      const oldest = round % 2 ? 2 + below(head) : Math.max(2, head - below(600));
      if (oldest > head) continue;
      const guess = [undefined, oldest, oldest + 1, below(2 * head) - 5][round % 4];
      const { has } = history(oldest);
      expect(await findOldest(has, head, guess), `${oldest} of ${head}, ${guess}`).toBe(oldest);
    }
  });

  it('takes the first block for all of them', async () => {
    for (const head of [1, 2, 3, 100, 30_000_000]) {
      for (const oldest of [0, 1]) {
        const node = history(oldest);
        expect(await findOldest(node.has, head)).toBe(0);
        expect(node.asked).toBeLessThanOrEqual(2);
      }
    }
  });

  it('asks little: less where most nodes prune, least where the bound was before', async () => {
    const head = 30_000_000;
    const anywhere = history(17_654_321);
    await findOldest(anywhere.has, head);
    expect(anywhere.asked).toBeLessThanOrEqual(34);
    const usual = history(head - 256);
    await findOldest(usual.has, head);
    expect(usual.asked).toBeLessThanOrEqual(18);
    const again = history(head - 256);
    await findOldest(again.has, head, head - 256);
    expect(again.asked).toBeLessThanOrEqual(7);
  });

  it('counts a history with a hole from above the hole', async () => {
    const has = async (height: number) => height < 300 || height >= 900;
    expect(await findOldest(has, 1000)).toBe(900);
  });

  it('finds nothing where the head itself is not there', async () => {
    expect(await findOldest(async () => false, 1000)).toBeUndefined();
    expect(await findOldest(async () => false, 1)).toBeUndefined();
  });

  it('forgives a bound that moves on a little while it is looked for', async () => {
    let oldest = 700;
    const has = async (height: number) => {
      const answer = height >= oldest;
      oldest += 0.5;
      return answer;
    };
    const found = await findOldest(has, 1000);
    expect(found).toBeGreaterThanOrEqual(700);
    expect(found).toBeLessThanOrEqual(oldest);
  });

  it('gives up when the answers do not fit, after as few questions as ever', async () => {
    const random = seededRandom(3);
    let inconclusive = 0;
    for (let round = 0; round < 200; round += 1) {
      const nodes = [1, 9_000_000];
      let asked = 0;
      const found = await findOldest(async (height) => {
        asked += 1;
        return height >= (nodes[Math.floor(random() * 2)] as number);
      }, 10_000_000);
      expect(asked).toBeLessThanOrEqual(34);
      if (found === undefined) inconclusive += 1;
      else expect(found).toBeLessThanOrEqual(9_000_000);
    }
    expect(inconclusive).toBeGreaterThan(30);
  });

  it('passes on that the node failed', async () => {
    await expect(findOldest(() => Promise.reject(new Error('broken')), 10)).rejects.toThrow(
      'broken',
    );
  });
});
