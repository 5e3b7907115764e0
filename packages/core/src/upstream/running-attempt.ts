import type { Call } from '../call.ts';
import type { MethodTraits } from '../chain/chain.ts';
import type { Reply } from '../json-rpc/message.ts';
import type { ReplySink } from '../transport/transport.ts';
import type { BreakerPermit } from './circuit-breaker.ts';
import type { Asker } from './limits.ts';
import type { Outcome } from './outcome.ts';
import type { Upstream } from './upstream.ts';

/** Whoever makes attempts. */
export interface AttemptOwner extends Asker {
  /** Told once how an attempt ended, possibly while it is being made. Must not throw. */
  settle(attempt: RunningAttempt, outcome: Outcome): void;
}

/** One call on its way to one upstream and back; {@link Upstream.run} sends it off. */
export class RunningAttempt implements ReplySink {
  readonly upstream: Upstream;
  readonly call: Call;
  readonly traits: MethodTraits;
  readonly owner: AttemptOwner;
  /** When it began, on the engine's clock. */
  readonly startedMs: number;
  /** When it ended; until then when it began. */
  endedMs: number;
  /** It races another attempt of the same call. */
  readonly isHedge: boolean;
  /** The breaker's leave, which {@link Upstream.run} asks for. */
  permit: BreakerPermit = 0;
  #over = false;

  constructor(
    upstream: Upstream,
    call: Call,
    traits: MethodTraits,
    owner: AttemptOwner,
    startedMs: number,
    isHedge: boolean,
  ) {
    this.upstream = upstream;
    this.call = call;
    this.traits = traits;
    this.owner = owner;
    this.startedMs = startedMs;
    this.endedMs = startedMs;
    this.isHedge = isHedge;
  }

  /** Asked by a transport that had it wait. */
  get isOver(): boolean {
    return this.owner.isOver;
  }

  onReply(reply: Reply): void {
    if (this.#over) return;
    this.#over = true;
    this.owner.settle(this, this.upstream.learn(this, reply));
  }

  onFail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.owner.settle(this, this.upstream.learnFailure(this, error));
  }
}
