/**
 * Passes things on in the order in which they came, each as soon as what it waits for is over and all before
 * it are through. At once, and without a promise, where nothing waits.
 */
export class InOrder {
  #last: Promise<void> | undefined;

  /**
   * Calls `pass`, which must not throw, in its turn.
   * @param until what it waits for; must not reject. @default nothing
   */
  add(pass: () => void, until?: Promise<unknown>): void {
    if (this.#last === undefined && until === undefined) {
      pass();
      return;
    }
    const turn = Promise.all([this.#last, until]).then(() => {
      if (this.#last === turn) this.#last = undefined;
      pass();
    });
    this.#last = turn;
  }
}
