import { describe, expect, it } from 'vitest';
import { type LogFormat, lineLogger } from './logger.ts';

function logged(format: LogFormat): string[] {
  const lines: string[] = [];
  const now = () => new Date(0);
  const log = lineLogger({ format, write: (line) => lines.push(line), now });
  log.info('started', { url: 'http://a:1', routes: ['/a'], count: 2 });
  log.warn('two\nlines', { reason: 'a "b"' });
  log.error('failed', { error: new TypeError('no') });
  return lines;
}

describe('the logger', () => {
  it('writes a line an event for people', () => {
    expect(logged('text')).toEqual([
      '1970-01-01T00:00:00.000Z info  started url=http://a:1 routes=["/a"] count=2',
      '1970-01-01T00:00:00.000Z warn  two\\nlines reason="a \\"b\\""',
      '1970-01-01T00:00:00.000Z error failed error="TypeError: no"',
    ]);
  });

  it('writes a line an event for machines', () => {
    expect(logged('json').map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        time: '1970-01-01T00:00:00.000Z',
        level: 'info',
        message: 'started',
        url: 'http://a:1',
        routes: ['/a'],
        count: 2,
      },
      { time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'two\nlines', reason: 'a "b"' },
      {
        time: '1970-01-01T00:00:00.000Z',
        level: 'error',
        message: 'failed',
        error: 'TypeError: no',
      },
    ]);
  });
});
