import { describe, expect, it } from 'vitest';
import { finalityLag, Schedule } from './schedule.mjs';

describe('Schedule', () => {
  const schedule = new Schedule(1000, 200);

  it('has a block as the best one from its time until the next', () => {
    const number = schedule.best(1000) + 7;
    const atMs = schedule.bestAtMs(number);
    expect(schedule.best(atMs)).toBe(number);
    expect(schedule.best(atMs + 199)).toBe(number);
    expect(schedule.best(atMs - 1)).toBe(number - 1);
  });

  it('has a block as the final one from its time until the next', () => {
    const number = schedule.final(2000) + 7;
    const atMs = schedule.finalAtMs(number);
    expect(schedule.final(atMs)).toBe(number);
    expect(schedule.final(atMs + 199)).toBe(number);
    expect(schedule.final(atMs - 1)).toBe(number - 1);
  });

  it('keeps finality between two heads, so that their notifications do not overlap', () => {
    const number = schedule.best(1000) + 7;
    expect(schedule.finalAtMs(number)).toBe(schedule.bestAtMs(number + finalityLag) + 100);
  });
});
