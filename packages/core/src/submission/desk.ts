import type { Answer, Call, CallOptions } from '../call.ts';
import type { Block, Chain } from '../chain/chain.ts';
import type { Submissions, Transaction } from '../chain/submissions.ts';
import type { ChainHead } from '../head/chain-head.ts';
import type { Engine } from '../policy/engine.ts';
import { type Moment, OwnNonces } from '../session/own-nonces.ts';
import type { Session } from '../session/session.ts';
import { BlockBodies } from './block-bodies.ts';

/** Transactions remembered whose outcome was not known, and that were accepted; past it the oldest are forgotten. */
const maxRemembered = 1024;
/**
 * For how many blocks, and block times, a session counts a nonce of its own that no upstream counts yet:
 * ample for the transaction to spread or to be included, and short enough that one which was lost does
 * not leave its sender with a gap for long.
 */
const ownNonceBlocks = 10;
/** Accounts of callers without a session whose nonces are counted, past it the oldest are forgotten. */
const maxSharedAccounts = 1024;
/** Transactions of theirs whose sender nobody has looked for; past it the oldest are forgotten. */
const maxUnread = 1024;

/** What a {@link SubmissionDesk} is made of. */
export interface SubmissionDeskOptions {
  readonly chain: Chain;
  readonly submissions: Submissions;
  readonly head: ChainHead;
  readonly engine: Engine;
  /** Makes one call of the engine's own. */
  readonly forward: (call: Call) => Promise<Answer>;
  /** Submits a transaction on the engine's own behalf, by way of this desk. */
  readonly submit: (call: Call, options: CallOptions) => Promise<Answer>;
}

/** What all submissions of one balancer share. */
export class SubmissionDesk {
  readonly submissions: Submissions;
  readonly head: ChainHead;
  readonly engine: Engine;
  readonly bodies: BlockBodies;
  /** Expected time between blocks, in milliseconds. */
  readonly blockTimeMs: number;
  readonly #submit: SubmissionDeskOptions['submit'];
  /** Ids of transactions whose outcome was not known, and the best block when they were sent. */
  readonly #doubtful = new Map<string, Block | undefined>();
  /** Ids of those that an upstream has, and the best block when they were sent first. */
  readonly #accepted = new Map<string, Block | undefined>();
  /** Of callers without a session, all together: an account is the same whoever asks. */
  readonly #nonces = new OwnNonces(maxSharedAccounts);
  /** Not in it yet: to find out who sent one may take milliseconds, and often nobody asks. */
  #unread: { readonly transaction: Transaction; readonly until: Moment }[] = [];

  constructor(options: SubmissionDeskOptions) {
    const { submissions, forward } = options;
    this.submissions = submissions;
    this.head = options.head;
    this.engine = options.engine;
    this.blockTimeMs = options.chain.blockTimeMs;
    this.bodies = new BlockBodies(submissions, forward);
    this.#submit = options.submit;
  }

  /** Was it sent before, with an outcome that nobody knows? */
  isDoubtful({ id }: Transaction): boolean {
    return this.#doubtful.has(id);
  }

  /** Did an upstream take it when it was sent before? Then "already known" is no news to its sender. */
  wasAccepted({ id }: Transaction): boolean {
    return this.#accepted.has(id);
  }

  /** The block above which it may be: the best one now, or when it was sent first. */
  since({ id }: Transaction): Block | undefined {
    return this.#doubtful.get(id) ?? this.#accepted.get(id) ?? this.head.best;
  }

  /** Remembers that it was sent, and that nobody knows what became of it. */
  doubt({ id }: Transaction, since: Block | undefined): void {
    if (this.#doubtful.has(id)) return;
    remember(this.#doubtful, id, since);
  }

  /**
   * Gives to other upstreams a transaction whose watcher was lost, or declined it, in a submission of its
   * own. It takes effect once at most.
   *
   * @param isDoubtful somebody may have taken it: what is answered is read together with that
   *
   * @returns `undefined` when the chain does not say how
   * @throws BalancerError when nobody answered, and it was not found
   */
  handOn(
    transaction: Transaction,
    since: Block | undefined,
    options: CallOptions,
    isDoubtful = true,
  ): Promise<Answer> | undefined {
    const call = this.submissions.submit?.(transaction);
    if (call === undefined) return undefined;
    if (isDoubtful) this.doubt(transaction, since);
    return this.#submit(call, options);
  }

  /**
   * An upstream has it: the session, or all who have none, count its nonce from now on.
   *
   * @param since the best block when it was sent
   */
  accepted(transaction: Transaction, since: Block | undefined, session: Session | undefined): void {
    const { id } = transaction;
    this.#doubtful.delete(id);
    if (!this.#accepted.has(id)) remember(this.#accepted, id, since);
    const { ms, height } = this.#now();
    const until = {
      ms: ms + ownNonceBlocks * this.blockTimeMs,
      height: height + ownNonceBlocks,
    };
    if (session === undefined) {
      this.#unread.push({ transaction, until });
      if (this.#unread.length > maxUnread) this.#unread.shift();
    } else if (transaction.sender) session.nonces.add(transaction.sender, until);
  }

  /**
   * The nonce that follows for this caller when an upstream says that `told` does.
   *
   * @param session absent: one of all who have none
   */
  nextNonce(account: string, told: number, session: Session | undefined): number {
    return this.#noncesOf(session).next(account, told, this.#now());
  }

  #noncesOf(session: Session | undefined): OwnNonces {
    if (session) return session.nonces;
    const unread = this.#unread;
    this.#unread = [];
    for (const { transaction, until } of unread) {
      if (transaction.sender) this.#nonces.add(transaction.sender, until);
    }
    return this.#nonces;
  }

  #now(): Moment {
    return { ms: this.engine.clock.now(), height: this.head.best?.number ?? 0 };
  }
}

function remember(ids: Map<string, Block | undefined>, id: string, since: Block | undefined): void {
  ids.set(id, since);
  if (ids.size <= maxRemembered) return;
  const [oldest] = ids.keys();
  ids.delete(oldest as string);
}
