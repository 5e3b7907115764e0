import type { ChainView, MethodTraits, RawJson } from '@dshackle/core';
import { methodNames, methodTraits } from './methods.ts';

/** Served by the pool's own head, with the aliases of the calls that end them. */
const headSubscriptions = methodNames.filter(
  (method) => methodTraits(method).subscription?.source === 'head',
);
const endsOfHeadSubscriptions = [
  'chain_unsubscribeNewHeads',
  'chain_unsubscribeNewHead',
  'unsubscribe_newHead',
  'chain_unsubscribeFinalizedHeads',
  'chain_unsubscribeFinalisedHeads',
  'chain_unsubscribeAllHeads',
];

/** What is served whatever upstreams list: answered here, or needed of each to be followed at all. */
const ownMethods: readonly string[] = [
  ...methodNames.filter((method) => methodTraits(method).kind === 'local'),
  'chain_getBlockHash',
  'chain_getHead',
  'chain_getHeader',
  'chain_getFinalizedHead',
  'chain_getFinalisedHead',
  ...headSubscriptions,
  ...endsOfHeadSubscriptions,
  ...methodNames.filter((method) => isServed(methodTraits(method))),
  // Ends what is emulated.
  'archive_v1_stopStorage',
];

/** Is it the balancer's own, whatever stands behind it? */
function isServed({ kind, subscription, emulated, ended }: MethodTraits): boolean {
  const isOwn = kind === 'service' || subscription?.source === 'service' || emulated === true;
  return isOwn || ended !== undefined;
}

/**
 * The answer to `rpc_methods`: what the upstreams that serve offer together and what the pool itself
 * does, without what is denied. Names with a version come before `unstable` ones: clients take the
 * first of a group that they know. `undefined` while no upstream serves.
 *
 * When no upstream tells its methods the list is empty: polkadot-js takes that for "not known" and
 * keeps all of its own, of which a short list would leave it nearly none.
 */
export function methodList(view: ChainView): RawJson | undefined {
  const offered = view.methods();
  if (offered === undefined) return undefined;
  if (offered.size === 0) return JSON.stringify({ methods: [] });
  const own = ownMethods.filter((method) => !view.isDenied(method));
  const names = [...new Set([...offered, ...own])].sort();
  const isUnstable = (name: string): boolean => name.includes('_unstable_');
  const methods = [
    ...names.filter((name) => !isUnstable(name)),
    ...names.filter((name) => isUnstable(name)),
  ];
  return JSON.stringify({ methods });
}
