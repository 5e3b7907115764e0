import type { KeyringPair } from '@polkadot/keyring/types';
import { createClient, Enum } from 'polkadot-api';
import { getPolkadotSigner } from 'polkadot-api/signer';
import type { Client } from './client.ts';
import { endOf } from './end-of.ts';

type JsonRpcProvider = Parameters<typeof createClient>[0];

/** `polkadot-api` over a provider: it knows a chain by `chainHead_v1` alone. */
export function polkadotApi(name: string, provider: JsonRpcProvider, from: KeyringPair): Client {
  const troubles: string[] = [];
  let isClosing = false;
  const client = createClient((onMessage, ...rest) =>
    provider(
      (message) => {
        // The library begins anew and says nothing; its application may miss blocks meanwhile.
        if (!isClosing && isStop(message)) troubles.push('the follow was stopped');
        onMessage(message);
      },
      ...rest,
    ),
  );
  const api = client.getUnsafeApi();
  const transfer = () => {
    const dest = Enum('Id', from.address);
    return api.tx.Balances!.transfer_keep_alive!({ dest, value: 1n });
  };
  const heard = new Set<string>();
  const onError = (error: unknown): void => {
    if (!isClosing) troubles.push(String(error));
  };
  return {
    name,
    troubles,
    async follow(heads) {
      client.finalizedBlock$.subscribe({
        next: ({ hash, number }) => heads.finalized(hash, number),
        error: onError,
      });
      client.bestBlocks$.subscribe({
        next(blocks) {
          // Each list reaches from the best block down to the finalized one.
          for (const { hash, parent } of blocks.toReversed()) {
            if (heard.has(hash)) continue;
            heard.add(hash);
            heads.best(hash, parent);
          }
        },
        error: onError,
      });
    },
    reads: [
      async () => Number(await api.query.System!.Number!.getValue()),
      async () => Number(await api.query.System!.Number!.getValue({ at: 'best' })),
      // Calls into the runtime are made for each transfer; by name the local chain's metadata has none.
    ],
    transfer(listener) {
      const signer = getPolkadotSigner(from.publicKey, 'Sr25519', (data) => from.sign(data));
      return new Promise((resolve) => {
        transfer()
          .signSubmitAndWatch(signer)
          .subscribe({
            next(event) {
              listener.sent(event.txHash);
              if (event.type !== 'finalized') return;
              listener.ended({ type: 'finalized', block: event.block.hash, succeeded: event.ok });
            },
            error(error) {
              listener.ended(endOf(error));
              resolve();
            },
            complete: resolve,
          });
      });
    },
    async close() {
      isClosing = true;
      client.destroy();
    },
  };
}

/** Whether it is the event by which a server ends a follow. */
function isStop(message: unknown): boolean {
  const { params } = message as { readonly params?: { readonly result?: { event?: unknown } } };
  return params?.result?.event === 'stop';
}
