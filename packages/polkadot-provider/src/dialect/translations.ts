import { accountOf, readExtrinsic } from '../chain/extrinsic.ts';
import type { HeaderHasher } from '../chain/header.ts';
import { bytes, hash as hashParam, ParamError, text } from '../service/check-params.ts';
import type { StorageItem, StorageQuery } from '../service/storage-items.ts';
import type { Budget } from './budget.ts';
import { decodeNonce, decodeOpaque, decodeRuntimeVersion } from './decode.ts';
import type { NewApiNode } from './new-api-node.ts';
import type { NodeSubmissions } from './node-submissions.ts';
import { notNow } from './refusal.ts';

/** What a translation may use. */
export interface Translating {
  readonly node: NewApiNode;
  readonly submissions: NodeSubmissions;
  readonly hasher: HeaderHasher;
  readonly budget: Budget;
}

/** Answers one of the older calls by the new ones: the result, to be written as JSON. */
export type Translation = (params: readonly unknown[], by: Translating) => Promise<unknown>;

/** A child trie's key in the main trie begins with these bytes: `:child_storage:default:`. */
const childPrefix = '0x3a6368696c645f73746f726167653a64656661756c743a';
/** Keys of one `state_queryStorageAt` that are read at once. */
const concurrency = 16;
/** As many keys as nodes give at a time (polkadot-sdk, `STORAGE_KEYS_PAGED_MAX_COUNT`). */
const maxPage = 1000;

/** The block that a call names, or the node's best one. */
async function blockOf(param: unknown, { node, budget }: Translating): Promise<string> {
  if (param !== undefined && param !== null) return hashParam('hash', param);
  return bestHash(node, budget);
}

async function bestHash(node: NewApiNode, budget: Budget): Promise<string> {
  if (!node.canFollow) return archivedHead(node, budget);
  const best = node.current?.best ?? (await node.follow(budget)).best;
  if (!best) throw notNow('the node has not told its best block');
  return best.hash;
}

/** Over HTTP nobody tells what is best: the finalized head is the newest block that is known. */
async function archivedHead(node: NewApiNode, budget: Budget): Promise<string> {
  if (!node.has('archive_v1_finalizedHeight')) throw notNow('heads of this node take a WebSocket');
  const height = Number(await node.ask('archive_v1_finalizedHeight', [], budget));
  const raw = await node.ask('archive_v1_hashByHeight', [height], budget);
  const [hash] = JSON.parse(raw) as readonly string[];
  if (hash === undefined) throw notNow('the node has no block at its finalized height');
  return hash;
}

async function finalizedHash({ node, budget }: Translating): Promise<string> {
  if (!node.canFollow) return archivedHead(node, budget);
  const finalized = node.current?.finalized ?? (await node.follow(budget)).finalized;
  if (!finalized) throw notNow('the node has not told its finalized block');
  return finalized.hash;
}

async function hashAt(param: unknown, by: Translating): Promise<unknown> {
  const { node, budget } = by;
  if (param === undefined || param === null) return bestHash(node, budget);
  if (Array.isArray(param)) return Promise.all(param.map((each) => hashAt(each, by)));
  const number =
    typeof param === 'number' || typeof param === 'string' ? Number(param) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < 0)
    throw new ParamError('hash must be a block number');
  if (number === 0) return JSON.parse(await node.ask(genesisCall(node), [], budget)) as unknown;
  const pinned = node.current?.blockAt(number);
  if (pinned) return pinned.hash;
  const method = 'archive_v1_hashByHeight';
  if (!node.has(method)) return null;
  const hashes = JSON.parse(await node.ask(method, [number], budget)) as readonly string[];
  return hashes[0] ?? null;
}

/** The call by which a node tells its genesis. */
export function genesisCall(node: Pick<NewApiNode, 'has'>): string {
  const older = 'archive_v1_genesisHash';
  return !node.has('chainSpec_v1_genesisHash') && node.has(older)
    ? older
    : 'chainSpec_v1_genesisHash';
}

const getHeader: Translation = async ([at], by) =>
  (await by.node.header(await blockOf(at, by), by.budget)) ?? null;

const getBlock: Translation = async ([at], by) => {
  const hash = await blockOf(at, by);
  const header = await by.node.header(hash, by.budget);
  const extrinsics = header && (await by.node.body(hash, by.budget));
  return extrinsics ? { block: { header, extrinsics }, justifications: null } : null;
};

const call: Translation = async ([name, input, at], by) =>
  by.node.call(await blockOf(at, by), text('name', name), bytes('bytes', input), by.budget);

/** A call of the runtime without params. */
const runtimeCall =
  (name: string, decode: (hex: string) => unknown): Translation =>
  async ([at], by) => {
    return decode(await by.node.call(await blockOf(at, by), name, '0x', by.budget));
  };

const runtimeVersion = runtimeCall('Core_version', decodeRuntimeVersion);

/** Reads one entry; `child` is the key of a child trie as it stands in the main one. */
async function entry(
  type: StorageQuery['type'],
  child: unknown,
  key: unknown,
  at: unknown,
  by: Translating,
): Promise<StorageItem | undefined> {
  const query = {
    at: await blockOf(at, by),
    child: childOf(child),
    key: bytes('key', key),
    type,
  };
  return (await by.node.storage(query, by.budget)).find((item) => item.key === query.key);
}

function childOf(key: unknown): string | null {
  if (key === null) return null;
  const hex = bytes('childStorageKey', key);
  if (!hex.startsWith(childPrefix))
    throw new ParamError('childStorageKey must be of the default sort');
  return `0x${hex.slice(childPrefix.length)}`;
}

const sizeOf = (item: StorageItem | undefined): number | null =>
  item?.value === undefined ? null : item.value.length / 2 - 1;

const getStorage: Translation = async ([key, at], by) =>
  (await entry('value', null, key, at, by))?.value ?? null;
const getStorageHash: Translation = async ([key, at], by) =>
  (await entry('hash', null, key, at, by))?.hash ?? null;
const getStorageSize: Translation = async ([key, at], by) =>
  sizeOf(await entry('value', null, key, at, by));

async function keysPaged(
  child: unknown,
  [prefix, count, after, at]: readonly unknown[],
  by: Translating,
): Promise<readonly string[]> {
  if (!Number.isSafeInteger(count) || Number(count) < 0 || Number(count) > maxPage) {
    throw new ParamError(`count must be a number from 0 to ${maxPage}`);
  }
  const query = {
    at: await blockOf(at, by),
    child: childOf(child),
    key: bytes('prefix', prefix ?? '0x'),
    // Hashes are shorter than what they are of.
    type: 'descendantsHashes' as const,
    page: {
      after: after === undefined || after === null ? null : bytes('startKey', after),
      count: Number(count),
    },
  };
  return (await by.node.storage(query, by.budget)).map(({ key }) => key);
}

const getKeysPaged: Translation = (params, by) => keysPaged(null, params, by);

const childKeysPaged: Translation = ([child, ...params], by) => keysPaged(child ?? '', params, by);

async function eachValue(
  child: unknown,
  keys: unknown,
  at: unknown,
  by: Translating,
): Promise<readonly (string | null)[]> {
  if (!Array.isArray(keys)) throw new ParamError('keys must be a list');
  const values: (string | null)[] = new Array(keys.length).fill(null);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < keys.length; i = next++) {
      values[i] = (await entry('value', child, keys[i], at, by))?.value ?? null;
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, keys.length) }, work));
  return values;
}

const queryStorageAt: Translation = async ([keys, at], by) => {
  const block = await blockOf(at, by);
  const values = await eachValue(null, keys, block, by);
  return [{ block, changes: (keys as readonly string[]).map((key, i) => [key, values[i]]) }];
};

const nextIndex: Translation = async ([address], by) => {
  const account = accountOf(address);
  if (account === undefined) throw new ParamError('account must be an address');
  const at = await bestHash(by.node, by.budget);
  return decodeNonce(await by.node.call(at, 'AccountNonceApi_account_nonce', account, by.budget));
};

const submit: Translation = async ([extrinsic], by) => {
  const transaction = readExtrinsic(extrinsic, by.hasher);
  if (!transaction) throw new ParamError('extrinsic must be one in hex, with its length in front');
  const at = await bestHash(by.node, by.budget);
  await by.submissions.submit(transaction.body, at, by.budget);
  return transaction.id;
};

/** The older calls that need nothing but a follow, or `archive_v1` for blocks that are not pinned. */
const translations: Readonly<Record<string, Translation>> = {
  chain_getBlockHash: ([number], by) => hashAt(number, by),
  chain_getHead: ([number], by) => hashAt(number, by),
  chain_getFinalizedHead: (_, by) => finalizedHash(by),
  chain_getFinalisedHead: (_, by) => finalizedHash(by),
  chain_getHeader: getHeader,
  chain_getBlock: getBlock,
  state_call: call,
  state_callAt: call,
  state_getStorage: getStorage,
  state_getStorageAt: getStorage,
  state_getStorageHash: getStorageHash,
  state_getStorageHashAt: getStorageHash,
  state_getStorageSize: getStorageSize,
  state_getStorageSizeAt: getStorageSize,
  state_getKeysPaged: getKeysPaged,
  state_getKeysPagedAt: getKeysPaged,
  state_queryStorageAt: queryStorageAt,
  state_getMetadata: runtimeCall('Metadata_metadata', decodeOpaque),
  state_getRuntimeVersion: runtimeVersion,
  chain_getRuntimeVersion: runtimeVersion,
  childstate_getStorage: async ([child, key, at], by) =>
    (await entry('value', child ?? '', key, at, by))?.value ?? null,
  childstate_getStorageHash: async ([child, key, at], by) =>
    (await entry('hash', child ?? '', key, at, by))?.hash ?? null,
  childstate_getStorageSize: async ([child, key, at], by) =>
    sizeOf(await entry('value', child ?? '', key, at, by)),
  childstate_getStorageEntries: ([child, keys, at], by) => eachValue(child ?? '', keys, at, by),
  childstate_getKeysPaged: childKeysPaged,
  childstate_getKeysPagedAt: childKeysPaged,
  system_accountNextIndex: nextIndex,
  account_nextIndex: nextIndex,
};

/** Those that need one more method of the node, which the second column names. */
const conditional: Readonly<Record<string, readonly [needs: string, Translation]>> = {
  system_chain: [
    'chainSpec_v1_chainName',
    async (_, { node, budget }) => JSON.parse(await node.ask('chainSpec_v1_chainName', [], budget)),
  ],
  system_properties: [
    'chainSpec_v1_properties',
    async (_, { node, budget }) =>
      JSON.parse(await node.ask('chainSpec_v1_properties', [], budget)),
  ],
  author_submitExtrinsic: ['transaction_v1_broadcast', submit],
};

/** How this node answers one of the older calls; `undefined` where it cannot. */
export function translationOf(
  method: string,
  node: Pick<NewApiNode, 'has'>,
): Translation | undefined {
  if (Object.hasOwn(translations, method)) return translations[method];
  if (!Object.hasOwn(conditional, method)) return undefined;
  const [needs, translation] = conditional[method] as (typeof conditional)[string];
  return node.has(needs) ? translation : undefined;
}

/** Names of the older calls that such a node answers. */
export function translated(node: Pick<NewApiNode, 'has'>): readonly string[] {
  const names = [...Object.keys(translations), ...Object.keys(conditional)];
  return names.filter((method) => translationOf(method, node) !== undefined);
}
