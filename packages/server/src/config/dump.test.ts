import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpConfig } from './dump.ts';
import { loadConfig } from './load.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'dshackle-dump-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function load(text: string) {
  const file = join(dir, 'dshackle.yaml');
  writeFileSync(file, text);
  return loadConfig(file, {});
}

describe('a configuration as it takes effect', () => {
  it('is one that takes the same effect', () => {
    const config = load(`proxy:
  port: 1234
  routes:
    - { id: all, chain: polkadot }
    - { id: eth, chain: eth }
    - { id: mine, chain: mine }
    - id: strict
      chain: polkadot
      methods: { enabled: [{ name: state_getPairs }], disabled: [{ name: system_chain }] }
chains:
  - { id: mine, family: substrate, hasher: keccak-256 }
  - { id: eth, family: ethereum, chain-id: 1337 }
cluster:
  defaults: [{ chains: [mine], submit-width: 2 }]
  upstreams:
    - { id: three, chain: eth, connection: { ethereum: { rpc: { url: http://three.example } } } }
    - id: one
      chain: polkadot
      methods: { enabled: [{ name: author_rotateKeys }], disabled: [{ name: state_call }] }
      connection: { polkadot: { ws: { url: wss://one.example } } }
    - { id: two, chain: mine, connection: { polkadot: { ws: { url: wss://two.example } } } }
`);
    expect(load(dumpConfig(config))).toEqual(config);
  });
});
