import type { Chain, ChainView } from '../chain/chain.ts';
import type { ChainHead } from '../head/chain-head.ts';
import { answerByService } from '../service/answer-by-service.ts';
import type { ChainService } from '../service/chain-service.ts';
import type { SubmissionDesk } from '../submission/desk.ts';
import type { CanServe } from './best-block.ts';
import type { Handler, Policy } from './call-context.ts';
import { checkParams } from './check-params.ts';
import type { Coalescer } from './coalesce.ts';
import { coalesceReads } from './coalesce-reads.ts';
import { deny } from './deny.ts';
import type { Engine } from './engine.ts';
import { localAnswer } from './local-answer.ts';
import { noteTold } from './note-told.ts';
import { resolveBlock } from './resolve-block.ts';
import { runStrategy } from './strategy.ts';
import { transactions } from './transactions.ts';

/** What the pipeline is made of. */
export interface PipelineOptions {
  readonly chain: Chain;
  readonly head: ChainHead;
  readonly engine: Engine;
  readonly coalescer: Coalescer;
  /** What the chain may know of the pool when it answers by itself. */
  readonly view: ChainView;
  /** Absent: the chain does not tell how transactions are found again. */
  readonly desk: SubmissionDesk | undefined;
  /** Could any upstream answer such a call now? */
  readonly canServe: CanServe;
  /** What the chain answers by itself. @default nothing */
  readonly service?: ChainService | undefined;
  /** Does an upstream that serves offer this method? */
  readonly offers: (method: string) => boolean;
}

/** The policies in the order in which a call meets them. Deadline, retry and hedge are the strategy's. */
export function pipeline(options: PipelineOptions): Handler {
  const { chain, head, engine, coalescer, view, canServe, service, offers, desk } = options;
  const policies: readonly Policy[] = [
    deny,
    checkParams(chain),
    noteTold(head),
    localAnswer(chain, head, view),
    ...(service ? [answerByService(service, offers)] : []),
    resolveBlock(chain, head, canServe),
    coalesceReads(coalescer, engine),
    ...(desk ? [transactions(desk)] : []),
  ];
  return policies.reduceRight<Handler>((next, policy) => policy(next), runStrategy(engine));
}
