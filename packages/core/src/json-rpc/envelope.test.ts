import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Envelope, isBatch, readEnvelope, splitBatch } from './envelope.ts';

const names = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'] as const;

/** What an envelope says once its members are parsed. */
function parsed(envelope: Envelope): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const raw = envelope[name];
    if (raw !== undefined) values[name] = JSON.parse(raw);
  }
  return values;
}

/** The same, from `JSON.parse`; `undefined` when the text is not one object. */
function expected(text: string): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const values: Record<string, unknown> = {};
  for (const name of names) {
    if (Object.hasOwn(value, name)) values[name] = (value as Record<string, unknown>)[name];
  }
  return values;
}

function attempt(text: string): Record<string, unknown> | undefined {
  try {
    return parsed(readEnvelope(text));
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError);
    return undefined;
  }
}

describe('readEnvelope', () => {
  it('finds the members without touching their text', () => {
    const text = ' {"jsonrpc":"2.0", "id" : 7 ,"result": {"a": [1, 2.50]} , "other": [{}]}\n';
    expect(readEnvelope(text)).toEqual({
      jsonrpc: '"2.0"',
      id: '7',
      method: undefined,
      params: undefined,
      result: '{"a": [1, 2.50]}',
      error: undefined,
    });
  });

  it('knows a member whose name is escaped', () => {
    expect(readEnvelope('{"\\u0069d":1,"r\\u0065sult":"\\""}')).toMatchObject({
      id: '1',
      result: '"\\""',
    });
  });

  it('lets the last of two members with one name count', () => {
    expect(readEnvelope('{"id":1,"id":2}').id).toBe('2');
  });

  it.each([
    ['', 'not JSON: the text ends at position 0, expected an object'],
    ['[]', 'not JSON: found "[" at position 0, expected an object'],
    ['{"id":1', 'not JSON: the text ends at position 7, expected "," or "}"'],
    ['{"id":1}x', 'not JSON: found "x" at position 8, expected the end'],
    ['{"id":01}', 'not JSON: found "1" at position 7, expected "," or "}"'],
    ['{"id":-}', 'not JSON: found "}" at position 7, expected a digit'],
    ['{"id":nul}', 'not JSON: found "n" at position 6, expected a value'],
    ['{"id":"a\\x"}', 'not JSON: found "\\\\" at position 8, expected a valid escape'],
    ['{"id":"a\n"}', 'not JSON: found "\\n" at position 8, expected no raw control character'],
    ['{"id":"a}', 'not JSON: the text ends at position 9, expected the end of a string'],
    ['{"id" 1}', 'not JSON: found "1" at position 6, expected ":"'],
    ['{"id":[1}', 'not JSON: found "}" at position 8, expected "," or "]"'],
    ['{"id":[1,]}', 'not JSON: found "]" at position 9, expected a value'],
    ['{"id":1,}', 'not JSON: found "}" at position 8, expected a member name'],
  ])('says what is wrong with %j and where', (text, message) => {
    expect(() => readEnvelope(text)).toThrow(new SyntaxError(message));
  });

  it('refuses a million nested brackets without running out of stack', () => {
    const deep = 1_000_000;
    expect(() => readEnvelope(`{"result":${'['.repeat(deep)}${']'.repeat(deep)}}`)).toThrow(
      'at most 10000 levels',
    );
    expect(() => readEnvelope(`{"result":${'{"a":'.repeat(deep)}`)).toThrow('at most 10000 levels');
  });

  it('finds a raw control character in a string of any length, and takes those between values', () => {
    const long = 'x'.repeat(200_000);
    const text = `{"id":1,\n"result":["${long}",\t"${long}"]}\n`;
    expect(readEnvelope(text).result).toBe(`["${long}",\t"${long}"]`);
    for (const control of ['\n', '\u0000', '\u001f']) {
      const broken = `{"id":1,\n"result":["${long}",\t"${long}${control}${long}"]}`;
      expect(() => JSON.parse(broken)).toThrow();
      expect(() => readEnvelope(broken)).toThrow('no raw control character');
    }
  });

  it('reads nesting as deep as a call trace', () => {
    const result = `${'{"calls":['.repeat(2000)}${']}'.repeat(2000)}`;
    expect(readEnvelope(`{"id":1,"result":${result}}`).result).toBe(result);
  });

  it('equals JSON.parse for any object, however it is spaced', () => {
    fc.assert(
      fc.property(message(), fc.constantFrom('', ' ', '\t', '\n'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(attempt(text)).toEqual(expected(text));
      }),
      { numRuns: 500 },
    );
  });

  it('throws or equals JSON.parse for any corrupted text', () => {
    fc.assert(
      fc.property(message(), fc.array(damage(), { minLength: 1, maxLength: 3 }), (value, hits) => {
        let text = JSON.stringify(value, null, hits.length === 3 ? 1 : 0);
        for (const hit of hits) {
          const at = Math.floor(hit.at * text.length);
          text = text.slice(0, at) + hit.put + text.slice(at + hit.cut);
        }
        expect(attempt(text)).toEqual(expected(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('throws or equals JSON.parse for any soup of JSON tokens', () => {
    const soup = fc
      .array(fc.constantFrom(...tokens), { maxLength: 12 })
      .map((parts) => `{"id":${parts.join('')}}`);
    fc.assert(
      fc.property(soup, (text) => {
        expect(attempt(text)).toEqual(expected(text));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('splitBatch', () => {
  it('gives the items as they came', () => {
    expect(splitBatch(' [ {"id":1} ,[2], "]," ] ', 3)).toEqual(['{"id":1}', '[2]', '"],"']);
    expect(splitBatch('[]', 0)).toEqual([]);
  });

  it('refuses more items than the limit', () => {
    expect(() => splitBatch('[1,2,3]', 2)).toThrow(RangeError);
  });

  it.each(['', '{}', '[', '[1', '[1,]', '[1 2]', '[]]'])('refuses %j', (text) => {
    expect(() => splitBatch(text, 10)).toThrow(SyntaxError);
  });

  it('equals JSON.parse for any array', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const text = JSON.stringify(values);
        expect(splitBatch(text, values.length).map((item) => JSON.parse(item))).toEqual(
          JSON.parse(text),
        );
      }),
    );
  });
});

describe('isBatch', () => {
  it('looks at the first character that is not space', () => {
    expect(isBatch('\n [1]')).toBe(true);
    expect(isBatch(' {"a":[]}')).toBe(false);
    expect(isBatch('')).toBe(false);
  });
});

/** Objects that look like JSON-RPC and objects that do not. */
function message(): fc.Arbitrary<Record<string, unknown>> {
  const key = fc.oneof(fc.constantFrom(...names), fc.string());
  // __proto__ is a setter on the object literal that fast-check builds.
  return fc.dictionary(
    key.filter((name) => name !== '__proto__'),
    fc.jsonValue(),
    { maxKeys: 8 },
  ) as fc.Arbitrary<Record<string, unknown>>;
}

const tokens = [
  ...'{}[],:"\\ \n\t-+.eE0123u',
  ...['1e5', '-0', '0.', '.5', 'true', 'false', 'null', '""', '"id"', '\\u00', '\u0000', '\u00e9'],
];

function damage(): fc.Arbitrary<{ at: number; cut: number; put: string }> {
  return fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    cut: fc.nat(3),
    put: fc.oneof(fc.constant(''), fc.constantFrom(...tokens), fc.string({ maxLength: 3 })),
  });
}
