/**
 * Holds the notifications of subscriptions that were made in a batch until the batch's response,
 * which carries their ids, is written. No client can use a notification before it knows the id.
 */
export class Gate {
  #held: { readonly frame: string; readonly owner: unknown }[] | undefined = [];
  readonly #send: (frame: string) => void;
  readonly #overflow: () => void;
  readonly #limit: number;

  /**
   * @param limit most frames held; at one more `overflow` is called, once, and all are dropped
   */
  constructor(send: (frame: string) => void, limit: number, overflow: () => void) {
    this.#send = send;
    this.#limit = limit;
    this.#overflow = overflow;
  }

  /**
   * Sends a frame, or holds it while the gate is shut.
   * @param owner for {@link drop}
   */
  send(frame: string, owner?: unknown): void {
    if (this.#held === undefined) {
      this.#send(frame);
      return;
    }
    this.#held.push({ frame, owner });
    if (this.#held.length <= this.#limit) return;
    this.#held = undefined;
    this.#overflow();
  }

  /** Forgets what is held of this owner. */
  drop(owner: unknown): void {
    this.#held = this.#held?.filter((each) => each.owner !== owner);
  }

  /** Lets go of what was held, in order. */
  open(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const { frame } of held) this.#send(frame);
  }
}
