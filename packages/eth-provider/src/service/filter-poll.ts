import type { RawJson, Session } from '@dshackle/core';

/** What one filter has to tell. */
export interface FilterPoll {
  /**
   * The text of each item since the last time. What fails tells nothing, and the next time tells it all.
   *
   * @throws FilterLost when there can be no next time
   */
  changes(client: Session | undefined): Promise<readonly RawJson[]>;
  /** What `eth_getFilterLogs` asks for. Absent: it is no filter of logs. */
  readonly query?: unknown;
  close(): void;
}

/** What the filter told cannot be made good: it is gone, and its client makes another one. */
export class FilterLost extends Error {
  override readonly name = 'FilterLost';
}
