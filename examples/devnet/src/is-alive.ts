import { readFileSync } from 'node:fs';

/** True while that process runs or is stopped; a zombie, which nobody has buried, is dead. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // pid (name) state …: proc_pid_stat(5). The name may hold anything, also brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    // Gone meanwhile, or a system without /proc, which has no better answer.
    return process.platform !== 'linux';
  }
}
