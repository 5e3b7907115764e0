import { describe, expect, it } from 'vitest';
import { splitObject } from './members.ts';

describe('the members of an object', () => {
  it('keep the text of their values, and their order', () => {
    expect(splitObject(' { "b" : 1.50, "a":[ 1 , {"b":2} ] , "\\u0061" : "x" } ')).toEqual([
      ['b', '1.50'],
      ['a', '[ 1 , {"b":2} ]'],
      ['a', '"x"'],
    ]);
    expect(splitObject('{}')).toEqual([]);
  });

  it('may have names that mean something to objects', () => {
    expect(splitObject('{"__proto__":1,"constructor":2}')).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
  });

  it.each(['', '[]', '{"a":1', '{"a" 1}', '{"a":1}}', '{a:1}'])('are not those of %s', (text) => {
    expect(() => splitObject(text)).toThrow(SyntaxError);
  });
});
