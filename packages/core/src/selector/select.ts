import { roles } from '../upstream/role.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { likelyToHave, withLongestHistory } from './by-history.ts';
import {
  type EligibilityContext,
  type Ineligibility,
  ineligibility,
  isSoft,
  type Requirement,
} from './eligibility.ts';
import type { Selector } from './selector.ts';

/** Options of {@link select}. */
export interface SelectOptions {
  readonly selector: Selector;
  /**
   * Share (0–1) of a role's upstreams below which soft reasons are set aside (Envoy: panic
   * threshold).
   */
  readonly panicThreshold: number;
  /** Upstreams this call has been sent to already. */
  readonly tried: ReadonlySet<string>;
}

/** The upstream chosen, or every upstream's reason against it. */
export type Selection =
  | { readonly kind: 'chosen'; readonly upstream: Upstream; readonly panic: boolean }
  | { readonly kind: 'none'; readonly reasons: ReadonlyMap<string, Ineligibility> };

/** How many of each tier are well, and how many only in doubt; one choice is made at a time. */
const well = new Int32Array(roles.length);
const doubted = new Int32Array(roles.length);

/**
 * Chooses the upstream for one attempt.
 *
 * 1. Sort out who may answer (see {@link ineligibility}) and has not been tried.
 * 2. Set aside those who take fewer blocks in a call, unless they are all there is.
 * 3. Of these keep the first role that has any. If nobody is well, of those in doubt. For a block of
 *    which only the hash is known, likely an old one: before that set aside those who cannot have an
 *    old one, and afterwards those of the role whose history is shorter than another's.
 * 4. If fewer than `panicThreshold` of that role are well, and nobody of another role is, take those
 *    of the role that are in doubt back in: better a doubtful upstream than all the load on the last
 *    good one. While another role has somebody well the load goes there instead, as in Envoy, where
 *    panic comes after the spill-over to lower priorities.
 * 5. Keep the healthy ones if there are any: degraded ones are spare.
 * 6. Let the selector pick.
 */
export function select(
  upstreams: Iterable<Upstream>,
  need: Requirement,
  context: EligibilityContext,
  options: SelectOptions,
): Selection {
  const eligible: Upstream[] = [];
  const doubtful: Upstream[] = [];
  well.fill(0);
  doubted.fill(0);
  let reasons: Map<string, Ineligibility> | undefined;
  for (const upstream of upstreams) {
    const against = ineligibility(upstream, need, context);
    const tried = options.tried.has(upstream.id);
    if (against === undefined) {
      well[upstream.tier]! += 1;
      if (!tried) {
        eligible.push(upstream);
        continue;
      }
    } else if (isSoft(against)) {
      doubted[upstream.tier]! += 1;
      if (!tried) doubtful.push(upstream);
    }
    reasons ??= new Map();
    reasons.set(upstream.id, against ?? 'already tried');
  }
  const able = takingSoMany(eligible, need.blocks);
  let candidates = need.isGuess ? byHistory(able, need) : ofFirstTier(able);
  let panic = false;
  if (doubtful.length > 0) {
    const back = candidates[0] ? doubtful.filter(sameTier(candidates[0])) : ofFirstTier(doubtful);
    panic = back[0] !== undefined && isPanic(back[0].tier, options.panicThreshold);
    if (panic) candidates = [...candidates, ...back];
  }
  if (candidates.length === 0) return { kind: 'none', reasons: reasons ?? new Map() };
  const upstream = options.selector.pick(healthyIfAny(candidates));
  return { kind: 'chosen', upstream, panic };
}

/** For an answer that is read from so many blocks: those who take that, or all when nobody does. */
function takingSoMany(
  upstreams: readonly Upstream[],
  blocks: number | undefined,
): readonly Upstream[] {
  if (blocks === undefined) return upstreams;
  const able = upstreams.filter(({ state }) => blocks <= (state.widestRange ?? blocks));
  return able.length > 0 ? able : upstreams;
}

function byHistory(upstreams: readonly Upstream[], need: Requirement): readonly Upstream[] {
  return withLongestHistory(ofFirstTier(likelyToHave(upstreams, need)), need);
}

/** Counted over the pool, whoever this call has tried: a call that failed is no outage. */
function isPanic(tier: number, threshold: number): boolean {
  for (let other = 0; other < well.length; other += 1) {
    if (other !== tier && well[other]! > 0) return false;
  }
  return well[tier]! < threshold * (well[tier]! + doubted[tier]!);
}

function ofFirstTier(upstreams: readonly Upstream[]): readonly Upstream[] {
  let first = upstreams[0];
  if (!first) return upstreams;
  for (const upstream of upstreams) if (upstream.tier < first.tier) first = upstream;
  return only(upstreams, sameTier(first));
}

function sameTier({ tier }: Upstream): (upstream: Upstream) => boolean {
  return (upstream) => upstream.tier === tier;
}

function healthyIfAny(upstreams: readonly Upstream[]): readonly Upstream[] {
  const healthy = only(upstreams, ({ state }) => state.health?.status === 'healthy');
  return healthy.length > 0 ? healthy : upstreams;
}

/** Filters, but gives the list itself back when all of it passes, which is the common case. */
function only(
  upstreams: readonly Upstream[],
  passes: (upstream: Upstream) => boolean,
): readonly Upstream[] {
  return upstreams.every(passes) ? upstreams : upstreams.filter(passes);
}
