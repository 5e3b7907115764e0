import { asJsonRpcProvider } from '@dshackle/polkadot-provider';
import { middleware } from '@polkadot-api/ws-middleware';
import {
  AccountId,
  type BlockInfo,
  createClient,
  Enum,
  type JsonRpcProvider,
  type PolkadotClient,
} from 'polkadot-api';
import { getPolkadotSigner } from 'polkadot-api/signer';
import { getWsProvider, WsEvent } from 'polkadot-api/ws';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Application, Transfer } from './application.ts';
import { passesAsApplication } from './application-contract.ts';
import { describeCalls } from './papi-metadata.ts';
import { useStage } from './stage.ts';

/** What this file reads of an account. */
interface Account {
  readonly providers: number;
  readonly data: { readonly free: bigint };
}

const stage = useStage();

/** Node 20 has no WebSocket of its own. */
const websocketClass = WebSocket as unknown as typeof globalThis.WebSocket;

/** A way to connect. */
interface Door {
  readonly name: string;
  readonly payer: number;
  /** The groups of the methods that are called; the nodes have none of the new ones. */
  readonly groups: readonly string[];
  /** Opens it; `listen` must hear what is called, `onTrouble` is told when the connection fails. */
  readonly open: (listen: Listen, onTrouble: (what: string) => void) => JsonRpcProvider;
}

type Listen = (provider: JsonRpcProvider) => JsonRpcProvider;

/** Without these polkadot-api can do nothing by itself. */
const newInterface = [
  ...[
    'follow',
    'unfollow',
    'header',
    'body',
    'call',
    'storage',
    'continue',
    'stopOperation',
    'unpin',
  ].map((name) => `chainHead_v1_${name}`),
  ...['broadcast', 'stop'].map((name) => `transaction_v1_${name}`),
];

const newGroups = ['chainHead', 'chainSpec', 'transaction'];

const doors: readonly Door[] = [
  {
    name: 'through the server',
    payer: 0,
    groups: newGroups,
    open: (listen, onTrouble) => {
      const isTrouble = (type: WsEvent) => type === WsEvent.ERROR || type === WsEvent.CLOSE;
      const onStatusChanged = ({ type }: { readonly type: WsEvent }) =>
        isTrouble(type) && onTrouble(type);
      // On a busy machine the chain may stand still for longer than is taken for a dead connection.
      const heartbeatTimeout = 600_000;
      const config = { websocketClass, onStatusChanged, heartbeatTimeout };
      return listen(getWsProvider(stage().url, config));
    },
  },
  {
    name: 'with the engine inside',
    payer: 1,
    groups: newGroups,
    open: (listen) => listen(asJsonRpcProvider(stage().inside())),
  },
  {
    name: 'by its middleware, where the new interface is denied',
    payer: 2,
    groups: ['author', 'chain', 'chainSpec', 'rpc', 'state'],
    open: (listen) => {
      const engine = stage().inside().withMethods({ disabled: newInterface });
      const legacy = middleware(listen(asJsonRpcProvider(engine)));
      return (onMessage) => legacy(onMessage, () => {});
    },
  },
];

describe.each(doors)('polkadot-api $name', ({ payer, groups, open }) => {
  let client: PolkadotClient;
  let methods: Set<string>;

  /** With the metadata that is kept, if any, instead of a download. */
  const connectWith = async (metadata: Uint8Array | null): Promise<Application> => {
    const troubles: string[] = [];
    const called = new Set<string>();
    methods = called;
    const provider = open(
      (heard) => withMethods(heard, called),
      (what) => troubles.push(what),
    );
    client = createClient(withTroubles(provider, troubles), { getMetadata: async () => metadata });
    await client.getFinalizedBlock();
    return application(client, troubles);
  };
  const connect = async (): Promise<Application> => {
    const [node] = stage().devnet.nodes.filter(({ status }) => status === 'running');
    const metadata = await stage().ask(node!, 'state_getMetadata');
    return connectWith(describeCalls(Buffer.from(String(metadata).slice(2), 'hex')));
  };

  passesAsApplication(
    stage,
    {
      connect,
      connectAnew: () => connectWith(null),
      metadataCall: 'Metadata_metadata',
      iteration: { call: 'state_queryStorageAt', nth: 1 },
      statuses: ['signed', 'broadcasted', 'in a best block', 'finalized'],
      passingStatuses: ['in no best block'],
      payer,
    },
    () => {
      it('knows the chain', async () => {
        const { name, genesisHash } = await client.getChainSpecData();
        expect({ name, genesisHash }).toEqual({
          name: 'dshackle-devnet',
          genesisHash: stage().devnet.genesisHash,
        });
      });

      it('reads many accounts at once, and constants', async () => {
        const { query, constants } = client.getUnsafeApi();
        const keys = stage().accounts.map(({ address }): [string] => [address]);
        expect(await query.System!.Account!.getValues(keys)).toHaveLength(keys.length);
        expect(await constants.Balances!.ExistentialDeposit!()).toBeGreaterThan(0n);
      });

      it('reads headers and bodies of blocks', async () => {
        const { hash, number } = await client.getFinalizedBlock();
        expect(await client.getBlockHeader(hash)).toMatchObject({ number });
        expect((await client.getBlockBody(hash)).length).toBeGreaterThan(0);
      });

      it('called the methods of these groups alone', () => {
        const called = [...methods].map((method) => method.split('_')[0]);
        expect([...new Set(called)].sort()).toEqual(groups);
      });
    },
  );
});

/** Collects the methods that are called. */
function withMethods(provider: JsonRpcProvider, methods: Set<string>): JsonRpcProvider {
  return (onMessage) => {
    const connection = provider(onMessage);
    const send: typeof connection.send = (request) => {
      methods.add(request.method);
      connection.send(request);
    };
    return { ...connection, send };
  };
}

/** Collects errors, and what the library would get over by itself. */
function withTroubles(provider: JsonRpcProvider, troubles: string[]): JsonRpcProvider {
  return (onMessage) =>
    provider((message) => {
      if ('params' in message) {
        const { event } = (message.params as { readonly result: { readonly event: string } })
          .result;
        if (event === 'stop' || event === 'operationInaccessible') troubles.push(event);
      }
      if ('error' in message) troubles.push(message.error.message);
      onMessage(message);
    });
}

function application(client: PolkadotClient, troubles: readonly string[]): Application {
  const { query, tx, apis } = client.getUnsafeApi();
  const accounts = query.System!.Account!;
  const account = async (address: string): Promise<Account> =>
    (await accounts.getValue(address)) as Account;
  return {
    troubles,
    async specVersion() {
      return ((await apis.Core!.version!()) as { readonly spec_version: number }).spec_version;
    },
    balance: async (address) => (await account(address)).data.free,
    async watchBalance(address, onBalance) {
      const values = accounts.watchValue(address);
      const subscription = values.subscribe(({ value }) => onBalance((value as Account).data.free));
      return () => subscription.unsubscribe();
    },
    exists: async (address) => (await account(address)).providers > 0,
    allAccounts: async () => {
      const entries = await accounts.getEntries();
      return entries.map(({ keyArgs }) => publicKey(String(keyArgs[0])));
    },
    follow(stream, onHeight) {
      // The best blocks are told down to the final one, so again when that is another.
      let height = -1;
      const onBest = ([block]: readonly BlockInfo[]) => {
        if (block!.number === height) return;
        height = block!.number;
        onHeight(height);
      };
      const subscription =
        stream === 'best'
          ? client.bestBlocks$.subscribe(onBest)
          : client.finalizedBlock$.subscribe(({ number }) => onHeight(number));
      return () => subscription.unsubscribe();
    },
    transfer(from, to, value) {
      const signer = getPolkadotSigner(from.publicKey, 'Sr25519', (data) => from.sign(data));
      const transfer = tx.Balances!.transfer_keep_alive!({ dest: Enum('Id', to), value });
      const statuses: string[] = [];
      return new Promise<Transfer>((resolve, reject) => {
        transfer.signSubmitAndWatch(signer).subscribe({
          next: (event) => {
            const isBest = event.type === 'txBestBlocksState';
            statuses.push(isBest ? `in ${event.found ? 'a' : 'no'} best block` : event.type);
            if (event.type !== 'finalized') return;
            resolve({
              statuses,
              blockHash: event.block.hash,
              events: event.events.map(({ type, value }) => `${type}.${value.type}`),
            });
          },
          error: reject,
        });
      });
    },
    close: async () => client.destroy(),
  };
}

function publicKey(address: string): string {
  return `0x${Buffer.from(AccountId().enc(address)).toString('hex')}`;
}
