import type { RawJson } from '@dshackle/core';

/** The parts of a request that are passed on as text. */
export interface RawMembers {
  readonly id: RawJson | undefined;
  readonly params: RawJson | undefined;
}

/**
 * Raw `id` and `params` of a request that is known to be valid JSON.
 *
 * @throws SyntaxError when it is nested too deeply
 */
export function rawMembers(_text: string, parsed: Readonly<Record<string, unknown>>): RawMembers {
  try {
    return {
      id: parsed.id === undefined ? undefined : JSON.stringify(parsed.id),
      params: parsed.params === undefined ? undefined : JSON.stringify(parsed.params),
    };
  } catch (cause) {
    throw new SyntaxError('nested too deeply', { cause });
  }
}
