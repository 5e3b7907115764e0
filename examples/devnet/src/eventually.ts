import { expect } from 'vitest';

/** `expect.poll` with patience for a busy machine: what is to come comes within this time. */
export const eventually: typeof expect.poll = (read, options) =>
  expect.poll(read, { timeout: 20_000, ...options });
