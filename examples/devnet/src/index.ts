export { type DevAccount, devAccounts, devKeyring } from './dev-accounts.ts';
export type { DevNode, DevNodeStatus } from './dev-node.ts';
export {
  type DevBlock,
  type Devnet,
  type DevnetEvent,
  type DevnetOptions,
  startDevnet,
} from './devnet.ts';
export {
  type FaultProxy,
  type FaultProxyOptions,
  type FaultProxyStats,
  startFaultProxy,
} from './fault-proxy.ts';
export type { BlockRef } from './node-protocol.ts';
