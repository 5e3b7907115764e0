import type { Balancer } from '@dshackle/core';
import type { Logger } from './logger.ts';

/** Says in the log what becomes of a balancer's upstreams. */
export function logBalancer(balancer: Balancer, log: Logger): void {
  const chain = balancer.chain.id;
  balancer.on('upstream', ({ upstream, serving, reason }) => {
    if (serving) log.info('upstream serves', { chain, upstream });
    else log.warn('upstream does not serve', { chain, upstream, reason });
  });
  balancer.on('unreachable', ({ upstream, reason }) => {
    log.warn('upstream cannot be reached', { chain, upstream, reason });
  });
  balancer.on('thrown', ({ where, error }) => {
    log.error('a function threw', { chain, where, error });
  });
  balancer.on('availability', ({ available }) => {
    if (available) log.info('chain can be served', { chain });
    else log.error('chain cannot be served: no upstream is fit', { chain });
  });
  balancer.on('stalled', ({ best, forMs }) => {
    log.warn('no new block', { chain, best: best.number, forMs: Math.round(forMs) });
  });
  balancer.on('resumed', ({ best }) => log.info('new blocks again', { chain, best: best.number }));
  balancer.on('finalityViolation', ({ held, taken }) => {
    log.error('upstreams contradict a final block', { chain, held: held.hash, taken: taken.hash });
  });
}
