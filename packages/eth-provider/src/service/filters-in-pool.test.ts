import { createBalancer } from '@dshackle/core';
import { chainId, type EthNode, startEthDevnet } from '@dshackle/devnet/ethereum';
import { describe, expect, it } from 'vitest';
import { ethereum } from '../chain/ethereum.ts';
import { Emitter } from '../testing/emitter.ts';

interface Log {
  readonly topics: readonly string[];
  readonly removed: boolean;
}

describe.each(['ws', 'http'] as const)('filters before real nodes over %s', (over) => {
  it('survive the death of upstreams and a reorganisation', async () => {
    await using devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 0 });
    const [first, second] = devnet.nodes as [EthNode, EthNode];
    const emitter = await Emitter.deploy(devnet, second);
    await devnet.mine(2);
    await using balancer = createBalancer({
      chain: ethereum({ chainId, blockTimeMs: 1000 }),
      upstreams: devnet.nodes.map(({ id, wsUrl, httpUrl }) => ({
        id,
        transport: over === 'ws' ? wsUrl : httpUrl,
      })),
    });
    const settled = () =>
      expect.poll(() => balancer.head.best?.hash).toBe(devnet.blocks.at(-1)?.hash);
    await balancer.ready();
    await settled();
    const session = balancer.session();
    const request = <T>(method: string, ...params: readonly unknown[]): Promise<T> =>
      balancer.request<T>(method, params, { session });
    const logs = await request<string>('eth_newFilter', { address: emitter.address });
    const blocks = await request<string>('eth_newBlockFilter');
    const changes = async () =>
      (await request<readonly Log[]>('eth_getFilterChanges', logs)).map(
        ({ topics: [topic], removed }) => `${removed ? '-' : '+'}${Number(topic)}`,
      );

    await emitter.emit(1);
    await devnet.mine();
    await emitter.emit(2);
    await devnet.mine();
    await settled();
    expect(await changes()).toEqual(['+1', '+2']);
    expect(await request('eth_getFilterChanges', blocks)).toEqual(
      devnet.blocks.slice(-2).map(({ hash }) => hash),
    );

    await first.crash();
    await devnet.reorg(2, { drop: true });
    await emitter.emit(3);
    await devnet.mine();
    await settled();
    expect(await changes()).toEqual(['-2', '-1', '+3']);
    expect(await changes()).toEqual([]);
    expect(await request('eth_getFilterLogs', logs)).toHaveLength(1);
    expect(await request('eth_uninstallFilter', logs)).toBe(true);
    await expect(changes()).rejects.toMatchObject({ code: -32_000, message: 'filter not found' });
  });
});
