import { Transaction } from 'ethers';

/** What is read of the answer to `txpool_content`. */
export interface PoolContent {
  readonly pending: Senders;
  readonly queued: Senders;
}

/** By account, then by nonce. */
type Senders = Readonly<Record<string, Readonly<Record<string, PoolTransaction>>>>;

/** A transaction as nodes write it in JSON: which of the fields there are, its type says. */
export interface PoolTransaction {
  readonly hash: string;
  readonly type: string;
  readonly nonce: string;
  readonly gas: string;
  readonly to: string | null;
  readonly value: string;
  readonly input: string;
  readonly chainId?: string;
  readonly gasPrice?: string;
  readonly maxFeePerGas?: string;
  readonly maxPriorityFeePerGas?: string;
  readonly accessList?: { readonly address: string; readonly storageKeys: string[] }[];
  readonly r: string;
  readonly s: string;
  readonly v: string;
}

/**
 * The signed transactions of a block that is answered with them, as hex.
 *
 * @throws Error when one has another hash than the node says
 */
export function blockTransactions(transactions: readonly PoolTransaction[]): readonly string[] {
  return transactions.map(textOf);
}

/**
 * The signed transactions of a pool, as hex, by account and nonce. They are put together again: to ask
 * for each would take so long that the pool is another one then.
 *
 * @throws Error when one has another hash than the node says
 */
export function poolTransactions({ pending, queued }: PoolContent): readonly string[] {
  return [pending, queued]
    .flatMap((senders) => Object.values(senders))
    .flatMap((byNonce) => Object.values(byNonce))
    .map(textOf);
}

/** Signed texts by hash: those that wait are looked at again at each block. The oldest is given up. */
const texts = new Map<string, string>();
const MAX_TEXTS = 20_000;

function textOf(transaction: PoolTransaction): string {
  const { hash } = transaction;
  const text = texts.get(hash) ?? serialized(transaction);
  texts.set(hash, text);
  if (texts.size > MAX_TEXTS) texts.delete(texts.keys().next().value as string);
  return text;
}

function serialized(from: PoolTransaction): string {
  const type = Number(from.type);
  const { hash, serialized } = Transaction.from({
    type,
    nonce: Number(from.nonce),
    gasLimit: from.gas,
    to: from.to,
    value: from.value,
    data: from.input,
    signature: { r: from.r, s: from.s, v: from.v },
    ...(from.chainId !== undefined && { chainId: from.chainId }),
    ...(type > 0 && { accessList: from.accessList ?? [] }),
    ...(type === 2
      ? { maxFeePerGas: from.maxFeePerGas, maxPriorityFeePerGas: from.maxPriorityFeePerGas }
      : { gasPrice: from.gasPrice }),
  } as never);
  if (hash !== from.hash) throw new Error(`[unknown kind] transaction ${from.hash}, type ${type}`);
  return serialized;
}
