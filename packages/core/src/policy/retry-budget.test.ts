import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.ts';

function setUp(options: RetryBudgetOptions = {}) {
  const clock = new FakeClock();
  const budget = new RetryBudget({ clock, ...options });
  const deposit = (times: number) => {
    for (let i = 0; i < times; i++) budget.deposit();
  };
  const withdrawAll = () => {
    let count = 0;
    while (budget.withdraw()) count++;
    return count;
  };
  return { clock, budget, deposit, withdrawAll };
}

describe('RetryBudget', () => {
  it('allows one retry for five requests', () => {
    const { budget, deposit, withdrawAll } = setUp({ minPerSecond: 0 });
    expect(budget.withdraw()).toBe(false);
    deposit(4);
    expect([budget.balance, budget.withdraw()]).toEqual([0, false]);
    deposit(1);
    expect(budget.balance).toBe(1);
    expect(withdrawAll()).toBe(1);
    deposit(1_000);
    expect(withdrawAll()).toBe(200);
  });

  it('allows ten retries a second to those who make hardly any requests', async () => {
    const { clock, withdrawAll } = setUp();
    expect(withdrawAll()).toBe(100);
    expect(withdrawAll()).toBe(0);
    await clock.advance(10_000);
    expect(withdrawAll()).toBe(100);
  });

  it('adds a fifth and the reserve to the load when every request fails, and no more', async () => {
    const { clock, budget } = setUp();
    let retries = 0;
    for (let i = 0; i < 60_000; i++) {
      budget.deposit();
      if (budget.withdraw()) retries++;
      await clock.advance(i % 10 === 0 ? 10 : 0);
    }
    // 60 s at 1,000 requests a second: 12,000 for the ratio, 600 for the reserve, one window of slack.
    expect(retries).toBeGreaterThan(12_000);
    expect(retries).toBeLessThan(12_000 + 600 + 2_100);
  });

  it('saves up no more than one window', async () => {
    const { clock, deposit, budget } = setUp({ minPerSecond: 0 });
    for (let second = 0; second < 100; second++) {
      deposit(50);
      await clock.advance(1_000);
    }
    expect(budget.balance).toBeGreaterThanOrEqual(90);
    expect(budget.balance).toBeLessThanOrEqual(100);
  });

  it('forgets deposits after their time', async () => {
    const { clock, deposit, budget } = setUp({ minPerSecond: 0 });
    deposit(50);
    await clock.advance(9_999);
    expect(budget.balance).toBe(10);
    await clock.advance(1);
    expect(budget.balance).toBe(0);
    deposit(50);
    await clock.advance(15_000);
    expect(budget.balance).toBe(0);
    deposit(50);
    await clock.advance(3_600_000);
    expect(budget.balance).toBe(0);
  });

  it('never says a negative balance when deposits fade before what they paid for', async () => {
    const { clock, deposit, budget, withdrawAll } = setUp({ minPerSecond: 0 });
    deposit(50);
    await clock.advance(5_000);
    expect(withdrawAll()).toBe(10);
    await clock.advance(5_000);
    expect([budget.balance, budget.withdraw()]).toEqual([0, false]);
    await clock.advance(5_000);
    deposit(5);
    expect(budget.balance).toBe(1);
  });
});
