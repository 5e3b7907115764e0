import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { knownChainIds } from './families.ts';
import { mainSchema } from './schema.ts';
import { chainDefaults } from './to-config.ts';

/*
 * docs/configuration.md has a row for every key of the schema, and its defaults are the schema's.
 */

const text = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
const rows = new Map(
  [...text.matchAll(/^\| `([^`]+)` \|.*\|([^|]*)\|$/gm)].map(([, key, cell]) => [
    key!,
    cell!.trim(),
  ]),
);

interface Key {
  readonly path: string;
  readonly schema: z.ZodType;
  readonly required: boolean;
  readonly value: unknown;
}

/** The schema below its wrappers. */
function unwrap(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  const isPreprocess = schema instanceof z.ZodPipe && schema.def.in instanceof z.ZodTransform;
  return isPreprocess ? unwrap(schema.def.out as z.ZodType) : schema;
}

function keysOf(schema: z.ZodType, path: string): Key[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return keysOf(inner.element as z.ZodType, `${path}[]`);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([name, member]) => {
    const key = path === '' ? name : `${path}.${name}`;
    const parsed = member.safeParse(undefined);
    const value = parsed.success ? parsed.data : undefined;
    const below = name === 'options' ? [] : keysOf(member, key);
    return [{ path: key, schema: member, required: !parsed.success, value }, ...below];
  });
}

/** What both kinds of connection have is told once, and so are the credentials of rpc and ws. */
function documented(path: string): string {
  return path
    .replace(/\.connection\.ethereum\./, '.connection.polkadot.')
    .replace(/^.*\.polkadot\.(?:rpc|ws)\.(basic-auth|bearer-auth|headers|tls)/, '….$1');
}

const keys = keysOf(mainSchema, '').map((key) => ({ ...key, path: documented(key.path) }));

describe('docs/configuration.md', () => {
  it('has a row for every key, and no others', () => {
    const paths = new Set(keys.map(({ path }) => path));
    expect([...paths].filter((path) => !rows.has(path))).toEqual([]);
    const values = ['${NAME}'];
    expect([...rows.keys()].filter((row) => !paths.has(row) && !values.includes(row))).toEqual([]);
  });

  it('says which keys are required', () => {
    const shared = new Set(['cluster.upstreams']);
    const said = keys.filter(({ path }) => rows.get(path) === 'required' && !shared.has(path));
    expect(said.map(({ path }) => path)).toEqual(
      keys.filter(({ required }) => required).map(({ path }) => path),
    );
  });

  it('says the defaults', () => {
    for (const { path, schema, required, value } of keys) {
      if (required || value === undefined || unwrap(schema) instanceof z.ZodObject) continue;
      const cell = /^`(.*)`$/.exec(rows.get(path)!)?.[1];
      expect(cell, path).toBeDefined();
      expect(schema.parse(cell), path).toEqual(value);
    }
  });

  it('says the defaults of a chain', () => {
    const seconds = (key: string) => {
      return Number(/^`(\d+)s`$/.exec(rows.get(`cluster.defaults[].${key}`)!)?.[1]) * 1000;
    };
    expect(seconds('deadline')).toBe(chainDefaults.deadlineMs);
    expect(seconds('timeout')).toBe(chainDefaults.attemptTimeoutMs);
    expect(seconds('validation-interval')).toBe(chainDefaults.probeIntervalMs);
    expect(rows.get('cluster.defaults[].min-peers')).toBe(`\`${chainDefaults.minPeers}\``);
  });

  it('lists the chains that are known', () => {
    const listed = /no entry needed: (.*?)\. Any other/s.exec(text)?.[1] ?? '';
    expect([...listed.matchAll(/`([^`]+)`/g)].map(([, id]) => id)).toEqual(knownChainIds);
  });
});
