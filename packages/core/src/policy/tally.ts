import type { RawJson, Reply } from '../json-rpc/message.ts';

/** One upstream's answer in a fan-out. */
export interface Vote {
  readonly upstream: string;
  readonly reply: Reply;
}

/**
 * Decides when a fan-out has its answer: given the votes so far, and how many may still come, the
 * winning vote, or `undefined` to wait for more (or, when none can come, for failure).
 */
export type Tally = (votes: readonly Vote[], outstanding: number) => Vote | undefined;

/** Broadcast: the first result wins; if there is none, the first error. */
export const firstResult: Tally = (votes, outstanding) =>
  votes.find((vote) => vote.reply.kind === 'result') ?? (outstanding === 0 ? votes[0] : undefined);

/** Maximum: the largest number, once everybody answered; if nobody gave one, the first answer. */
export const largestNumber: Tally = (votes, outstanding) => {
  if (outstanding > 0) return undefined;
  let winner: Vote | undefined;
  let largest: bigint | undefined;
  for (const vote of votes) {
    const value = vote.reply.kind === 'result' ? toBigInt(vote.reply.result) : undefined;
    if (value !== undefined && (largest === undefined || value > largest)) {
      largest = value;
      winner = vote;
    }
  }
  return winner ?? votes[0];
};

/** Agree: the first answer that `count` upstreams gave alike; JSON spacing and key order do not matter. */
export function equalAnswers(count: number): Tally {
  return (votes) => {
    const seen = new Map<string, number>();
    for (const vote of votes) {
      const key = canonical(vote.reply);
      const times = (seen.get(key) ?? 0) + 1;
      if (times >= count) return vote;
      seen.set(key, times);
    }
    return undefined;
  };
}

/** Numbers come as JSON numbers or as 0x strings. */
function toBigInt(json: RawJson): bigint | undefined {
  const text = json.startsWith('"') ? json.slice(1, -1) : json;
  return /^(0x[0-9a-f]+|\d+)$/i.test(text) ? BigInt(text) : undefined;
}

function canonical(reply: Reply): string {
  // Errors agree by code: the texts carry details of the one node.
  if (reply.kind === 'error') return `error ${reply.error.code}`;
  return JSON.stringify(sortKeys(JSON.parse(reply.result)));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sortKeys(member)]),
  );
}
