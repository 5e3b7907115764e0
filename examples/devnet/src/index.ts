export type { BlockRef } from './canonical-chain.ts';
export { type DevAccount, devAccounts, devKeyring } from './dev-accounts.ts';
export type { DevNode, DevNodeStatus } from './dev-node.ts';
export {
  type DevBlock,
  type Devnet,
  type DevnetEvent,
  type DevnetOptions,
  startDevnet,
} from './devnet.ts';
