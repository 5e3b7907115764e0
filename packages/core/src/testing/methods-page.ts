import type { AnswerLifetime, MethodKind, MethodTraits, Strategy } from '../chain/chain.ts';

/** How long an answer holds, in words. */
export const lifetimeWords: Readonly<Record<AnswerLifetime, string>> = {
  constant: 'for ever',
  'by-hash': 'for its block',
  'by-number': 'once final',
  head: 'until the next block',
  never: 'not kept',
};

/** What a method is where it is switched on, in words. */
export const kindWords: Readonly<Record<MethodKind, string>> = {
  read: 'call',
  local: 'call',
  service: 'call',
  submit: 'submission',
  subscribe: 'subscription',
  unsubscribe: 'end of one',
  denied: '',
};

/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

/** Text in the type of code. */
export function code(text: string): string {
  return `\`${text}\``;
}

/** A method's name, and the signs for what `null` means (†) and for what is never made twice (‡). */
export function signedName(name: string, { nullMeans, idempotent, kind }: MethodTraits): string {
  const doubt = nullMeans === 'value' ? '' : ' †';
  return `${code(name)}${doubt}${idempotent || kind === 'unsubscribe' ? '' : ' ‡'}`;
}

/** Who answers, in words. */
export function strategyWords(strategy: Strategy): string {
  switch (strategy.kind) {
    case 'one':
      return 'one';
    case 'broadcast':
      return `all of ${strategy.width}`;
    case 'maximum':
      return `highest of ${strategy.width}`;
    case 'agree':
      return `${strategy.count} equal of ${strategy.width}`;
  }
}
