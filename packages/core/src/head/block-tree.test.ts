import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Block } from '../chain/chain.ts';
import { FakeLedger } from '../testing/index.ts';
import { BlockTree } from './block-tree.ts';

/** A random tree: each block grows on one of those before it. */
const trees = fc
  .array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 60 })
  .map((choices): Block[] => {
    const ledger = new FakeLedger();
    const blocks = [ledger.genesis];
    // Favours recent blocks: long branches rather than a bush at genesis.
    for (const choice of choices) {
      const back = choice % Math.min(blocks.length, 4);
      blocks.push(ledger.fork(blocks[blocks.length - 1 - back] as Block));
    }
    return blocks;
  });

function treeOf(blocks: Iterable<Block>, maxBlocks?: number): BlockTree {
  const tree = new BlockTree(maxBlocks === undefined ? {} : { maxBlocks });
  for (const block of blocks) tree.add(block, {});
  return tree;
}

/** From a block down to the genesis, by plain search. */
function lineage(blocks: readonly Block[], block: Block): Block[] {
  const parent = blocks.find((each) => each.hash === block.parentHash);
  return parent ? [block, ...lineage(blocks, parent)] : [block];
}

describe('BlockTree', () => {
  it('agrees with a plain search on every ancestry', () => {
    fc.assert(
      fc.property(trees, fc.nat(), fc.nat(), (blocks, i, j) => {
        const tree = treeOf(blocks);
        const [one, other] = [
          blocks[i % blocks.length] as Block,
          blocks[j % blocks.length] as Block,
        ];
        const line = lineage(blocks, other);
        expect(tree.isAncestor(one.hash, other.hash)).toBe(line.includes(one));
        expect(tree.ancestorAt(other.hash, one.number)).toBe(
          line.find((block) => block.number === one.number),
        );
      }),
    );
  });

  it('finds a way that leaves one branch block by block and enters the other in order', () => {
    fc.assert(
      fc.property(trees, fc.nat(), fc.nat(), (blocks, i, j) => {
        const [from, to] = [blocks[i % blocks.length] as Block, blocks[j % blocks.length] as Block];
        const path = treeOf(blocks).path(from.hash, to.hash);
        const [left, entered] = [lineage(blocks, from), lineage(blocks, to)];
        expect(path?.retracted).toEqual(left.filter((block) => !entered.includes(block)));
        expect(path?.applied).toEqual(entered.filter((block) => !left.includes(block)).reverse());
      }),
    );
  });

  it('is the same tree whatever the order in which blocks came', () => {
    const shuffled = trees.chain((blocks) =>
      fc.tuple(
        fc.constant(blocks),
        fc.shuffledSubarray(blocks, { minLength: blocks.length, maxLength: blocks.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, fc.nat(), fc.nat(), ([blocks, mixed], i, j) => {
        const [one, other] = [treeOf(blocks), treeOf([...mixed, ...mixed])];
        const [from, to] = [blocks[i % blocks.length] as Block, blocks[j % blocks.length] as Block];
        expect(other.size).toBe(blocks.length);
        expect(other.path(from.hash, to.hash)).toEqual(one.path(from.hash, to.hash));
      }),
    );
  });

  it('never holds more than its bound', () => {
    fc.assert(
      fc.property(trees, fc.integer({ min: 1, max: 20 }), (blocks, maxBlocks) => {
        const tree = treeOf(blocks, maxBlocks);
        expect(tree.size).toBeLessThanOrEqual(maxBlocks);
        const kept = blocks.filter((block) => tree.has(block.hash));
        expect(kept.length).toBe(tree.size);
      }),
    );
  });

  it('forgets the lowest blocks first when nobody prunes it', () => {
    const ledger = new FakeLedger();
    ledger.mine(100);
    const blocks = Array.from({ length: 101 }, (_, i) => ledger.ancestor(ledger.head, i) as Block);
    const tree = treeOf(blocks, 10);
    expect(blocks.filter((block) => tree.has(block.hash))).toEqual(blocks.slice(91));
    expect(tree.lowest).toBe(91);
  });

  it('prunes whole heights, also where heights have holes', () => {
    const ledger = new FakeLedger();
    ledger.mine(100);
    const at = (number: number): Block => ledger.ancestor(ledger.head, number) as Block;
    const tree = treeOf([at(5), at(90), at(40), ledger.fork(at(39)), at(91)]);
    tree.pruneBelow(41);
    expect([tree.size, tree.has(at(40).hash), tree.has(at(90).hash)]).toEqual([2, false, true]);
    expect(tree.at(40)).toEqual([]);
    // Between 40 and 90 there is nothing: what is above must stay.
    tree.pruneBelow(60);
    expect([tree.size, tree.has(at(90).hash)]).toEqual([2, true]);
    tree.pruneBelow(1000);
    expect(tree.size).toBe(0);
    tree.add(at(7), {});
    expect([tree.size, tree.at(7)]).toEqual([1, [at(7)]]);
  });

  it('takes a parent at the wrong height for none, so that no ring of blocks holds a walk', () => {
    const block = (hash: string, number: number, parentHash: string): Block => {
      return { hash, number, parentHash, header: '{}' };
    };
    const gap = treeOf([block('0xa', 10, '0x9'), block('0xc', 12, '0xa')]);
    expect(gap.ancestorAt('0xc', 10)).toBeUndefined();
    expect(gap.path('0xa', '0xc')).toBeUndefined();
    // Each block is fine when it comes: the first one's parent is not known yet.
    const ring = treeOf([block('0xa', 10, '0xb'), block('0xb', 11, '0xa'), block('0x5', 5, '0x4')]);
    expect(ring.isAncestor('0x5', '0xb')).toBe(false);
    expect(ring.path('0x5', '0xb')).toBeUndefined();
    expect(ring.path('0xa', '0xb')?.applied.map(({ hash }) => hash)).toEqual(['0xb']);
  });

  it('knows no way between blocks whose link was pruned', () => {
    const ledger = new FakeLedger();
    const one = ledger.fork(ledger.genesis);
    const other = ledger.fork(ledger.genesis);
    const tree = treeOf([ledger.genesis, one, other]);
    expect(tree.path(one.hash, other.hash)?.retracted).toEqual([one]);
    tree.pruneBelow(1);
    expect(tree.path(one.hash, other.hash)).toBeUndefined();
    expect(tree.path(one.hash, one.hash)).toEqual({ retracted: [], applied: [] });
    expect(tree.path('0xunknown', one.hash)).toBeUndefined();
  });

  it('lets a witness who floods it push out its own blocks only', () => {
    const ledger = new FakeLedger();
    const [honest, other, liar] = [{}, {}, {}];
    const tree = new BlockTree({ maxBlocks: 100, maxUnconfirmed: 20 });
    const chain = Array.from({ length: 30 }, () => ledger.mine());
    for (const block of chain) {
      expect(tree.add(block, honest)).toBe(true);
      expect(tree.add(block, other)).toBe(false);
    }
    const lies: Block[] = [];
    for (let n = 0; n < 5_000; n += 1) {
      const hash = `0xlie${n}`;
      lies.push({ number: 2, hash, parentHash: chain[0]!.hash, header: '{}' });
      tree.add(lies[n]!, liar);
    }
    expect(tree.size).toBe(100);
    expect(chain.every(({ hash }) => tree.has(hash))).toBe(true);
    expect(tree.has(lies[0]!.hash)).toBe(false);
    expect(tree.has(lies.at(-1)!.hash)).toBe(true);
    expect(tree.at(2)).toHaveLength(71);
    // The honest chain goes on all the same.
    const next = ledger.mine();
    tree.add(next, honest);
    expect(tree.isAncestor(chain[0]!.hash, next.hash)).toBe(true);
    tree.pruneBelow(next.number + 1);
    expect(tree.size).toBe(0);
  });

  it('forgets the lowest of a single witness that nobody confirms', () => {
    const ledger = new FakeLedger();
    const tree = new BlockTree({ maxBlocks: 10, maxUnconfirmed: 5 });
    const witness = {};
    const chain = Array.from({ length: 25 }, () => ledger.mine());
    for (const block of chain) tree.add(block, witness);
    expect(chain.filter(({ hash }) => tree.has(hash))).toEqual(chain.slice(-10));
    expect(tree.lowest).toBeLessThanOrEqual(chain.at(-10)!.number);
  });
});
