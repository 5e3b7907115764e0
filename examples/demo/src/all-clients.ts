import { asJsonRpcProvider, DedotProvider, PolkadotProvider } from '@dshackle/polkadot-provider';
import { WsProvider } from '@polkadot/api';
import { WsProvider as DedotWsProvider } from 'dedot';
import { getWsProvider } from 'polkadot-api/ws';
import { WebSocket } from 'ws';
import { dedot } from './clients/dedot.ts';
import { polkadotApi } from './clients/polkadot-api.ts';
import { polkadotJs } from './clients/polkadot-js.ts';
import type { OpenClients } from './stage.ts';

/** Node 20 has no WebSocket of its own. */
const websocketClass = WebSocket as unknown as typeof globalThis.WebSocket;

/**
 * After so long without a message (40 s by default) polkadot-api takes its connection for dead, and begins
 * anew. It asks nothing twice of one block: on a busy machine the local chain may stand still for longer.
 */
const heartbeatTimeout = 600_000;

/**
 * The three libraries over both doors, an account each so that nonces do not meet. polkadot-api and
 * dedot's newer group go by `chainHead_v1`, the others by the older calls.
 */
export const allClients: OpenClients = async ({ serverUrl, inside, accounts }) => {
  const [alice, bob, charlie, dave, eve, ferdie] = accounts;
  if (!alice || !bob || !charlie || !dave || !eve || !ferdie) throw new Error('too few accounts');
  return [
    await polkadotJs('polkadot-js over the server', new WsProvider(serverUrl), alice),
    await polkadotJs('polkadot-js, engine inside', new PolkadotProvider(inside), bob),
    polkadotApi(
      'polkadot-api over the server',
      getWsProvider(serverUrl, { websocketClass, heartbeatTimeout }),
      charlie,
    ),
    polkadotApi('polkadot-api, engine inside', asJsonRpcProvider(inside), dave),
    await dedot('dedot, chainHead_v1, over the server', new DedotWsProvider(serverUrl), eve, 'v2'),
    await dedot('dedot, older calls, engine inside', new DedotProvider(inside), ferdie, 'legacy'),
  ];
};
