import type { MethodTraits } from '@dshackle/core';
import { denialOf } from './denied.ts';
import { denied, read } from './rows.ts';

/**
 * A subscription that the table does not know: its notification cannot be told from others, so
 * nothing that it sends could be delivered.
 */
const subscription = /subscribe|watch|follow/i;

/**
 * Reads of the Ethereum interface that chains with Frontier or revive serve on the same socket. Not
 * what sends or signs, nor what makes or empties a filter of one node.
 */
const ethereumRead =
  /^(?:net|web3)_|^eth_(?!accounts|getFilter|new|send|sign|submit|(?:un)?subscribe|uninstall)/;

/**
 * Nothing is known: taken for a read that must not be repeated once it may have been seen, as it
 * could be a submission.
 */
const unknown = read({ idempotent: false });
const unknownDenied = denied(unknown);
const repeatable = read();

/**
 * Traits of a method that has no row in the table: it goes to an upstream that lists it, as it is.
 * @param allowed whether it is served though denied by default
 */
export function traitsBeyondTable(method: string, allowed: boolean): MethodTraits {
  if (ethereumRead.test(method)) return repeatable;
  if (allowed) return unknown;
  return denialOf(method) !== undefined || subscription.test(method) ? unknownDenied : unknown;
}
