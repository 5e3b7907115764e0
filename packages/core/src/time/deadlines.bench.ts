import { bench, describe } from 'vitest';
import { systemClock } from './clock.ts';
import { Deadlines } from './deadlines.ts';

// 1,000 calls in flight, each answered long before its deadline of 30 s.
const inFlight = 1_000;
const ignore = (): void => {};

describe('1,000 deadlines set and cancelled', () => {
  const deadlines = new Deadlines(systemClock);
  bench('Deadlines', () => {
    const handles = [];
    for (let i = 0; i < inFlight; i++) handles.push(deadlines.add(30_000, ignore));
    for (const handle of handles) deadlines.cancel(handle);
  });

  bench('Deadlines, the time being known', () => {
    const nowMs = systemClock.now();
    const handles = [];
    for (let i = 0; i < inFlight; i++) handles.push(deadlines.add(30_000, ignore, nowMs));
    for (const handle of handles) deadlines.cancel(handle);
  });

  bench('a timer for each', () => {
    const handles = [];
    for (let i = 0; i < inFlight; i++) handles.push(systemClock.setTimeout(ignore, 30_000));
    for (const handle of handles) systemClock.clearTimeout(handle);
  });
});
