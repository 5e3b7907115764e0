import { ApiPromise } from '@polkadot/api';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import type { Client } from './client.ts';
import { endOf } from './end-of.ts';

/** `@polkadot/api` over a provider, which it closes in the end. */
export async function polkadotJs(
  name: string,
  provider: ProviderInterface,
  from: KeyringPair,
): Promise<Client> {
  const troubles: string[] = [];
  let isClosing = false;
  for (const event of ['disconnected', 'error'] as const) {
    provider.on(event, () => {
      if (!isClosing) troubles.push(event);
    });
  }
  const api = await ApiPromise.create({ provider, noInitWarn: true });
  const { system } = api.query;
  const { version } = api.call.core ?? {};
  const { transferKeepAlive } = api.tx.balances ?? {};
  if (!system?.number || !version || !transferKeepAlive) throw new Error('another chain');
  const { number } = system;
  return {
    name,
    troubles,
    async follow(heads) {
      await api.rpc.chain.subscribeFinalizedHeads((head) =>
        heads.finalized(head.hash.toHex(), head.number.toNumber()),
      );
      await api.rpc.chain.subscribeNewHeads((head) =>
        heads.best(head.hash.toHex(), head.parentHash.toHex()),
      );
    },
    reads: [
      async () => (await api.rpc.chain.getHeader()).number.toNumber(),
      async () => Number((await number()).toString()),
      async () => void (await version()),
    ],
    async transfer(listener) {
      try {
        // As signAndSend does it, which says nothing of the hash of what is declined.
        const transaction = await transferKeepAlive(from.address, 1n).signAsync(from);
        listener.sent(transaction.hash.toHex());
        await transaction.send(({ status, dispatchError }) => {
          if (status.isFinalized) {
            const block = status.asFinalized.toHex();
            listener.ended({ type: 'finalized', block, succeeded: dispatchError === undefined });
          } else if (status.isInvalid || status.isDropped || status.isUsurped) {
            listener.ended({ type: 'lost', reason: status.type });
          }
        });
      } catch (error) {
        listener.ended(endOf(error));
      }
    },
    async close() {
      isClosing = true;
      await api.disconnect();
    },
  };
}
