import type { Emitter } from './emitter.ts';
import type { BalancerEvents } from './events.ts';

/** Told what a function of the application's has thrown, and which function that was. */
export type ThrownReport = (error: unknown, where: string) => void;

/**
 * Tells of what functions of the application's throw, such as listeners and subscribers: as the event
 * `thrown`, or on the console while nobody listens to that. One broken listener must not end the process
 * that serves everybody else, nor be overlooked.
 */
export function thrownReport(events: () => Emitter<BalancerEvents>): ThrownReport {
  return (error, where) => {
    // A listener that cannot even hear of this.
    const isOwn = where === listenerOf('thrown');
    if (!isOwn && events().has('thrown')) events().emit('thrown', { where, error });
    else console.error(`dshackle: ${where} threw:`, error);
  };
}

/** What a listener is called in reports. */
export function listenerOf(event: string): string {
  return `a listener of '${event}'`;
}
