/** Why a method is denied by default. */
export type Denial =
  /** Changes the node, or uses keys that it holds. */
  | 'unsafe'
  /** Costs a node much: for those to whom it is granted. */
  | 'costly'
  /** Makes up blocks and balances: of development nodes. */
  | 'development';

/** What every name that begins so is denied for. */
export const deniedFamilies: ReadonlyMap<string, Denial> = new Map([
  ['admin_', 'unsafe'],
  ['clique_', 'unsafe'],
  ['engine_', 'unsafe'],
  ['les_', 'unsafe'],
  ['miner_', 'unsafe'],
  ['personal_', 'unsafe'],
  ['testing_', 'unsafe'],
  ['wallet_', 'unsafe'],
  ['debug_', 'costly'],
  ['trace_', 'costly'],
  ['arbtrace_', 'costly'],
  ['anvil_', 'development'],
  ['evm_', 'development'],
  ['hardhat_', 'development'],
]);

const names: ReadonlyMap<string, Denial> = new Map([
  ['eth_sendTransaction', 'unsafe'],
  ['eth_sendUnsignedTransaction', 'unsafe'],
  ['eth_sign', 'unsafe'],
  ['eth_signTransaction', 'unsafe'],
  ['eth_signTypedData', 'unsafe'],
  ['eth_signTypedData_v3', 'unsafe'],
  ['eth_signTypedData_v4', 'unsafe'],
  ['eth_resend', 'unsafe'],
  ['eth_submitWork', 'unsafe'],
  ['eth_submitHashrate', 'unsafe'],
  ['eth_getWork', 'unsafe'],
]);

/** Why a method is denied by default; `undefined` when it is not. */
export function denialOf(method: string): Denial | undefined {
  return names.get(method) ?? deniedFamilies.get(method.slice(0, method.indexOf('_') + 1));
}
