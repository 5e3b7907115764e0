import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { OutlierDetection, type OutlierDetectionOptions } from './outlier-detection.ts';

function setUp(size: number, options: OutlierDetectionOptions = {}) {
  const clock = new FakeClock();
  const events: string[] = [];
  const detection = new OutlierDetection({
    clock,
    onEject: ({ id, count }) => events.push(`${clock.now() / 1_000}s ${id} out ${count}`),
    onReturn: (id) => events.push(`${clock.now() / 1_000}s ${id} in`),
    ...options,
  });
  const ids = Array.from({ length: size }, (_, index) => `u${index + 1}`);
  for (const id of ids) detection.add(id);
  /** One interval in which the upstreams named fail always and the rest, unless out, never. */
  const interval = async (...failing: string[]) => {
    for (const id of ids) {
      if (detection.isEjected(id)) continue;
      for (let call = 0; call < 100; call++) detection.record(id, !failing.includes(id));
    }
    await clock.advance(10_000);
  };
  const out = () => ids.filter((id) => detection.isEjected(id));
  return { clock, detection, events, ids, interval, out };
}

describe('OutlierDetection', () => {
  it('ejects the one that fails while others do well, and takes it back by itself', async () => {
    const { events, interval, out } = setUp(5);
    await interval('u3');
    expect(out()).toEqual(['u3']);
    for (let i = 0; i < 3; i++) await interval();
    expect(out()).toEqual([]);
    expect(events).toEqual(['10s u3 out 1', '40s u3 in']);
  });

  it('judges nobody where all fail', async () => {
    const { ids, interval, out } = setUp(5);
    await interval(...ids);
    expect(out()).toEqual([]);
  });

  it('judges nobody before the interval is over', async () => {
    const { clock, detection, ids, out } = setUp(5);
    for (const id of ids) {
      for (let call = 0; call < 100; call++) detection.record(id, id !== 'u1');
    }
    await clock.advance(9_999);
    expect(out()).toEqual([]);
    await clock.advance(1);
    expect(out()).toEqual(['u1']);
  });

  it('starts counting anew at each judgement', async () => {
    const { clock, detection, ids, out } = setUp(5);
    for (let round = 0; round < 3; round++) {
      for (const id of ids) {
        for (let call = 0; call < 99; call++) detection.record(id, id !== 'u1');
      }
      await clock.advance(10_000);
    }
    expect(out()).toEqual([]);
  });

  it('ejects for longer each time in a row, up to the maximum', async () => {
    const { detection, clock, interval } = setUp(5, { maxEjectionMs: 100_000 });
    const lengths: number[] = [];
    for (let round = 0; round < 5; round++) {
      while (!detection.isEjected('u2')) await interval('u2');
      const ejection = detection.snapshot().find(({ id }) => id === 'u2')?.ejection;
      lengths.push(ejection!.untilMs - clock.now());
      while (detection.isEjected('u2')) await interval('u2');
    }
    expect(lengths).toEqual([30_000, 60_000, 90_000, 100_000, 100_000]);
  });

  it('forgets one ejection with each interval that went well', async () => {
    const { events, interval } = setUp(5);
    await interval('u2');
    for (let i = 0; i < 3; i++) await interval();
    await interval('u2');
    for (let i = 0; i < 6; i++) await interval();
    await interval();
    await interval('u2');
    expect(events).toEqual([
      '10s u2 out 1',
      '40s u2 in',
      '50s u2 out 2',
      '110s u2 in',
      '130s u2 out 2',
    ]);
  });

  it('takes out no more of the pool than allowed, the worst first', async () => {
    const { detection, clock, ids, out } = setUp(20, { maxEjectionRatio: 0.1 });
    const successes: Record<string, number> = { u1: 30, u2: 10, u3: 20 };
    for (const id of ids) {
      for (let call = 0; call < 100; call++) detection.record(id, call < (successes[id] ?? 100));
    }
    await clock.advance(10_000);
    expect(out()).toEqual(['u2', 'u3']);
  });

  it('ejects one where the ratio allows less than one, and none where it is 0', async () => {
    const small = setUp(5, { maxEjectionRatio: 0.1 });
    await small.interval('u1');
    expect(small.out()).toEqual(['u1']);
    const off = setUp(5, { maxEjectionRatio: 0 });
    await off.interval('u1');
    expect(off.out()).toEqual([]);
  });

  it('never ejects the last, whatever the options say', async () => {
    const greedy = { minUpstreams: 1, stdevFactor: -10, acceptableRatio: 2, maxEjectionRatio: 1 };
    const { interval, out } = setUp(3, greedy);
    await interval('u1');
    expect(out()).toHaveLength(2);
    const alone = setUp(1, greedy);
    await alone.interval('u1');
    expect(alone.out()).toEqual([]);
  });

  it('brings one back when only ejected ones remain in the pool', async () => {
    const { detection, events, interval, out } = setUp(6);
    await interval('u1');
    await interval('u2');
    expect(out()).toEqual(['u1', 'u2']);
    for (const id of ['u3', 'u4', 'u5', 'u6']) detection.remove(id);
    expect(out()).toEqual(['u2']);
    expect(events.at(-1)).toBe('20s u1 in');
    detection.remove('u1');
    expect(out()).toEqual([]);
  });

  it('forgets an upstream that was removed, and late records of it', async () => {
    const { detection, events, interval, out } = setUp(5, { maxEjectionRatio: 0.2 });
    await interval('u1');
    detection.remove('u1');
    detection.remove('u1');
    detection.record('u1', false);
    expect(out()).toEqual([]);
    expect(detection.snapshot().map(({ id }) => id)).toEqual(['u2', 'u3', 'u4', 'u5']);
    detection.add('u1');
    await interval('u1');
    expect(out()).toEqual(['u1']);
    expect(events).toEqual(['10s u1 out 1', '20s u1 out 1']);
  });

  it('tells what it knows', async () => {
    const { detection, interval } = setUp(5);
    await interval('u5');
    detection.record('u1', true);
    detection.record('u1', false);
    const [first, , , , last] = detection.snapshot();
    expect(first).toEqual({ id: 'u1', calls: 2, successes: 1, ejection: undefined });
    expect(last?.ejection).toMatchObject({ id: 'u5', untilMs: 40_000, count: 1, successRatio: 0 });
    expect(last?.ejection?.threshold).toBeCloseTo(0.8 - 1.9 * 0.4, 9);
  });

  it('leaves no timer when closed, also by its own listener', async () => {
    const { clock, detection } = setUp(5);
    expect(clock.pendingTimers).toBe(1);
    detection.close();
    expect(clock.pendingTimers).toBe(0);
    const own = setUp(5, { onEject: () => own.detection.close() });
    await own.interval('u1');
    expect(own.clock.pendingTimers).toBe(0);
  });
});
