import type { Balancer } from '@dshackle/core';

/** Tells an engine from options for one. */
export function isBalancer(source: object): source is Balancer {
  return 'forward' in source;
}
