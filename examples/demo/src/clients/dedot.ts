import type { KeyringPair } from '@polkadot/keyring/types';
import { DedotClient, type JsonRpcProvider } from 'dedot';
import { RuntimeApis } from 'dedot/runtime-specs';
import type { Client } from './client.ts';
import { endOf } from './end-of.ts';

/** dedot over a provider, by its older or its newer group of calls. */
export async function dedot(
  name: string,
  provider: JsonRpcProvider,
  from: KeyringPair,
  rpcVersion: 'legacy' | 'v2',
): Promise<Client> {
  const troubles: string[] = [];
  let isClosing = false;
  for (const event of ['disconnected', 'reconnecting', 'error'] as const) {
    provider.on(event, () => {
      if (!isClosing) troubles.push(event);
    });
  }
  await provider.connect();
  const [genesis, { specVersion }, metadata] = await Promise.all([
    provider.send<string>('chain_getBlockHash', [0]),
    provider.send<{ readonly specVersion: number }>('state_getRuntimeVersion', []),
    provider.send<`0x${string}`>('state_getMetadata', []),
  ]);
  const client = await DedotClient.new({
    provider,
    rpcVersion,
    // The local chain's runtime neither offers metadata by version nor describes its calls.
    metadata: { [`RAW_META/${genesis}/${specVersion}`]: metadata },
    runtimeApis: RuntimeApis,
    // By itself it connects anew where no block was heard for 30 s, also when the chain made none.
    stalingDetectionTimeout: 0,
  });
  return {
    name,
    troubles,
    skipsBest: rpcVersion === 'v2',
    async follow(heads) {
      client.block.finalized(({ hash, number }) => heads.finalized(hash, number));
      client.block.best(({ hash, parent }) => heads.best(hash, parent));
    },
    reads: [
      async () => client.query.system.number(),
      async () => void (await client.call.core.version()),
    ],
    async transfer(listener) {
      await client.tx.balances
        .transferKeepAlive(from.address, 1n)
        .signAndSend(from, ({ status, txHash, dispatchError }) => {
          listener.sent(txHash);
          if (status.type === 'Finalized') {
            const block = status.value.blockHash;
            listener.ended({ type: 'finalized', block, succeeded: dispatchError === undefined });
          } else if (status.type === 'Invalid' || status.type === 'Drop') {
            listener.ended({ type: 'lost', reason: `${status.type}: ${status.value.error}` });
          }
        })
        .catch((error) => listener.ended(endOf(error)));
    },
    async close() {
      isClosing = true;
      await client.disconnect();
    },
  };
}
