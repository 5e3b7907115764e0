import type { BalancerOptions, Role } from '@dshackle/core';

/** One node as this application's operators write it down. */
export interface NodeEntry {
  readonly id: string;
  readonly transport: NonNullable<
    Exclude<BalancerOptions['upstreams'][number], string>
  >['transport'];
  readonly paid?: boolean;
  readonly archive?: boolean;
}

/**
 * This application's routing policy: our own nodes first, paid providers only when none of ours can
 * answer, and a label by which history is read from archive nodes.
 */
export function upstreamsOf(nodes: readonly NodeEntry[]): BalancerOptions['upstreams'] {
  return nodes.map(({ id, transport, paid = false, archive = false }) => ({
    id,
    transport,
    role: (paid ? 'fallback' : 'primary') satisfies Role,
    ...(archive && { labels: { archive: 'true' } }),
  }));
}
