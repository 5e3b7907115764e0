import type { Balancer } from '@dshackle/core';
import type { AbstractProvider, Subscriber } from 'ethers';

/** After a longer gap only the newest heights are told. */
const maxGap = 1000;

/** What a subscriber is made of. */
export interface SubscriberOptions {
  readonly provider: AbstractProvider;
  readonly balancer: Balancer;
  /** Told the height of each head before anybody else, so that what is read next is no older. */
  readonly observe: (height: number) => void;
}

/**
 * ethers' `block` event from the pool's agreed head: every height once, in order, and after a
 * reorganisation the height of the new head again.
 */
export class BlockSubscriber implements Subscriber {
  readonly #options: SubscriberOptions;
  #told: number | undefined;
  #off: (() => void) | undefined;
  #isPaused = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
  }

  start(): void {
    const { balancer } = this.#options;
    this.#told = balancer.head.best?.number;
    const stops = [
      balancer.on('reorg', ({ to }) => {
        if (this.#told !== undefined) this.#told = Math.min(this.#told, to.number - 1);
      }),
      balancer.on('best', ({ number }) => this.#tell(number)),
    ];
    this.#off = () => {
      for (const stop of stops) stop();
    };
  }

  stop(): void {
    this.#off?.();
    this.#off = undefined;
  }

  /** Heights that pass meanwhile are told at the next head, or never. */
  pause(dropWhilePaused = false): void {
    this.#isPaused = true;
    if (dropWhilePaused) this.#told = undefined;
  }

  resume(): void {
    this.#isPaused = false;
  }

  #tell(best: number): void {
    const { provider, observe } = this.#options;
    observe(best);
    if (this.#isPaused) return;
    const from = this.#told === undefined ? best : Math.max(this.#told + 1, best - maxGap);
    // A head that only stepped back, with an upstream that went, is told of when it is passed.
    this.#told = Math.max(best, from - 1);
    for (let number = from; number <= best; number += 1) {
      void provider.emit('block', number);
    }
  }
}
