import type { CallContext, Handler } from './call-context.ts';
import type { Engine } from './engine.ts';
import { fanOut } from './fan-out.ts';
import { raceOne } from './race.ts';
import { equalAnswers, firstResult, largestNumber } from './tally.ts';

/** How long slower upstreams are waited for once one has answered, in milliseconds. */
const graceMs = 1_000;
/** A rejection is not believed sooner while others may still accept. */
const broadcastGraceMs = 5_000;

/** The end of the pipeline: carries the call out the way its strategy says. */
export function runStrategy(engine: Engine): Handler {
  return (context: CallContext) => {
    const { strategy } = context;
    switch (strategy.kind) {
      case 'one':
        return raceOne(engine, context);
      case 'broadcast': {
        const { width } = strategy;
        return fanOut(engine, context, {
          width,
          start: width,
          tally: firstResult,
          graceMs: broadcastGraceMs,
        });
      }
      case 'maximum': {
        const { width } = strategy;
        return fanOut(engine, context, { width, start: width, tally: largestNumber, graceMs });
      }
      case 'agree': {
        const { count, width } = strategy;
        const tally = equalAnswers(count);
        return fanOut(engine, context, { width, start: count, quorum: count, tally, graceMs });
      }
    }
  };
}
