import { spawn } from 'node:child_process';

/** Kills a stopped process should this one die. */
export interface FreezeGuard {
  /** The process runs again or is dead: nothing left to guard. */
  dismiss(): void;
}

/**
 * A node notices its parent's death by its IPC channel, but a stopped one notices nothing and
 * would stay for ever. So while it is stopped a shell waits at the other end of a pipe: the pipe
 * ends with this process, however that ended, and the shell kills the node.
 */
export function startFreezeGuard(pid: number): FreezeGuard {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -KILL "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of the terminal's process group: Ctrl-C must not end the guard before its time.
    detached: true,
  });
  // Without a shell there is no guard, and freezing still works.
  guard.on('error', () => {});
  guard.unref();
  return { dismiss: () => guard.kill('SIGKILL') };
}
