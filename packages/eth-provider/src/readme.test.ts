import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { chainId, type EthDevnet, startEthDevnet } from '@dshackle/devnet/ethereum';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { ethereum } from './chain/ethereum.ts';

let devnet: EthDevnet;
const files: URL[] = [];

beforeAll(async () => {
  devnet = await startEthDevnet({ nodes: 3, blockTimeMs: 300 });
}, 60_000);
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  for (const file of files) await rm(file, { force: true });
  await devnet?.close();
});

/** Runs the README's example at this place as it is, but on the local nodes. */
async function run(index: number, end: string): Promise<() => Promise<void>> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = [...readme.matchAll(/```ts\n(.*?)```/gs)][index]?.[1] ?? '';
  const file = new URL(`../.cache/readme-example-${index}.ts`, import.meta.url);
  files.push(file);
  const urls = devnet.nodes.map(({ wsUrl }) => `'${wsUrl}'`);
  const program = example
    .replace("'@dshackle/eth-provider'", "'../src/index.ts'")
    .replace("'@dshackle/eth-provider/chain'", "'../src/chain/index.ts'")
    .replace("'@dshackle/eth-provider/eip1193'", "'../src/eip1193.ts'")
    .replace("id: 'ethereum'", `chainId: ${chainId}, blockTimeMs: 1000`)
    .replace(/upstreams: \[.*\]/, `upstreams: [${urls}]`);
  await mkdir(new URL('.', file), { recursive: true });
  await writeFile(file, `${program}\nexport const end = () => ${end};\n`);
  const { end: stop } = (await import(/* @vite-ignore */ file.href)) as { end(): Promise<void> };
  return stop;
}

it.each([
  ['ethers', 0, 'provider.destroy()', /^block \d+$/],
  ['viem', 1, 'balancer.close() /* again, which does nothing */', /^chain 1337$/],
] as const)('the README runs on %s', async (_, index, end, line) => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const stop = await run(index, end);
  const said = (): unknown[] => log.mock.calls.map(([text]) => text);
  await vi.waitFor(() => expect(said()).toContainEqual(expect.stringMatching(line)), 20_000);
  expect(said()).toContain('chain 1337');
  await stop();
});

it('the README names a chain of one’s own', () => {
  const chain = ethereum({ id: 'my-chain', chainId: 1337, blockTimeMs: 2000 });
  expect(chain).toMatchObject({ id: 'my-chain', blockTimeMs: 2000 });
});
