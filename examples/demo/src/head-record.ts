/** What one application heard of the finalized chain. */
export class HeadRecord {
  #received = 0;
  #gaps = 0;
  #duplicates = 0;
  #wentBack = 0;
  #last: number | undefined;

  /** Notes one finalized head. */
  note(number: number): void {
    this.#received += 1;
    if (this.#last !== undefined) {
      if (number === this.#last) this.#duplicates += 1;
      else if (number < this.#last) this.#wentBack += 1;
      else this.#gaps += number - this.#last - 1;
    }
    this.#last = Math.max(this.#last ?? number, number);
  }

  /** Height of the newest head; -1 before the first. */
  get last(): number {
    return this.#last ?? -1;
  }

  get received(): number {
    return this.#received;
  }

  /** Heights that were left out. */
  get gaps(): number {
    return this.#gaps;
  }

  /** Heads heard twice, or after a later one. */
  get duplicates(): number {
    return this.#duplicates + this.#wentBack;
  }

  /** Heads heard after a later one. */
  get wentBack(): number {
    return this.#wentBack;
  }
}
