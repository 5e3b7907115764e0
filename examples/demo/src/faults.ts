import type { DevNode, FaultProxy } from '@dshackle/devnet';

/** What can be done to a local node of any chain. */
export type BreakableNode = Pick<
  DevNode,
  'id' | 'crash' | 'restart' | 'freeze' | 'thaw' | 'setLag'
>;

/** Something that goes wrong with one node, or with the way to it, until it is put right. */
export interface Fault<Node extends BreakableNode = DevNode> {
  /** As in "blocks go on arriving under …". */
  readonly name: string;
  begin(node: Node, proxy: FaultProxy): unknown;
  end(node: Node, proxy: FaultProxy): unknown;
}

/** What is made to go wrong with nodes of every chain. */
export const commonFaults: readonly Fault<BreakableNode>[] = [
  { name: 'a crash', begin: (node) => node.crash(), end: (node) => node.restart() },
  { name: 'a hang', begin: (node) => node.freeze(), end: (node) => node.thaw() },
  { name: 'a cut', begin: (_, proxy) => proxy.cut(), end: () => {} },
  {
    name: 'a black hole',
    begin: (_, proxy) => proxy.blackHole(true),
    end: (_, proxy) => proxy.blackHole(false),
  },
  {
    name: 'garbage',
    begin: (_, proxy) => proxy.garbage(true),
    end: (_, proxy) => proxy.garbage(false),
  },
  {
    name: 'a rate limit with a cut',
    begin: (_, proxy) => {
      proxy.rateLimit(1);
      proxy.cut();
    },
    end: (_, proxy) => proxy.rateLimit(false),
  },
  {
    name: 'a refusal with a cut',
    begin: (_, proxy) => {
      proxy.refuse(true);
      proxy.cut();
    },
    end: (_, proxy) => proxy.refuse(false),
  },
  {
    name: 'a second of latency',
    begin: (_, proxy) => proxy.setLatency(1000),
    end: (_, proxy) => proxy.setLatency(0),
  },
  { name: 'a lag', begin: (node) => node.setLag(4), end: (node) => node.setLag(0) },
];

/** Everything that is made to go wrong with Polkadot's nodes. */
export const faults: readonly Fault[] = [
  ...commonFaults,
  { name: 'a fork', begin: (node) => node.fork(), end: (node) => node.heal() },
];
