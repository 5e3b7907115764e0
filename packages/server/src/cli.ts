#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { closeOnSignals } from './close-on-signals.ts';
import type { Config } from './config/config.ts';
import { dumpConfig } from './config/dump.ts';
import { loadConfig } from './config/load.ts';
import { ConfigError } from './config/problem.ts';
import { type LogFormat, lineLogger } from './logs/logger.ts';
import { startConfigured } from './start-configured.ts';

/** Where the configuration is looked for, as in Dshackle. */
const defaultPaths = ['/etc/dshackle/dshackle.yaml', './dshackle.yaml'];

const exitCodes = { ok: 0, failure: 1, usage: 2 } as const;

const help = `Dshackle: a fault-tolerant load balancer for blockchain APIs

Usage:
  dshackle [start] [--config FILE]   serve
  dshackle validate FILE             check a configuration and say all that is wrong
  dshackle dump FILE                 print it as it takes effect, without credentials

Options:
  -c, --config FILE     the configuration (default: ${defaultPaths.join(', then ')})
  --log-format FORMAT   text or json, one line an event on stderr (default: text)
  -h, --help            print this
  -v, --version         print the version

Exit codes: 0 done, 1 failure while running, 2 wrong usage or configuration
`;

/** The command line is wrong; the message says how. */
class UsageError extends Error {}

const options = {
  config: { type: 'string', short: 'c' },
  /** Dshackle's own spelling. */
  configPath: { type: 'string' },
  'log-format': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

function readArguments() {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  const [command = 'start', ...files] = positionals;
  if (values.help) {
    process.stdout.write(help);
  } else if (values.version) {
    process.stdout.write(`${version()}\n`);
  } else if (command === 'start') {
    if (files.length > 0) throw new UsageError(`unexpected ${files[0]}: use --config FILE`);
    await start(configPath(values.config ?? values.configPath), logFormat(values['log-format']));
  } else if (command === 'validate' || command === 'dump') {
    const [file = values.config, more] = files;
    if (file === undefined || more !== undefined) throw new UsageError(`${command} needs one FILE`);
    const config = loadConfig(file);
    process.stdout.write(command === 'dump' ? dumpConfig(config) : summary(config));
  } else {
    throw new UsageError(`unknown command ${command}; allowed: start, validate, dump`);
  }
}

function configPath(given: string | undefined): string {
  const path = given ?? defaultPaths.find((candidate) => existsSync(candidate));
  if (path !== undefined) return path;
  throw new UsageError(`no configuration: neither ${defaultPaths.join(' nor ')} is there`);
}

function logFormat(given = 'text'): LogFormat {
  if (given === 'text' || given === 'json') return given;
  throw new UsageError(`unknown log format ${given}; allowed: text, json`);
}

function summary({ file, chains, upstreams, proxy }: Config): string {
  const count = (list: readonly unknown[], noun: string): string =>
    `${list.length} ${noun}${list.length === 1 ? '' : 's'}`;
  const counts = [
    count(chains, 'chain'),
    count(upstreams, 'upstream'),
    count(proxy.routes, 'route'),
  ];
  return `${file} is valid: ${counts.join(', ')}\n`;
}

async function start(file: string, format: LogFormat): Promise<void> {
  const config = loadConfig(file);
  const log = lineLogger({ format });
  const server = await startConfigured(config, { log });
  // Before it is said that we listen: who waits for that may send a signal at once.
  closeOnSignals(server, config.proxy.drainMs, log);
  const routes = config.proxy.routes.map(({ id }) => `/${id}`);
  log.info('listening', { url: server.url, routes, version: version() });
}

function version(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}

// Whoever reads the log may go away: the server must not go with them.
process.stderr.on('error', () => {});

main().catch((error: unknown) => {
  if (error instanceof UsageError) {
    process.stderr.write(`dshackle: ${error.message}\nTry dshackle --help\n`);
    process.exitCode = exitCodes.usage;
  } else if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = exitCodes.usage;
  } else {
    process.stderr.write(`dshackle: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = exitCodes.failure;
  }
});
