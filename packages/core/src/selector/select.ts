import { roles } from '../upstream/role.ts';
import type { Upstream } from '../upstream/upstream.ts';
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
   * Share (0–1) of the connected upstreams below which soft reasons are set aside (Envoy: panic
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

/**
 * Chooses the upstream for one attempt.
 *
 * 1. Sort out who may answer (see {@link ineligibility}) and has not been tried.
 * 2. If fewer than `panicThreshold` of the connected upstreams are left for soft reasons, take
 *    those back in: better a doubtful upstream than all the load on the last good one.
 * 3. Of these keep the first role that has any.
 * 4. Let the selector pick.
 */
export function select(
  upstreams: Iterable<Upstream>,
  need: Requirement,
  context: EligibilityContext,
  options: SelectOptions,
): Selection {
  const eligible: Upstream[] = [];
  const doubtful: Upstream[] = [];
  let well = 0;
  let doubted = 0;
  let reasons: Map<string, Ineligibility> | undefined;
  for (const upstream of upstreams) {
    const against = ineligibility(upstream, need, context);
    const tried = options.tried.has(upstream.id);
    if (against === undefined) well += 1;
    else if (isSoft(against)) doubted += 1;
    if (against === undefined && !tried) {
      eligible.push(upstream);
      continue;
    }
    if (against !== undefined && isSoft(against) && !tried) doubtful.push(upstream);
    reasons ??= new Map();
    reasons.set(upstream.id, against ?? 'already tried');
  }
  // The state of the pool, whoever this call has tried: a call that failed is no outage.
  const panic = doubtful.length > 0 && well < options.panicThreshold * (well + doubted);
  if (panic) eligible.push(...doubtful);
  const tier = firstTier(eligible);
  if (tier.length === 0) return { kind: 'none', reasons: reasons ?? new Map() };
  return { kind: 'chosen', upstream: options.selector.pick(tier), panic };
}

function firstTier(eligible: readonly Upstream[]): readonly Upstream[] {
  for (const role of roles) {
    // Most pools have one role: no copy then.
    if (eligible.every((upstream) => upstream.role === role)) return eligible;
    const tier = eligible.filter((upstream) => upstream.role === role);
    if (tier.length > 0) return tier;
  }
  return eligible;
}
