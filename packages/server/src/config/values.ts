import { z } from 'zod';

/*
 * The building blocks of the schema. Every scalar comes as text; every error message says what is
 * allowed, and nothing else: what was found is added by `explainIssues`.
 */

/** A scalar: `parse` gives its value, or `undefined` when the text is not `allowed`. */
export function scalar<T>(allowed: string, parse: (text: string) => T | undefined) {
  return z.string({ error: () => allowed }).transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: allowed });
    return z.NEVER;
  });
}

/** Text that is not empty. */
export function text(allowed: string) {
  return scalar(allowed, (value) => (value === '' ? undefined : value));
}

/** Text of a certain form. */
export function matching(pattern: RegExp, allowed: string) {
  return scalar(allowed, (value) => (pattern.test(value) ? value : undefined));
}

/** One of a few words; `standsFor` are other words for them. */
export function oneOf<const T extends string>(
  words: readonly T[],
  standsFor: Readonly<Record<string, T>> = {},
) {
  return scalar(words.join(', '), (value) => {
    return words.find((word) => word === value) ?? standsFor[value];
  });
}

/** `true` or `false`. */
export function flag() {
  return scalar('true, false', (value) => {
    if (value === 'true') return true;
    return value === 'false' ? false : undefined;
  });
}

/** A flag of Dshackle's of which we have one side only. */
export function only<const T extends boolean>(side: T, why: string) {
  return scalar(`${side} (${why})`, (value) => (value === String(side) ? side : undefined));
}

/** A whole number; `note` follows what is said to be allowed. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER, note?: string) {
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  const allowed = `a whole number ${range}${note === undefined ? '' : `, ${note}`}`;
  return scalar(allowed, (value) => {
    const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Node's timers take no more (2³¹ − 1). */
const maxDurationMs = 2_147_483_647;

/** A duration, in milliseconds. `bare: 'seconds'` also takes a plain number, as Dshackle has it. */
export function duration(bare?: 'seconds') {
  const plain = bare === undefined ? '' : ' or seconds as a whole number';
  return scalar(`a duration like 500ms, 10s, 5m or 1h${plain}`, (value) => {
    const parts = /^(\d{1,12})(ms|s|m|h|)$/.exec(value);
    if (parts === null) return undefined;
    const unit = parts[2] === '' ? (bare === undefined ? undefined : 's') : parts[2]!;
    const ms = unit === undefined ? 0 : Number(parts[1]) * durationUnits[unit]!;
    return ms > 0 && ms <= maxDurationMs ? ms : undefined;
  });
}

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  kb: 2 ** 10,
  mb: 2 ** 20,
  gb: 2 ** 30,
};

/** A size, in bytes. */
export function size(maxBytes = 2 ** 30) {
  const max = maxBytes === 2 ** 30 ? '1gb' : `${maxBytes / 2 ** 20}mb`;
  return scalar(`a size like 65536, 512kb or 10mb, at most ${max}`, (value) => {
    const parts = /^(\d{1,12})(kb|mb|gb|)$/i.exec(value);
    const bytes = parts === null ? 0 : Number(parts[1]) * sizeUnits[parts[2]!.toLowerCase()]!;
    return bytes > 0 && bytes <= maxBytes ? bytes : undefined;
  });
}

/** A URL with one of these schemes and a host. */
export function url(...schemes: readonly string[]) {
  const allowed = `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return scalar(allowed, (value) => {
    if (!URL.canParse(value)) return undefined;
    return schemes.includes(new URL(value).protocol.slice(0, -1)) ? value : undefined;
  });
}

/** A list with at least one item. */
export function list<T extends z.ZodType>(item: T) {
  return z
    .array(item, { error: () => 'a list' })
    .min(1, { error: () => 'a list with at least one item' });
}

/** A list, or its only item by itself. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), list(item));
}

/** A mapping with exactly these keys; `allowed` is said where there is none. */
export function mapping<T extends z.ZodRawShape>(shape: T, allowed = 'a mapping') {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? keys : allowed),
  });
}

/** A mapping with keys of the user's own. */
export function dictionary<T extends z.ZodType<unknown, string>>(value: T) {
  return z.record(z.string(), value, { error: () => 'a mapping' });
}
