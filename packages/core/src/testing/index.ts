export { type FakeChainOptions, fakeChain } from './fake-chain.ts';
export { FakeClock } from './fake-clock.ts';
export { FakeLedger } from './fake-ledger.ts';
export { type FakeHandler, FakeNode, type FakeNodeOptions, result } from './fake-node.ts';
export { type ScriptedPeer, ScriptedTransport } from './scripted-transport.ts';
export { seededRandom } from './seeded-random.ts';
export { type TestBalancer, testBalancer } from './test-balancer.ts';
