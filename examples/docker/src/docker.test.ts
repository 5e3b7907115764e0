import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, resolve } from 'node:path';
import { validate } from 'dockerfile-utils';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { freePorts } from './free-ports.ts';
import { pathOf, textOf } from './repository.ts';

// Processes start slowly where many run.
vi.setConfig({ testTimeout: 60_000 });

interface Service {
  readonly build: { readonly context: string; readonly dockerfile?: string };
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

const composeFile = pathOf('examples/docker/compose.yaml');
const { services } = parse(textOf('examples/docker/compose.yaml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};
const all = Object.entries(services);

const serverFile = 'Dockerfile';
const exampleFile = 'examples/docker/nodes.Dockerfile';

/** The instructions of a Dockerfile's last stage, one a line. */
function lastStage(file: string): readonly string[] {
  const lines = textOf(file)
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
  return lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
}

function healthCheckOf(file: string): { readonly options: string; readonly command: string[] } {
  const line = lastStage(file).find((instruction) => instruction.startsWith('HEALTHCHECK'));
  const [, options, command] = /^HEALTHCHECK (.*?)\s+CMD (\[.*\])$/.exec(line ?? '') ?? [];
  return { options: options ?? '', command: JSON.parse(command ?? '[]') as string[] };
}

/** Runs a health check against a server that always answers so, or against none. */
async function checkHealth(file: string, status?: number): Promise<number> {
  const server = createServer((_, response) => response.writeHead(status ?? 0).end('{}'));
  if (status !== undefined) await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address() as AddressInfo | null;
  const port = String(address?.port ?? (await freePorts(1))[0]);
  const { command } = healthCheckOf(file);
  const env = {
    PATH: process.env.PATH,
    DSHACKLE_HEALTH_URL: `http://127.0.0.1:${port}/`,
    RPC_PORT: port,
  };
  const child = spawn(command[0]!, command.slice(1), { env, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  server.closeAllConnections();
  server.close();
  return code as number;
}

describe.each([serverFile, exampleFile])('%s', (file) => {
  it('has nothing that Docker would complain of', () => {
    const text = textOf(file);
    const problems = validate(text).map(({ range, message }) => `${range.start.line}: ${message}`);
    expect(problems).toEqual([]);
  });

  it('runs as a user that is not root and owns none of the files', () => {
    expect(lastStage(file)).toContain('USER 1000:1000');
    expect(lastStage(file).join('\n')).not.toContain('chown');
  });

  it('starts Node itself, which so gets the signals', () => {
    const [start] = lastStage(file).filter((line) => /^(ENTRYPOINT|CMD) /.test(line));
    expect(start).toMatch(/^(ENTRYPOINT|CMD) \["node", /);
  });

  it('installs what the lock file says with the package manager of the workspace', () => {
    const version = /pnpmVersion = '(.*)'/.exec(textOf('scripts/pnpm.mjs'))?.[1];
    expect(textOf(file)).toContain(`ARG PNPM_VERSION=${version}\n`);
    expect(textOf(file)).toContain('pnpm install --frozen-lockfile');
  });

  it('has a health check that tells an answer from an error and from silence', async () => {
    expect(healthCheckOf(file).options).toMatch(
      /^--interval=\d+s --timeout=\d+s --start-period=\d+s --retries=\d+$/,
    );
    expect(await checkHealth(file, 200)).toBe(0);
    expect(await checkHealth(file, 500)).toBe(1);
    expect(await checkHealth(file)).toBe(1);
  });
});

describe('compose.yaml', () => {
  it.each(all)('%s is built from files that are there', (_name, { build, volumes = [] }) => {
    const context = resolve(dirname(composeFile), build.context);
    expect(existsSync(resolve(context, build.dockerfile ?? 'Dockerfile'))).toBe(true);
    for (const volume of volumes) {
      const [source, , mode] = volume.split(':');
      expect(existsSync(resolve(dirname(composeFile), source!))).toBe(true);
      expect(mode).toBe('ro');
    }
  });

  it.each(all)('%s can change nothing, on disk or in the kernel', (_name, service) => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
  });

  it.each(all)('%s waits only for services that say when they are ready', (_name, service) => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(condition).toBe('service_healthy');
      const file = services[name]?.build.dockerfile ?? 'Dockerfile';
      expect(healthCheckOf(file === 'Dockerfile' ? serverFile : file).command).not.toEqual([]);
    }
  });

  it('publishes on this machine only', () => {
    const ports = all.flatMap(([, service]) => service.ports ?? []);
    expect(ports).toHaveLength(1);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('gives every node the same list of nodes, itself in it', () => {
    const nodes = all.filter(([name]) => name.startsWith('node-'));
    expect(nodes).toHaveLength(2);
    const list = nodes.map(([name]) => `http://${name}:30333`);
    for (const [name, { environment }] of nodes) {
      expect(environment).toEqual({ NODES: list.join(' '), SELF: `http://${name}:30333` });
    }
  });

  it('shows the client the balancer and no node', () => {
    const { command, environment } = services.client!;
    expect(existsSync(pathOf(`examples/docker/${command?.[1]}`))).toBe(true);
    expect(environment).toEqual({ DSHACKLE_URL: 'http://dshackle:8080' });
  });
});

describe('dshackle.yaml', () => {
  const text = textOf('examples/docker/dshackle.yaml');

  it('is valid', async () => {
    const cli = pathOf('packages/server/dist/cli.js');
    const args = [cli, 'validate', pathOf('examples/docker/dshackle.yaml')];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('names the nodes of compose.yaml, and an address that containers can reach', () => {
    const config = parse(text);
    expect(config.proxy).toMatchObject({ host: '0.0.0.0', port: 8080 });
    const urls = (text.match(/(?<=url: ").*(?=")/g) ?? []).map((url) => new URL(url));
    expect(urls).toHaveLength(4);
    for (const { hostname, port } of urls) {
      expect(Object.keys(services)).toContain(hostname);
      expect(port).toBe('9944');
    }
  });
});
