import type { Strategy } from '../chain/chain.ts';
import type { Handler } from './call-context.ts';
import type { Engine } from './engine.ts';
import { type FanOutOptions, fanOut } from './fan-out.ts';
import { raceOne } from './race.ts';
import { equalAnswers, firstResult, largestNumber } from './tally.ts';

/** How long slower upstreams are waited for once one has answered, in milliseconds. */
const graceMs = 1_000;
/** A rejection is not believed sooner while others may still accept. */
const broadcastGraceMs = 5_000;

/** The end of the pipeline: carries the call out the way its strategy says. */
export function runStrategy(engine: Engine): Handler {
  return (context, receiver) => {
    const { strategy } = context;
    if (strategy.kind === 'one') {
      raceOne(engine, context, receiver);
      return;
    }
    fanOut(engine, context, fanOutOptions(strategy)).then(
      (answer) => receiver.onAnswer(answer),
      (error: unknown) => receiver.onFailure(error),
    );
  };
}

function fanOutOptions(strategy: Exclude<Strategy, { kind: 'one' }>): FanOutOptions {
  const { width } = strategy;
  switch (strategy.kind) {
    case 'broadcast':
      return { width, start: width, tally: firstResult, graceMs: broadcastGraceMs };
    case 'maximum':
      return { width, start: width, tally: largestNumber, graceMs };
    case 'agree': {
      const { count } = strategy;
      return { width, start: count, quorum: count, tally: equalAnswers(count), graceMs };
    }
  }
}
