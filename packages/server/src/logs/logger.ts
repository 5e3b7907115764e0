/** Facts that go with a log line. Never credentials: no URL, no header, no params. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where this server says what it does. */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** `text` for people, `json` for machines: one line an event either way. */
export type LogFormat = 'text' | 'json';

/** Options of {@link lineLogger}. */
export interface LineLoggerOptions {
  /** @default 'text' */
  readonly format?: LogFormat;
  /** Takes one line, without its end. @default writes to stderr */
  readonly write?: (line: string) => void;
  /** The wall clock, for the timestamp. @default () => new Date() */
  readonly now?: () => Date;
}

function plain(value: unknown): unknown {
  // An Error has no enumerable members: JSON would show {}.
  return value instanceof Error ? `${value.name}: ${value.message}` : value;
}

function text(value: unknown): string {
  const shown = plain(value);
  return typeof shown === 'string' && /^[\w.:/@+-]+$/.test(shown) ? shown : JSON.stringify(shown);
}

/** A logger that writes one line an event. */
export function lineLogger(options: LineLoggerOptions = {}): Logger {
  const format = options.format ?? 'text';
  const write = options.write ?? ((line) => process.stderr.write(`${line}\n`));
  const now = options.now ?? (() => new Date());

  const log = (level: string, message: string, fields: LogFields = {}): void => {
    const time = now().toISOString();
    if (format === 'json') {
      const shown = Object.entries(fields).map(([key, value]) => [key, plain(value)]);
      write(JSON.stringify({ time, level, message, ...Object.fromEntries(shown) }));
      return;
    }
    const shown = Object.entries(fields).map(([key, value]) => ` ${key}=${text(value)}`);
    // An event is one line, whatever a message holds.
    const line = message.replaceAll('\n', '\\n');
    write(`${time} ${level.padEnd(5)} ${line}${shown.join('')}`);
  };

  return {
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
  };
}

/** Says nothing. */
export const silentLogger: Logger = { info: () => {}, warn: () => {}, error: () => {} };
