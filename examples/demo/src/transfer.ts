import type { ApiPromise } from '@polkadot/api';
import type { KeyringPair } from '@polkadot/keyring/types';

/** Sends a signed transfer and resolves with the height of the block that made it final. */
export function transferAndWatch(
  api: ApiPromise,
  from: KeyringPair,
  to: string,
  amount: bigint,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const { transferKeepAlive } = api.tx.balances ?? {};
    if (!transferKeepAlive) {
      reject(new Error('this chain has no balances.transferKeepAlive'));
      return;
    }
    let unwatch: (() => void) | undefined;
    transferKeepAlive(to, amount)
      .signAndSend(from, async ({ status, dispatchError }) => {
        if (dispatchError) reject(new Error(`the transfer failed: ${dispatchError.toString()}`));
        if (status.isInvalid || status.isDropped || status.isUsurped) {
          reject(new Error(`the transfer ended as ${status.type}`));
        }
        if (!status.isFinalized) return;
        unwatch?.();
        const header = await api.rpc.chain.getHeader(status.asFinalized);
        resolve(header.number.toNumber());
      })
      .then((stop) => {
        unwatch = stop;
      })
      .catch(reject);
  });
}

/** Sends a signed transfer without watching it; resolves with its hash once a node took it. */
export async function transfer(
  api: ApiPromise,
  from: KeyringPair,
  to: string,
  amount: bigint,
): Promise<string> {
  const { transferKeepAlive } = api.tx.balances ?? {};
  if (!transferKeepAlive) throw new Error('this chain has no balances.transferKeepAlive');
  return (await transferKeepAlive(to, amount).signAndSend(from, { nonce: -1 })).toHex();
}

/** The free balance of an account, in the chain's smallest unit. */
export async function freeBalance(api: ApiPromise, address: string): Promise<bigint> {
  const account = (await api.query.system?.account?.(address)) as unknown as {
    readonly data: { readonly free: { toBigInt(): bigint } };
  };
  return account.data.free.toBigInt();
}
