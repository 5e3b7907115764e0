import type { RawJson } from '@dshackle/core';

/** The parts of a request that are passed on as text. */
export interface RawMembers {
  readonly id: RawJson | undefined;
  readonly params: RawJson | undefined;
}

/** Raw `id` and `params` of a request that is known to be valid JSON. */
export function rawMembers(_text: string, parsed: Readonly<Record<string, unknown>>): RawMembers {
  return {
    id: parsed.id === undefined ? undefined : JSON.stringify(parsed.id),
    params: parsed.params === undefined ? undefined : JSON.stringify(parsed.params),
  };
}
