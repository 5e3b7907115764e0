import type { RawJson } from './message.ts';

const quote = 0x22;
const minus = 0x2d;
const zero = 0x30;
const nine = 0x39;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Deepest nesting accepted. The deepest honest answers are call traces: the EVM allows 1024 frames
 * and each is an object in an array.
 */
const maxDepth = 10_000;

/** The closing bracket of every level of the value being skipped. One scan runs at a time. */
const closers = new Uint8Array(maxDepth);

// The search for these is what a long string costs most, 0.7 to 0.8 ns a character on Node 20: a third
// of what `charCodeAt` in a loop takes, and still less than to parse it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON forbids in strings
const controlPattern = /[\u0000-\u001f]/g;
const escapePattern = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Walks over JSON text and checks it without building the values. Iterative, so that nesting costs
 * no stack, and it leaps over strings by searches.
 *
 * Every method starts at the current position, moves past what it read, and throws a `SyntaxError`
 * that says what was wrong and where.
 */
export class JsonScanner {
  readonly #text: string;
  #position = 0;
  /** Position of the first backslash not before the last string looked at. */
  #nextBackslash = -1;
  /** The same of the first control character. */
  #nextControl = -1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The opening of an object. Its members are read with {@link nextKey} and {@link value}. */
  openObject(): void {
    this.#expect(openBrace, 'an object');
  }

  /** The opening of an array. Its items are read with {@link nextItem} and {@link value}. */
  openArray(): void {
    this.#expect(openBracket, 'an array');
  }

  /**
   * The next member's name, unescaped, or `undefined` past the closing brace.
   * @param first whether this is the first call for the object
   */
  nextKey(first: boolean): string | undefined {
    if (this.#ended(first, closeBrace)) return undefined;
    this.#space();
    const start = this.#position;
    const escaped = this.#string('a member name');
    const end = this.#position;
    this.#expect(colon, '":"');
    return escaped
      ? (JSON.parse(this.#text.slice(start, end)) as string)
      : this.#text.slice(start + 1, end - 1);
  }

  /**
   * True when another item follows, false past the closing bracket.
   * @param first whether this is the first call for the array
   */
  nextItem(first: boolean): boolean {
    return !this.#ended(first, closeBracket);
  }

  /** One value of any kind, as its raw text without the space around it. */
  value(): RawJson {
    this.#space();
    const start = this.#position;
    this.#skipValue();
    return this.#text.slice(start, this.#position);
  }

  /** Nothing but space may follow. */
  end(): void {
    this.#space();
    if (this.#position < this.#text.length) this.#fail('the end');
  }

  /** Whether a list is over; moves past its closing bracket or past the comma. */
  #ended(first: boolean, closer: number): boolean {
    this.#space();
    const code = this.#text.charCodeAt(this.#position);
    if (code === closer) {
      this.#position++;
      return true;
    }
    if (first) return false;
    if (code !== comma) this.#fail(`"," or "${String.fromCharCode(closer)}"`);
    this.#position++;
    return false;
  }

  #skipValue(): void {
    const text = this.#text;
    let depth = 0;
    for (;;) {
      this.#space();
      const code = text.charCodeAt(this.#position);
      if (code === quote) {
        this.#string('a value');
      } else if (code === openBrace || code === openBracket) {
        if (depth === maxDepth) this.#fail(`at most ${maxDepth} levels`);
        const closer = code === openBrace ? closeBrace : closeBracket;
        this.#position++;
        if (!this.#ended(true, closer)) {
          closers[depth++] = closer;
          if (closer === closeBrace) this.#key();
          continue;
        }
      } else if (code === minus || (code >= zero && code <= nine)) {
        this.#number();
      } else {
        this.#literal();
      }
      // One value is complete: close the levels that end here.
      for (;;) {
        if (depth === 0) return;
        const closer = closers[depth - 1]!;
        if (!this.#ended(false, closer)) {
          if (closer === closeBrace) this.#key();
          break;
        }
        depth--;
      }
    }
  }

  #key(): void {
    this.#space();
    this.#string('a member name');
    this.#expect(colon, '":"');
  }

  /** Returns whether the string holds an escape. */
  #string(expected: string): boolean {
    const text = this.#text;
    const start = this.#position;
    if (text.charCodeAt(start) !== quote) this.#fail(expected);
    let end = text.indexOf('"', start + 1);
    // The next backslash is remembered from string to string: most texts have none at all.
    if (this.#nextBackslash < start) this.#nextBackslash = indexOrInfinity(text, start);
    const escaped = this.#nextBackslash < end;
    while (end !== -1 && this.#nextBackslash < end) {
      escapePattern.lastIndex = this.#nextBackslash;
      if (!escapePattern.test(text)) this.#failAt(this.#nextBackslash, 'a valid escape');
      const after = escapePattern.lastIndex;
      if (end < after) end = text.indexOf('"', after);
      this.#nextBackslash = indexOrInfinity(text, after);
    }
    if (end === -1) this.#failAt(text.length, 'the end of a string');
    if (this.#nextControl < start) {
      controlPattern.lastIndex = start;
      this.#nextControl = controlPattern.test(text)
        ? controlPattern.lastIndex - 1
        : Number.POSITIVE_INFINITY;
    }
    if (this.#nextControl < end) this.#failAt(this.#nextControl, 'no raw control character');
    this.#position = end + 1;
    return escaped;
  }

  #number(): void {
    const text = this.#text;
    if (text.charCodeAt(this.#position) === minus) this.#position++;
    if (text.charCodeAt(this.#position) === zero) this.#position++;
    else this.#digits();
    if (text.charCodeAt(this.#position) === 0x2e /* . */) {
      this.#position++;
      this.#digits();
    }
    const exponent = text.charCodeAt(this.#position) | 0x20;
    if (exponent === 0x65 /* e */) {
      this.#position++;
      const sign = text.charCodeAt(this.#position);
      if (sign === minus || sign === 0x2b /* + */) this.#position++;
      this.#digits();
    }
  }

  #digits(): void {
    const text = this.#text;
    const start = this.#position;
    let position = start;
    for (;;) {
      const code = text.charCodeAt(position);
      if (!(code >= zero && code <= nine)) break;
      position++;
    }
    this.#position = position;
    if (position === start) this.#fail('a digit');
  }

  #literal(): void {
    const text = this.#text;
    const position = this.#position;
    if (text.startsWith('null', position) || text.startsWith('true', position)) {
      this.#position = position + 4;
    } else if (text.startsWith('false', position)) {
      this.#position = position + 5;
    } else {
      this.#fail('a value');
    }
  }

  #space(): void {
    const text = this.#text;
    let position = this.#position;
    for (;;) {
      const code = text.charCodeAt(position);
      if (code > 0x20 || !(code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09)) break;
      position++;
    }
    this.#position = position;
  }

  #expect(code: number, expected: string): void {
    this.#space();
    if (this.#text.charCodeAt(this.#position) !== code) this.#fail(expected);
    this.#position++;
  }

  #fail(expected: string): never {
    this.#failAt(this.#position, expected);
  }

  #failAt(position: number, expected: string): never {
    // One character at most: the text may be long, and hold what no log should.
    const found =
      position >= this.#text.length ? 'the text ends' : `found ${show(this.#text[position]!)}`;
    throw new SyntaxError(`not JSON: ${found} at position ${position}, expected ${expected}`);
  }
}

function indexOrInfinity(text: string, from: number): number {
  const index = text.indexOf('\\', from);
  return index === -1 ? Number.POSITIVE_INFINITY : index;
}

function show(character: string): string {
  return character === '"' ? `'"'` : JSON.stringify(character);
}
