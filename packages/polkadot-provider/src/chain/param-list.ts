import type { MethodParams } from '@dshackle/core';
import { isParamKind, type ParamKind, paramKinds } from './param-kinds.ts';

interface Param {
  readonly name: string;
  readonly kind: ParamKind;
  readonly isOptional: boolean;
}

/** The params of one method, made of a list like `key:bytes hash?:hash`. */
export class ParamList implements MethodParams {
  readonly names: readonly string[];
  readonly description: string;
  readonly #params: readonly Param[];

  /** @throws Error when the list is not well-formed */
  constructor(list: string) {
    this.#params = list === '' ? [] : list.split(' ').map(readParam);
    this.names = this.#params.map(({ name }) => name);
    this.description = describe(this.#params);
  }

  position(name: string): number | undefined {
    const position = this.names.indexOf(camelCase(name));
    return position === -1 ? undefined : position;
  }

  /** Params beyond the last one are no fault: jsonrpsee does not look at them. */
  fault(params: readonly unknown[]): string | undefined {
    for (let i = 0; i < this.#params.length; i += 1) {
      const { name, kind, isOptional } = this.#params[i] as Param;
      const value = params[i];
      if (value === undefined || value === null) {
        if (!isOptional && kind !== 'any') return `${name} is missing`;
        continue;
      }
      const { isValid, isItem, description } = paramKinds[kind];
      if (isValid(value)) continue;
      // Of a long list only what is wrong in it helps.
      const at = isItem && Array.isArray(value) ? value.findIndex((item) => !isItem(item)) : -1;
      const given = at === -1 ? excerpt(value) : `one with ${excerpt((value as unknown[])[at])}`;
      return `${name} must be ${description}, not ${given}`;
    }
    return undefined;
  }
}

/** The same name in the one spelling that is used here. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function readParam(text: string): Param {
  const [, name, mark, kind = ''] = /^(\w+)(\??):(\w+)$/.exec(text) ?? [];
  if (name === undefined || !isParamKind(kind)) throw new Error(`not a param: ${text}`);
  return { name, kind, isOptional: mark === '?' };
}

function describe(params: readonly Param[]): string {
  if (params.length === 0) return 'none';
  return params.map(({ name, isOptional }) => (isOptional ? `${name}?` : name)).join(', ');
}

/** What was given, in a few characters: it may be of any size and depth. */
function excerpt(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? value : String(value);
  const isLong = text.length > 40;
  const start = isLong ? text.slice(0, 40) : text;
  const shown = typeof value === 'string' ? JSON.stringify(start) : start;
  return isLong ? `${shown}… of ${text.length} characters` : shown;
}
