import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import type { Random } from '../time/clock.ts';
import { CircuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.ts';

function setUp(options: CircuitBreakerOptions & { readonly random?: Random } = {}) {
  const clock = new FakeClock();
  const breaker = new CircuitBreaker({ clock, random: () => 0, ...options });
  const fail = (times: number) => {
    for (let i = 0; i < times; i++) breaker.failure(breaker.tryAcquire());
  };
  const succeed = (times: number) => {
    for (let i = 0; i < times; i++) breaker.success(breaker.tryAcquire());
  };
  return { clock, breaker, fail, succeed };
}

describe('CircuitBreaker', () => {
  it('opens after five failures in a row and says until when', () => {
    const { breaker, fail } = setUp();
    fail(4);
    expect(breaker.state).toEqual({ status: 'closed', consecutiveFailures: 4 });
    expect(breaker.allows()).toBe(true);
    fail(1);
    expect(breaker.state).toEqual({ status: 'open', openedAtMs: 0, retryAtMs: 1_000, trips: 1 });
    expect(breaker.allows()).toBe(false);
    expect(breaker.tryAcquire()).toBe(0);
  });

  it('starts counting anew after a success', () => {
    const { breaker, fail, succeed } = setUp({ minCalls: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 10; i++) {
      fail(4);
      succeed(1);
    }
    expect(breaker.state.status).toBe('closed');
  });

  it('opens when too few calls of the window succeed, but not on fewer than twenty', () => {
    const { breaker, fail, succeed } = setUp();
    for (let i = 0; i < 6; i++) {
      fail(2);
      succeed(1);
    }
    fail(1);
    expect(breaker.state.status).toBe('closed');
    fail(1);
    expect(breaker.state.status).toBe('open');
  });

  it('forgets failures older than the window', async () => {
    const { clock, breaker, fail, succeed } = setUp();
    for (let i = 0; i < 6; i++) {
      fail(2);
      succeed(1);
    }
    await clock.advance(30_000);
    fail(4);
    expect(breaker.state.status).toBe('closed');
  });

  it('does not hold old failures against an upstream that is back', async () => {
    const { clock, breaker, fail, succeed } = setUp({ consecutiveFailures: 100 });
    fail(20);
    expect(breaker.state.status).toBe('open');
    await clock.advance(1_000);
    succeed(1);
    fail(19);
    expect(breaker.state.status).toBe('closed');
  });

  it('lets one trial through when its time is over, and closes when that goes well', async () => {
    const { clock, breaker, fail } = setUp();
    fail(5);
    await clock.advance(999);
    expect(breaker.allows()).toBe(false);
    await clock.advance(1);
    expect(breaker.state).toEqual({ status: 'half-open', trialOut: false, successes: 0 });
    expect(breaker.allows()).toBe(true);
    const trial = breaker.tryAcquire();
    expect(trial).toBeTruthy();
    expect(breaker.allows()).toBe(false);
    expect(breaker.tryAcquire()).toBe(0);
    breaker.success(trial);
    expect(breaker.state).toEqual({ status: 'closed', consecutiveFailures: 0 });
    fail(4);
    expect(breaker.state.status).toBe('closed');
  });

  it('stays open twice as long each time a trial fails, up to the maximum', async () => {
    const { clock, breaker, fail } = setUp();
    fail(5);
    const openTimes: number[] = [];
    for (let i = 0; i < 7; i++) {
      const state = breaker.state;
      if (state.status !== 'open') throw new Error(state.status);
      openTimes.push(state.retryAtMs - state.openedAtMs);
      await clock.advance(state.retryAtMs - clock.now());
      fail(1);
    }
    expect(openTimes).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('remembers trips when it closed only for a moment, and forgets them in time', async () => {
    const { clock, breaker, fail, succeed } = setUp();
    fail(5);
    await clock.advance(1_000);
    succeed(1);
    fail(5);
    expect(breaker.state).toMatchObject({ status: 'open', trips: 2 });
    await clock.advance(2_000);
    succeed(1);
    await clock.advance(30_000);
    fail(5);
    expect(breaker.state).toMatchObject({ status: 'open', trips: 1 });
  });

  it('wants as many good trials in a row as configured', async () => {
    const { clock, breaker, fail, succeed } = setUp({ halfOpenSuccesses: 3 });
    fail(5);
    await clock.advance(1_000);
    succeed(2);
    expect(breaker.state).toEqual({ status: 'half-open', trialOut: false, successes: 2 });
    fail(1);
    expect(breaker.state.status).toBe('open');
    await clock.advance(2_000);
    succeed(2);
    expect(breaker.state.status).toBe('half-open');
    succeed(1);
    expect(breaker.state.status).toBe('closed');
  });

  it('neither closes nor counts twice for calls that began before it opened', async () => {
    const { clock, breaker, fail } = setUp();
    const early = [breaker.tryAcquire(), breaker.tryAcquire(), breaker.tryAcquire()] as const;
    fail(5);
    breaker.success(early[0]);
    breaker.failure(early[1]);
    expect(breaker.state).toMatchObject({ status: 'open', trips: 1 });
    await clock.advance(1_000);
    const trial = breaker.tryAcquire();
    breaker.success(early[0]);
    expect(breaker.state).toMatchObject({ status: 'half-open', trialOut: true });
    breaker.failure(early[1]);
    expect(breaker.state).toMatchObject({ status: 'half-open', trialOut: true });
    breaker.success(trial);
    for (let i = 0; i < 10; i++) breaker.failure(early[2]);
    expect(breaker.state).toEqual({ status: 'closed', consecutiveFailures: 0 });
  });

  it('counts the verdict of a trial once', async () => {
    const { clock, breaker, fail } = setUp({ halfOpenSuccesses: 2 });
    fail(5);
    await clock.advance(1_000);
    const trial = breaker.tryAcquire();
    breaker.success(trial);
    breaker.success(trial);
    breaker.failure(trial);
    expect(breaker.state).toEqual({ status: 'half-open', trialOut: false, successes: 1 });
  });

  it('lets another trial through when one was released or never came back', async () => {
    const { clock, breaker, fail } = setUp();
    fail(5);
    await clock.advance(1_000);
    breaker.release(breaker.tryAcquire());
    const lost = breaker.tryAcquire();
    expect(lost).toBeTruthy();
    await clock.advance(29_999);
    expect(breaker.allows()).toBe(false);
    await clock.advance(1);
    const next = breaker.tryAcquire();
    expect(next).toBeTruthy();
    breaker.success(lost);
    expect(breaker.state.status).toBe('half-open');
    breaker.success(next);
    expect(breaker.state.status).toBe('closed');
  });

  it('changes nothing when it is only looked at', async () => {
    const { clock, breaker, fail } = setUp();
    fail(5);
    await clock.advance(1_000);
    for (let i = 0; i < 3; i++) {
      expect(breaker.allows()).toBe(true);
      expect(breaker.state).toMatchObject({ status: 'half-open', trialOut: false });
    }
  });

  it('spreads the end of its open time, never past the maximum', () => {
    const random = seededRandom(1);
    const ends = new Set<number>();
    for (let i = 0; i < 50; i++) {
      const { breaker, fail } = setUp({ random });
      fail(5);
      const state = breaker.state;
      if (state.status !== 'open') throw new Error(state.status);
      expect(state.retryAtMs).toBeGreaterThan(800 - 1e-9);
      expect(state.retryAtMs).toBeLessThanOrEqual(1_000);
      ends.add(state.retryAtMs);
    }
    expect(ends.size).toBeGreaterThan(40);
  });

  it('tells of every change and needs no timer', async () => {
    const seen: string[] = [];
    const { clock, breaker, fail, succeed } = setUp({
      onState: (state) => seen.push(state.status),
    });
    fail(5);
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(1_000);
    fail(1);
    await clock.advance(2_000);
    succeed(1);
    expect(breaker.state.status).toBe('closed');
    expect(seen).toEqual(['open', 'half-open', 'open', 'half-open', 'closed']);
  });

  it('can do without either rule', () => {
    const never = Number.POSITIVE_INFINITY;
    const noRun = setUp({ consecutiveFailures: never });
    noRun.fail(19);
    expect(noRun.breaker.state.status).toBe('closed');
    noRun.fail(1);
    expect(noRun.breaker.state.status).toBe('open');
    const noRatio = setUp({ consecutiveFailures: never, minSuccessRatio: 0 });
    noRatio.fail(1_000);
    expect(noRatio.breaker.state.status).toBe('closed');
  });
});
