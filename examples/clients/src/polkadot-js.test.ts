import { PolkadotProvider } from '@dshackle/polkadot-provider';
import { ApiPromise, WsProvider } from '@polkadot/api';
import type { ProviderInterface } from '@polkadot/rpc-provider/types';
import { describe, expect, it } from 'vitest';
import type { Application } from './application.ts';
import { passesAsApplication } from './application-contract.ts';
import { useStage } from './stage.ts';

/** What this file reads of an account. */
interface Account {
  readonly data: { readonly free: { toBigInt(): bigint } };
}

const stage = useStage();

interface Door {
  readonly name: string;
  readonly payer: number;
  readonly open: () => Promise<ProviderInterface>;
}

const doors: readonly Door[] = [
  {
    name: 'through the server',
    payer: 0,
    open: async () => new WsProvider(stage().url),
  },
  {
    name: 'with the engine inside',
    payer: 1,
    open: async () => {
      const provider = new PolkadotProvider(stage().engine);
      await stage().whole(provider.balancer!);
      return provider;
    },
  },
];

describe.each(doors)('polkadot-js $name', ({ payer, open }) => {
  let api: ApiPromise;

  const connect = async (): Promise<Application> => {
    const troubles: string[] = [];
    const provider = await open();
    provider.on('disconnected', () => troubles.push('disconnected'));
    provider.on('error', () => troubles.push('error'));
    api = await ApiPromise.create({ provider, noInitWarn: true, throwOnConnect: true });
    return application(api, troubles);
  };

  passesAsApplication(
    stage,
    {
      connect,
      metadataCall: 'state_getMetadata',
      iteration: { call: 'state_getKeysPaged', nth: 2 },
      statuses: ['Ready', 'InBlock', 'Finalized'],
      passingStatuses: ['Broadcast'],
      payer,
    },
    () => {
      it('reads many accounts at once, and a block by its hash', async () => {
        const { account } = api.query.system!;
        const many = await account!.multi(stage().accounts.map(({ address }) => address));
        expect(many).toHaveLength(stage().accounts.length);
        const at = await api.at(stage().devnet.genesisHash);
        expect((await at.query.system!.number!()).toString()).toBe('0');
      });

      it('derives heads, balances and nonces', async () => {
        const best = await api.derive.chain.bestNumber();
        expect(best.toNumber()).toBeGreaterThan(0);
        expect((await api.derive.chain.bestNumberFinalized()).toNumber()).toBeGreaterThan(0);
        const header = await api.derive.chain.getHeader(await api.rpc.chain.getBlockHash(best));
        expect(header.number.toNumber()).toBe(best.toNumber());
        const { address } = stage().accounts[5]!;
        const { freeBalance } = await api.derive.balances.all(address);
        const account = (await api.query.system!.account!(address)) as unknown as Account;
        expect(freeBalance.toBigInt()).toBe(account.data.free.toBigInt());
        const { accountNonce } = await api.derive.balances.account(address);
        expect(accountNonce.toNumber()).toBe(0);
      });
    },
  );
});

function application(api: ApiPromise, troubles: readonly string[]): Application {
  const account = api.query.system!.account!;
  return {
    troubles,
    async specVersion() {
      const version = (await api.call.core!.version!()) as unknown as typeof api.runtimeVersion;
      return version.specVersion.toNumber();
    },
    async balance(address) {
      return ((await account(address)) as unknown as Account).data.free.toBigInt();
    },
    async watchBalance(address, onBalance) {
      const stop = await account(address, (({ data }: Account) =>
        onBalance(data.free.toBigInt())) as never);
      return stop as unknown as () => void;
    },
    async exists(address) {
      // Several queries of one turn go as one request; these do not.
      const value = await api.rpc.state.getStorage(account.key(address));
      return (value as unknown as { readonly isSome: boolean }).isSome;
    },
    async allAccounts() {
      const found: string[] = [];
      let startKey: string | undefined;
      for (;;) {
        const page = await account.entriesPaged({ args: [], pageSize: 2, startKey });
        if (page.length === 0) return found;
        found.push(...page.map(([{ args }]) => args[0]!.toHex()));
        startKey = page.at(-1)?.[0].toString();
      }
    },
    follow(stream, onHeight) {
      const { subscribeNewHeads, subscribeFinalizedHeads } = api.rpc.chain;
      const subscribe = stream === 'best' ? subscribeNewHeads : subscribeFinalizedHeads;
      const stop = subscribe(({ number }) => onHeight(number.toNumber()));
      return async () => (await stop)();
    },
    transfer(from, to, amount) {
      const statuses: string[] = [];
      return new Promise((resolve, reject) => {
        api.tx.balances!.transferKeepAlive!(to, amount)
          .signAndSend(from, ({ status, events, isError }) => {
            statuses.push(status.type);
            if (isError) reject(new Error(status.type));
            if (!status.isFinalized) return;
            resolve({
              statuses,
              blockHash: status.asFinalized.toHex(),
              events: events.map(({ event }) => `${pascal(event.section)}.${event.method}`),
            });
          })
          .catch(reject);
      });
    },
    close: () => api.disconnect(),
  };
}

function pascal(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
