import { BalancerError, TransportError } from '../errors.ts';
import type { TransportState } from './transport.ts';

/** Why a transport that is not open takes no call: what `Transport.request` throws then. */
export function unavailable(upstream: string, state: TransportState): BalancerError {
  if (state.status === 'closed') {
    return new BalancerError('closed', `${upstream}: the transport is closed`);
  }
  const why = state.status === 'waiting' ? state.reason : 'connecting';
  return new TransportError(`${upstream}: not connected: ${why}`, { sent: false });
}
