import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { NodeProcess } from './node-process.ts';

/** Holds up the event loop: what the operating system does meanwhile is not noticed. */
function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

it('tells a call that its process has died unnoticed, and closes', async () => {
  let exits = 0;
  const node = new NodeProcess({ onEvent() {}, onExit: () => (exits += 1), log() {} });
  await expect(node.call('head', {}, 60_000)).rejects.toThrow(/./);

  process.kill(node.pid, 'SIGKILL');
  holdUp(300);
  await expect(node.call('head', {}, 60_000)).rejects.toThrow('[exited]');

  await node.close();
  // What a failed delivery says comes a turn later.
  await sleep(0);
  expect(exits).toBe(1);
});
