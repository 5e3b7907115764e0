/** Bounds of the JSON-RPC doors. What happens at each of them is in docs/json-rpc.md. */
export interface DoorLimits {
  /** Largest HTTP body and largest WebSocket message, in bytes. @default 10485760 (10 MiB) */
  readonly maxBodyBytes: number;
  /** Most items in one batch. @default 1000 */
  readonly maxBatchItems: number;
  /** Items of one batch that run at the same time. @default 64 */
  readonly batchConcurrency: number;
  /**
   * Largest answer to one batch, in bytes of its items; the items beyond get an error each.
   * @default 67108864 (64 MiB)
   */
  readonly maxBatchResponseBytes: number;
  /** Open sockets of both kinds together; one more is hung up on. @default 10000 */
  readonly maxConnections: number;
  /** Unanswered calls on one WebSocket connection, batch items counted singly. @default 1024 */
  readonly maxCallsPerConnection: number;
  /** Subscriptions on one WebSocket connection. @default 1024 */
  readonly maxSubscriptionsPerConnection: number;
  /**
   * Bytes waiting for a slow WebSocket client before a notification closes its connection; an
   * answer does so at four times as many. Reading from it stops at a quarter of this.
   * @default 16777216 (16 MiB)
   */
  readonly maxBufferedBytes: number;
}

/** The defaults of {@link DoorLimits}. */
export const defaultDoorLimits: DoorLimits = {
  maxBodyBytes: 10 * 1024 * 1024,
  maxBatchItems: 1000,
  batchConcurrency: 64,
  maxBatchResponseBytes: 64 * 1024 * 1024,
  maxConnections: 10_000,
  maxCallsPerConnection: 1024,
  maxSubscriptionsPerConnection: 1024,
  maxBufferedBytes: 16 * 1024 * 1024,
};
