export { describeSelector } from './selector-contract.ts';
export { describeStore, type StoreHarness } from './store-contract.ts';
export {
  describeTransport,
  type PeerAction,
  type PeerCall,
  type PeerScript,
  type TransportHarness,
} from './transport-contract.ts';
