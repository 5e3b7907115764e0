import { describe, expect, it } from 'vitest';
import { CallWindow } from './call-window.ts';

describe('CallWindow', () => {
  it('counts calls and failures and forgets them slice by slice', () => {
    const window = new CallWindow(1_000);
    window.record(false, 0);
    window.record(true, 500);
    window.record(true, 999);
    expect([window.calls, window.successRatio]).toEqual([3, 1 - 1 / 3]);
    window.moveTo(1_000);
    expect([window.calls, window.successRatio]).toEqual([2, 1]);
    window.moveTo(1_550);
    expect(window.calls).toBe(1);
  });

  it('says 1 when there was no call', () => {
    expect(new CallWindow(1_000).successRatio).toBe(1);
  });

  it('is empty after a long silence', () => {
    const window = new CallWindow(1_000);
    for (let i = 0; i < 100; i++) window.record(false, i * 10);
    expect(window.calls).toBe(100);
    window.record(true, 1_000_000);
    expect([window.calls, window.successRatio]).toEqual([1, 1]);
  });

  it('agrees with a plain list of calls', () => {
    const window = new CallWindow(1_000);
    const calls: { slice: number; ok: boolean }[] = [];
    for (let i = 0; i < 5_000; i++) {
      const nowMs = i * 7 + (i % 97) * 3;
      const last = calls.at(-1)?.slice ?? 0;
      const slice = Math.max(last, Math.floor(nowMs / 100));
      const ok = i % 3 !== 0;
      calls.push({ slice, ok });
      window.record(ok, nowMs);
      const live = calls.filter((call) => slice - call.slice < 10);
      expect(window.calls).toBe(live.length);
      expect(window.successRatio).toBeCloseTo(live.filter((c) => c.ok).length / live.length, 9);
    }
  });
});
