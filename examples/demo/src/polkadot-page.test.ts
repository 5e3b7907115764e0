import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createBalancer } from '@dshackle/core';
import { type Devnet, startDevnet } from '@dshackle/devnet';
import { polkadot } from '@dshackle/polkadot-provider';
import { type Server, startServer } from '@dshackle/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeBlocks } from './documents.ts';
import { rootFolder, runNode } from './run-node.ts';

const page = 'docs/polkadot.md';
const programs = await codeBlocks(page, 'js');

describe('the programs of docs/polkadot.md', () => {
  const resources: AsyncDisposable[] = [];
  const open = <T extends AsyncDisposable>(resource: T): T => {
    resources.unshift(resource);
    return resource;
  };
  let devnet: Devnet;
  let server: Server;

  beforeAll(async () => {
    devnet = open(await startDevnet({ nodes: 2, blockTimeMs: 1000 }));
    const balancer = open(
      createBalancer({
        chain: polkadot({ genesisHash: devnet.genesisHash, blockTimeMs: 1000 }),
        upstreams: devnet.nodes.map(({ wsUrl }) => wsUrl),
      }),
    );
    server = open(await startServer({ routes: [{ id: 'polkadot', balancer }], port: 0 }));
    await balancer.ready();
  }, 90_000);

  afterAll(async () => {
    for (const resource of resources) await resource[Symbol.asyncDispose]();
  });

  it('are one for each client and door', () => {
    expect(programs).toHaveLength(7);
  });

  it.each(
    programs.map((program) => ({ program, imports: program.match(/from '(\S+)'/g)?.at(-1) })),
  )(
    'say a block and end: number %#, $imports',
    async ({ program }) => {
      const here = program
        .replace('127.0.0.1:8080', new URL(server.url).host)
        .replace('ws://127.0.0.1:9944', String(devnet.nodes[0]?.wsUrl))
        .replace('ws://127.0.0.1:9945', String(devnet.nodes[1]?.wsUrl));
      const run = runNode(['--input-type=module', '-'], here);
      const code = await run.exit;
      expect({ code, output: run.output }).toMatchObject({ code: 0 });
      expect(run.output).toMatch(/^block \d+$/m);
    },
    60_000,
  );
});

it('every link of docs/polkadot.md leads somewhere', () => {
  const text = readFileSync(join(rootFolder, page), 'utf8');
  const links = [...text.matchAll(/\]\(([^)#\s]*)(?:#([^)]+))?\)/g)];
  expect(links.length).toBeGreaterThan(20);
  for (const [link, file, heading] of links) {
    const target = join(rootFolder, file ? join(dirname(page), file) : page);
    if (heading === undefined) {
      expect(readdirSync(dirname(target)), link).toContain(target.split('/').at(-1));
      continue;
    }
    const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      String(title)
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(headings, link).toContain(heading);
  }
});
