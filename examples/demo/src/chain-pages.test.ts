import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Balancer, createBalancer } from '@dshackle/core';
import { startDevnet } from '@dshackle/devnet';
import { chainId, startEthDevnet } from '@dshackle/devnet/ethereum';
import { ethereum } from '@dshackle/eth-provider/chain';
import { polkadot } from '@dshackle/polkadot-provider';
import { type Server, startServer } from '@dshackle/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeBlocks } from './documents.ts';
import { rootFolder, runNode } from './run-node.ts';

/** Nodes of one chain, and an engine before them. */
interface Pool {
  readonly devnet: AsyncDisposable;
  readonly balancer: Balancer;
  readonly wsUrls: readonly string[];
}

async function polkadotPool(): Promise<Pool> {
  const devnet = await startDevnet({ nodes: 2, blockTimeMs: 1000 });
  const wsUrls = devnet.nodes.map(({ wsUrl }) => wsUrl);
  const chain = polkadot({ genesisHash: devnet.genesisHash, blockTimeMs: 1000 });
  return { devnet, wsUrls, balancer: createBalancer({ chain, upstreams: wsUrls }) };
}

async function ethereumPool(): Promise<Pool> {
  const devnet = await startEthDevnet({ nodes: 2, blockTimeMs: 1000 });
  const wsUrls = devnet.nodes.map(({ wsUrl }) => wsUrl);
  const chain = ethereum({ id: 'devnet', chainId, blockTimeMs: 1000 });
  return {
    devnet: { [Symbol.asyncDispose]: () => devnet.close() },
    wsUrls,
    balancer: createBalancer({ chain, upstreams: wsUrls }),
  };
}

/** Each page, the id of its route, its pool, its node's ports and how many programs it has. */
const pages = [
  ['docs/polkadot.md', 'polkadot', polkadotPool, ['9944', '9945'], 7],
  ['docs/ethereum.md', 'ethereum', ethereumPool, ['8545', '8546'], 5],
] as const;

const programs = new Map(
  await Promise.all(pages.map(async ([page]) => [page, await codeBlocks(page, 'js')] as const)),
);

describe.each(pages)('the programs of %s', (page, id, start, ports, count) => {
  const here = programs.get(page) ?? [];
  const resources: AsyncDisposable[] = [];
  let pool: Pool;
  let server: Server;

  beforeAll(async () => {
    pool = await start();
    resources.unshift(pool.devnet);
    resources.unshift(pool.balancer);
    server = await startServer({ routes: [{ id, balancer: pool.balancer }], port: 0 });
    resources.unshift(server);
    await pool.balancer.ready();
  }, 90_000);

  afterAll(async () => {
    for (const resource of resources) await resource[Symbol.asyncDispose]();
  });

  it('are one for each client and door', () => {
    expect(here).toHaveLength(count);
  });

  it.each(here.map((program) => ({ program, imports: program.match(/from '(\S+)'/g)?.at(-1) })))(
    'say a block and end: number %#, $imports',
    async ({ program }) => {
      const local = program
        .replace('127.0.0.1:8080', new URL(server.url).host)
        .replace(`ws://127.0.0.1:${ports[0]}`, String(pool.wsUrls[0]))
        .replace(`ws://127.0.0.1:${ports[1]}`, String(pool.wsUrls[1]));
      const run = runNode(['--input-type=module', '-'], local);
      const code = await run.exit;
      expect({ code, output: run.output }).toMatchObject({ code: 0 });
      expect(run.output).toMatch(/^block \d+$/m);
    },
    60_000,
  );
});

it.each(pages)('every link of %s leads somewhere', (page) => {
  const text = readFileSync(join(rootFolder, page), 'utf8');
  const links = [...text.matchAll(/\]\(([^)#\s]*)(?:#([^)]+))?\)/g)];
  expect(links.length).toBeGreaterThan(15);
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
