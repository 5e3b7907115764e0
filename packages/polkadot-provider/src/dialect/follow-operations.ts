import { type RawJson, type Reply, type Transport, TransportError } from '@dshackle/core';
import type { Budget } from './budget.ts';
import { failedCall, notNow, Refusal, unknownBlock } from './refusal.ts';

/** Operations at the same time: what the interface specification grants to every follow. */
const maxRunning = 16;
/** Calls that may wait for one; further ones go elsewhere. */
const maxWaiting = 1024;

/** An event of one operation. */
export type OperationEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

/** Takes an event; `true` when no more is wanted. */
type Take = (event: OperationEvent) => boolean;

interface Running {
  readonly take: (event: OperationEvent) => void;
  readonly fail: (error: unknown) => void;
}

/** The operations of one follow at one node: as many as it grants at once, the others in line. */
export class FollowOperations {
  readonly #node: Transport;
  readonly #followId: () => RawJson | undefined;
  readonly #running = new Map<string, Running>();
  readonly #failing = new Set<(error: unknown) => void>();
  readonly #line: (() => void)[] = [];
  #taken = 0;
  #closed: string | undefined;

  constructor(node: Transport, followId: () => RawJson | undefined) {
    this.#node = node;
    this.#followId = followId;
  }

  /** True when the event was one of an operation's. */
  hear(event: object): boolean {
    const operationId = 'operationId' in event ? event.operationId : undefined;
    if (operationId === undefined) return false;
    // One that nobody waits for has been given up.
    this.#running.get(String(operationId))?.take(event as OperationEvent);
    return true;
  }

  /** Ends all: they fail so that another node is asked. */
  close(reason: string): void {
    this.#closed = reason;
    for (const fail of [...this.#failing]) fail(new TransportError(reason, { sent: true }));
    for (const go of this.#line.splice(0)) go();
  }

  /**
   * Runs one on a pinned block, with the params behind the follow's id, until `take` wants no more or
   * its last event came.
   *
   * @throws Refusal when the node declines it or cannot carry it out
   * @throws BalancerError when no answer came
   */
  async run(
    method: string,
    [hash, ...params]: readonly [string, ...unknown[]],
    budget: Budget,
    take: Take,
  ): Promise<void> {
    await this.#turn(budget);
    let operationId: string | undefined;
    let isDone = false;
    try {
      await budget.wait(method, (resolve, reject) => {
        const followId = this.#followId();
        if (this.#closed !== undefined || followId === undefined) {
          reject(new TransportError(this.#closed ?? 'not following', { sent: false }));
          return () => {};
        }
        let over = false;
        const onStarted = (reply: Reply): void => {
          if (reply.kind === 'error') {
            // -32801: not pinned, or no longer.
            reject(reply.error.code === -32_801 ? unknownBlock(hash) : new Refusal(reply));
            return;
          }
          const started = JSON.parse(reply.result) as { result?: string; operationId?: string };
          if (started.result !== 'started' || started.operationId === undefined) {
            reject(notNow('the node takes no more operations now'));
            return;
          }
          operationId = started.operationId;
          if (over) {
            this.#stop(operationId);
            return;
          }
          this.#running.set(operationId, {
            fail: reject,
            take: (event) => {
              try {
                isDone = this.#take(event, hash, take);
                if (isDone) resolve();
              } catch (error) {
                isDone = event.event !== 'operationWaitingForContinue';
                reject(error);
              }
            },
          });
        };
        this.#failing.add(reject);
        const text = JSON.stringify([hash, ...params]);
        this.#node.send(method, `[${followId},${text.slice(1)}`, budget.options.timeoutMs, {
          onReply: (reply) => {
            try {
              onStarted(reply);
            } catch (error) {
              reject(error);
            }
          },
          onFail: reject,
        });
        return () => {
          over = true;
          this.#failing.delete(reject);
        };
      });
    } finally {
      if (operationId !== undefined) {
        this.#running.delete(operationId);
        if (!isDone) this.#stop(operationId);
      }
      this.#taken -= 1;
      this.#line.shift()?.();
    }
  }

  /** True when it is over; stops what nobody wants more of. */
  #take(event: OperationEvent, hash: string, take: Take): boolean {
    switch (event.event) {
      case 'operationInaccessible':
        throw unknownBlock(hash);
      case 'operationError':
        throw failedCall(`Execution failed: ${event.error}`);
      case 'operationWaitingForContinue':
        this.#tell('chainHead_v1_continue', String(event.operationId));
        return false;
      default: {
        if (!take(event)) return event.event.endsWith('Done');
        if (!event.event.endsWith('Done')) this.#stop(String(event.operationId));
        return true;
      }
    }
  }

  #stop(operationId: string): void {
    this.#running.delete(operationId);
    this.#tell('chainHead_v1_stopOperation', operationId);
  }

  #tell(method: string, operationId: string): void {
    const followId = this.#followId();
    if (this.#closed !== undefined || followId === undefined) return;
    const params = `[${followId},${JSON.stringify(operationId)}]`;
    // What goes wrong with it shows in the operation that it is about.
    this.#node.send(method, params, 10_000, { onReply: () => {}, onFail: () => {} });
  }

  async #turn(budget: Budget): Promise<void> {
    if (this.#taken >= maxRunning) {
      if (this.#line.length >= maxWaiting) throw notNow('too many operations wait for this node');
      await budget.wait('a turn among the operations', (resolve) => {
        this.#line.push(resolve);
        return () => {
          const place = this.#line.indexOf(resolve);
          if (place >= 0) this.#line.splice(place, 1);
        };
      });
    }
    this.#taken += 1;
  }
}
