import { describe, expect, it } from 'vitest';
import type { Block } from '../chain/chain.ts';
import { FakeClock, FakeLedger } from '../testing/index.ts';
import { UpstreamState } from '../upstream/state.ts';
import { ChainHead } from './chain-head.ts';

function pool(size: number) {
  const ledger = new FakeLedger();
  ledger.mine(40);
  const head = new ChainHead({ clock: new FakeClock(), blockTimeMs: 6000 });
  const states = Array.from({ length: size }, () => new UpstreamState());
  states.forEach((state, i) => {
    state.voting = true;
    head.join(String(i), state);
  });
  const at = (number: number): Block => ledger.ancestor(ledger.head, number) as Block;
  return {
    head,
    ledger,
    states,
    at,
    /** All upstreams have these blocks. */
    know(from: number, to: number): void {
      for (const state of states) {
        for (let number = from; number <= to; number += 1) head.report(state, at(number), true);
      }
    },
    safe(block: Block, ...who: number[]): void {
      for (const i of who) head.reportSafe(states[i] as UpstreamState, block);
    },
  };
}

describe('the safe head', () => {
  it('is the highest block that a quorum calls safe', () => {
    const { head, know, safe, at } = pool(3);
    know(1, 20);
    safe(at(10), 0);
    expect(head.safe).toBeUndefined();
    safe(at(12), 1);
    expect(head.safe?.number).toBe(10);
    safe(at(14), 2);
    expect(head.safe?.number).toBe(12);
  });

  it('is believed of a single upstream, and does not go back', () => {
    const { head, know, safe, at } = pool(1);
    know(1, 20);
    safe(at(12), 0);
    expect(head.safe?.number).toBe(12);
    safe(at(10), 0);
    expect(head.safe?.number).toBe(12);
  });

  it('is never below the finalized one, nor off the best chain', () => {
    const { head, know, safe, at, ledger, states } = pool(1);
    know(1, 20);
    const [state] = states as [UpstreamState];
    head.reportFinalized(state, at(8));
    expect(head.safe?.number).toBe(8);
    const fork = ledger.fork(at(19));
    head.report(state, fork, false);
    safe(fork, 0);
    expect(head.safe?.number).toBe(8);
    safe(at(12), 0);
    expect(head.safe?.number).toBe(12);
  });

  it('leaves what a reorganisation took back', () => {
    const { head, know, safe, at, ledger, states } = pool(1);
    know(1, 20);
    const [state] = states as [UpstreamState];
    safe(at(18), 0);
    let branch = ledger.fork(at(15));
    head.report(state, branch, false);
    while (branch.number < 21) {
      branch = ledger.fork(branch);
      head.report(state, branch, true);
    }
    expect(head.best?.hash).toBe(branch.hash);
    expect(head.safe).toBeUndefined();
  });

  it('is not what a block says whose height does not follow from its parent', () => {
    const { head, know, safe, at } = pool(1);
    know(1, 20);
    safe({ ...at(12), number: 14 }, 0);
    expect(head.safe).toBeUndefined();
  });
});
