import { expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { Backoff } from './backoff.ts';
import { Reconnect } from './reconnect.ts';

/** With a backoff that is at 4 s and at 10 s in the second and third delay. */
function reconnect() {
  const clock = new FakeClock();
  const tries: number[] = [];
  const backoff = new Backoff(() => 0.5, { initialMs: 800, maxMs: 20_000, factor: 10 });
  const waiting = new Reconnect(clock, backoff, () => tries.push(clock.now()));
  return { clock, tries, waiting };
}

it('tries after delays that grow, and short ones after a reset', async () => {
  const { clock, tries, waiting } = reconnect();
  for (const at of [400, 4_000, 10_000]) {
    expect(waiting.wait() - clock.now()).toBe(at);
    await clock.advance(at);
  }
  waiting.reset();
  expect(waiting.wait() - clock.now()).toBe(400);
  waiting.cancel();
  await clock.advance(60_000);
  expect(tries).toEqual([400, 4_400, 14_400]);
  expect(clock.pendingTimers).toBe(0);
});

it('tries sooner when asked to, but not at once after it failed, and once', async () => {
  const { clock, tries, waiting } = reconnect();
  waiting.wait();
  // It is soon enough as it is.
  expect(waiting.hurry()).toBeUndefined();
  await clock.advance(400);
  waiting.wait();
  expect(waiting.hurry()).toBe(400 + 1_200);
  expect(waiting.hurry()).toBeUndefined();
  await clock.advance(1_200);
  waiting.wait();
  await clock.advance(5_000);
  expect(waiting.hurry()).toBe(clock.now());
  await clock.advance(60_000);
  expect(tries).toEqual([400, 1_600, 6_600]);
});

it('stays away for as long as it was asked to, whoever asks it to hurry', async () => {
  const { clock, tries, waiting } = reconnect();
  expect(waiting.wait(30_000)).toBe(30_400);
  expect(waiting.hurry()).toBeUndefined();
  await clock.advance(30_399);
  expect(tries).toEqual([]);
  await clock.advance(1);
  expect(tries).toEqual([30_400]);
});
