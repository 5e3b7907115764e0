import { DedotProvider } from '@dshackle/polkadot-provider';
import { DedotClient, type JsonRpcProvider, WsProvider } from 'dedot';
import { RuntimeApis } from 'dedot/runtime-specs';
import { describe, expect, it } from 'vitest';
import type { Application, Transfer } from './application.ts';
import { passesAsApplication } from './application-contract.ts';
import { useStage } from './stage.ts';

const stage = useStage();

const doors: readonly { name: string; open: () => JsonRpcProvider }[] = [
  { name: 'through the server', open: () => new WsProvider(stage().url) },
  { name: 'with the engine inside', open: () => new DedotProvider(stage().inside()) },
];

describe.each(doors)('dedot $name', ({ open }) => {
  let client: DedotClient;

  /** Connects as an application does: which group is the library's choice unless told. */
  const connect = async (options: { rpcVersion?: 'legacy' }): Promise<Application> => {
    const provider = open();
    const troubles = troublesOf(provider);
    await provider.connect();
    const { specVersion } = await provider.send<{ readonly specVersion: number }>(
      'state_getRuntimeVersion',
      [],
    );
    // Only newer runtimes offer metadata by version, which is what dedot asks for by itself.
    const metadata = await provider.send<`0x${string}`>('state_getMetadata', []);
    client = await DedotClient.new({
      ...options,
      provider,
      // Nor do older ones describe their calls.
      runtimeApis: RuntimeApis,
      metadata: { [`RAW_META/${stage().devnet.genesisHash}/${specVersion}`]: metadata },
    });
    return application(client, troubles);
  };

  const readsTheChain = (): void => {
    it('reads the chain, many accounts at once, and a block by its hash', async () => {
      expect(await client.chainSpec.chainName()).toBe('dshackle-devnet');
      expect(await client.chainSpec.genesisHash()).toBe(stage().devnet.genesisHash);
      expect(client.consts.balances.existentialDeposit).toBeGreaterThan(0n);
      const addresses = stage().accounts.map(({ address }) => address);
      expect(await client.query.system.account.multi(addresses)).toHaveLength(addresses.length);
      const { hash, number } = await client.block.finalized();
      expect(await (await client.at(hash)).query.system.number()).toBe(number);
    });
  };

  const metadataCall = 'state_getMetadata';

  describe('by its legacy group', () => {
    passesAsApplication(
      stage,
      {
        metadataCall,
        statuses: ['Validated', 'BestChainBlockIncluded', 'Finalized'],
        connect: () => connect({ rpcVersion: 'legacy' }),
        passingStatuses: ['Broadcasting'],
        iteration: { call: 'state_getKeysPaged', nth: 2 },
        payer: 0,
      },
      () => {
        it('uses that group', () => expect(client.rpcVersion).toBe('legacy'));
        readsTheChain();
      },
    );
  });

  describe('by its new group', () => {
    passesAsApplication(
      stage,
      {
        metadataCall,
        statuses: ['Validated', 'Broadcasting', 'BestChainBlockIncluded', 'Finalized'],
        connect: () => connect({}),
        iteration: { call: 'state_queryStorageAt', nth: 1 },
        payer: 1,
      },
      () => {
        it('chooses that group by itself', () => expect(client.rpcVersion).toBe('v2'));
        readsTheChain();
      },
    );
  });
});

/** Collects what the library hears of faults; `stop` and the like it would pass over by itself. */
function troublesOf(provider: JsonRpcProvider): readonly string[] {
  const troubles: string[] = [];
  for (const event of ['disconnected', 'reconnecting', 'error'] as const) {
    provider.on(event, () => troubles.push(event));
  }
  const subscribe = provider.subscribe.bind(provider);
  provider.subscribe = (input, callback) =>
    subscribe(input, (error, result, subscription) => {
      const { event } = (result ?? {}) as { readonly event?: string };
      if (event === 'stop' || event === 'operationInaccessible') troubles.push(event);
      callback(error, result as never, subscription);
    });
  return troubles;
}

function application(client: DedotClient, troubles: readonly string[]): Application {
  const { account } = client.query.system;
  return {
    troubles,
    specVersion: async () => (await client.call.core.version()).specVersion,
    balance: async (address) => (await account(address)).data.free,
    watchBalance: (address, onBalance) => account(address, ({ data }) => onBalance(data.free)),
    exists: async (address) => (await account(address)).providers > 0,
    async allAccounts() {
      const found: string[] = [];
      // There are no pages by the new group.
      if (client.rpcVersion === 'v2') {
        for (const [address] of await account.entries()) found.push(address.raw);
        return found;
      }
      let startKey: `0x${string}` | undefined;
      for (;;) {
        const page = await account.pagedEntries({ pageSize: 2, startKey });
        if (page.length === 0) return found;
        found.push(...page.map(([address]) => address.raw));
        startKey = account.rawKey(page.at(-1)![0]);
      }
    },
    follow: (stream, onHeight) => client.block[stream](({ number }) => onHeight(number)),
    transfer(from, to, amount) {
      const statuses: string[] = [];
      return new Promise<Transfer>((resolve, reject) => {
        client.tx.balances
          .transferKeepAlive(to, amount)
          .signAndSend(from, ({ status, events, dispatchError }) => {
            statuses.push(status.type);
            if (dispatchError) reject(new Error(dispatchError.type));
            if (status.type === 'Invalid' || status.type === 'Drop') reject(new Error(status.type));
            if (status.type !== 'Finalized') return;
            resolve({
              statuses,
              blockHash: status.value.blockHash,
              events: events.map(({ event }) => `${event.pallet}.${nameOf(event.palletEvent)}`),
            });
          })
          .catch(reject);
      });
    },
    close: () => client.disconnect(),
  };
}

function nameOf(event: string | { readonly name: string }): string {
  return typeof event === 'string' ? event : event.name;
}
