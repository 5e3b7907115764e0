import { methodNames } from './methods.ts';

/**
 * Methods that are enabled together: costly ones, denied by default. In a program:
 * `methods: { enabled: [...methodGroups.debug] }`; in the server's file: `method-groups`.
 */
export const methodGroups = {
  /** Traces and raw data as geth tells them (`debug_*`). */
  debug: methodNames.filter((name) => name.startsWith('debug_')),
  /** Traces as OpenEthereum told them, and Erigon, Nethermind and Reth do (`trace_*`). */
  trace: methodNames.filter((name) => name.startsWith('trace_')),
} as const;
