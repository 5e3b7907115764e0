import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/index.ts';
import { Deadlines } from '../time/deadlines.ts';
import { SilenceWatchdog } from './silence-watchdog.ts';

function watched(learns: boolean) {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const barks: number[] = [];
  const watchdog = new SilenceWatchdog({
    clock,
    deadlines,
    patienceMs: 60_000,
    learns,
    // Deadlines may be a little late.
    onSilence: () => barks.push(Math.round(clock.now() / 10_000)),
  });
  return { clock, deadlines, watchdog, barks };
}

describe('a watchdog', () => {
  it('barks after each stretch of silence, and not while something is heard', async () => {
    const { clock, watchdog, barks } = watched(false);
    for (let i = 0; i < 5; i += 1) {
      await clock.advance(50_000);
      watchdog.heard();
    }
    expect(barks).toEqual([]);
    await clock.advance(185_000);
    expect(barks).toEqual([31, 37, 43]);
  });

  it('learns how long silence usually lasts', async () => {
    const { clock, watchdog, barks } = watched(true);
    await clock.advance(50_000);
    watchdog.heard();
    await clock.advance(190_000);
    expect(barks).toEqual([]);
    await clock.advance(20_000);
    expect(barks).toHaveLength(1);
  });

  it('is ever more patient when it barks for nothing, until something is heard', async () => {
    const { clock, watchdog, barks } = watched(true);
    await clock.advance(450_000);
    expect(barks).toEqual([6, 18, 42]);
    watchdog.heard();
    await clock.advance(210_000);
    expect(barks).toHaveLength(4);
  });

  it('begins anew when it is restarted, and ends when it is closed', async () => {
    const { clock, deadlines, watchdog, barks } = watched(false);
    await clock.advance(50_000);
    watchdog.restart();
    await clock.advance(50_000);
    expect(barks).toEqual([]);
    watchdog.close();
    watchdog.close();
    await clock.advance(200_000);
    expect([barks, deadlines.size]).toEqual([[], 0]);
    deadlines.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
