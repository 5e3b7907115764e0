import { keccak_256 } from '@noble/hashes/sha3.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { ParamError } from './param-error.ts';

/** As geth has it (eth/filters): more are refused. */
const maxAddresses = 1000;
const maxTopics = 4;
const maxAlternatives = 1000;

const address = /^0x[0-9a-f]{40}$/i;
const topic = /^0x[0-9a-f]{64}$/i;

/** What a filter asks of logs, as a param of `eth_getLogs`. */
export interface LogCriteria {
  readonly address?: readonly string[];
  readonly topics?: readonly (readonly string[] | null)[];
}

/** Which logs somebody wants, wherever they are. Equal ones have equal keys. */
export class LogFilter {
  readonly criteria: LogCriteria;
  readonly key: string;
  /** The bits of a bloom, one list for each alternative: of each group one alternative must be there. */
  readonly #groups: readonly (readonly (readonly number[])[])[];

  constructor(criteria: LogCriteria) {
    this.criteria = criteria;
    this.key = JSON.stringify(criteria);
    this.#groups = [criteria.address, ...(criteria.topics ?? [])]
      .filter((group) => group !== undefined && group !== null)
      .map((group) => group.map(bloomBits));
  }

  /** True when it asks for all logs there are. */
  get wantsAll(): boolean {
    return this.#groups.length === 0 && this.criteria.topics === undefined;
  }

  /** Could a block with this bloom have such logs? */
  mayBeIn(bloom: Uint8Array): boolean {
    const has = (bit: number): boolean => ((bloom[255 - (bit >> 3)] ?? 0) & (1 << (bit & 7))) !== 0;
    return this.#groups.every((group) => group.some((bits) => bits.every(has)));
  }
}

/**
 * The bits that a value sets in a bloom: the low 11 bits of each of the first three pairs of bytes of its
 * Keccak-256 (Ethereum Yellow Paper, section 4.3.1).
 */
function bloomBits(hex: string): readonly number[] {
  const hash = keccak_256(hexToBytes(hex.slice(2)));
  return [0, 2, 4].map((at) => (((hash[at] ?? 0) << 8) | (hash[at + 1] ?? 0)) & 2047);
}

/**
 * Reads `address` and `topics` of a filter object, as geth does: no list and an empty one ask for
 * nothing, and so does a list of alternatives that holds `null`.
 *
 * @throws ParamError when they are not what nodes take
 */
export function readLogFilter(param: unknown): LogFilter {
  if (param === undefined || param === null) return new LogFilter({});
  if (typeof param !== 'object' || Array.isArray(param)) {
    throw new ParamError('invalid argument 0: a filter is an object');
  }
  const { address: addresses, topics } = param as Readonly<Record<string, unknown>>;
  const where = readAlternatives('address', address, addresses, maxAddresses);
  const what = readTopics(topics);
  return new LogFilter({
    ...(where && { address: where }),
    ...(what.length > 0 && { topics: what }),
  });
}

function readTopics(topics: unknown): readonly (readonly string[] | null)[] {
  if (topics === undefined || topics === null) return [];
  if (!Array.isArray(topics)) throw new ParamError('invalid argument 0: topics must be a list');
  if (topics.length > maxTopics) throw new ParamError('exceed max topics');
  return topics.map(
    (each: unknown) => readAlternatives('topic', topic, each, maxAlternatives) ?? null,
  );
}

/** In one order and spelling; `undefined` when all will do. */
function readAlternatives(
  name: string,
  format: RegExp,
  value: unknown,
  limit: number,
): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > limit) throw new ParamError(`exceed max ${name} alternatives: ${limit}`);
  if (list.length === 0 || (name === 'topic' && list.includes(null))) return undefined;
  const read = list.map((each) => {
    if (typeof each === 'string' && format.test(each)) return each.toLowerCase();
    throw new ParamError(`invalid argument 0: ${JSON.stringify(each)} is no ${name}`);
  });
  return [...new Set(read)].sort();
}
