import { BalancerError } from '../errors.ts';
import type { Chain, MethodTraits } from './chain.ts';

/**
 * Which methods are served, beyond what the chain says. Names are exact: an alias is a method of its
 * own.
 */
export interface MethodsOptions {
  /** Served though they are denied by default, wholly or with some params. @default none */
  readonly enabled?: readonly string[];
  /**
   * Not served: answered with -32601 and a text that says so, and missing from the list of methods.
   * @default none
   */
  readonly disabled?: readonly string[];
}

/**
 * The same chain with another say on its methods. What is named here outweighs what the chain was
 * told before, so that one layer of options can lie on another.
 *
 * @param isEnabled further methods that are served though denied by default
 * @throws BalancerError `invalid request` when a method is both enabled and disabled
 */
export function withMethods(
  chain: Chain,
  methods: MethodsOptions,
  isEnabled: (method: string) => boolean = () => false,
): Chain {
  const enabled = new Set(methods.enabled);
  const both = methods.disabled?.find((method) => enabled.has(method));
  if (both !== undefined) {
    throw new BalancerError('invalid request', `${both} is both enabled and disabled`);
  }
  const disabled = new Map(
    (methods.disabled ?? []).map((method) => [method, denied(chain.traits(method, true))]),
  );

  const traits = (method: string, allowed = false): MethodTraits => {
    if (allowed) return chain.traits(method, true);
    if (disabled.size > 0) {
      const row = disabled.get(method);
      if (row !== undefined) return row;
    }
    const usual = chain.traits(method);
    if (usual.kind !== 'denied' && usual.refuse === undefined) return usual;
    return enabled.has(method) || isEnabled(method) ? chain.traits(method, true) : usual;
  };
  // What else a chain has, now or later, is the same one's; and its functions stay bound to it, for
  // a class's private members are found in nothing that is made of it.
  return Object.create(chain, {
    traits: { value: traits },
    positional: { value: chain.positional.bind(chain) },
    params: { value: chain.params?.bind(chain) },
    answer: { value: chain.answer?.bind(chain) },
    identify: { value: chain.identify.bind(chain) },
    judge: { value: chain.judge.bind(chain) },
  }) as Chain;
}

function denied(traits: MethodTraits): MethodTraits {
  return { ...traits, kind: 'denied' };
}
