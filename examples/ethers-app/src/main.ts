#!/usr/bin/env node
import { chainId, devPhrase, startEthDevnet } from '@dshackle/devnet/ethereum';
import { EthProvider, ethereum } from '@dshackle/eth-provider';
import { HDNodeWallet, parseEther, Wallet } from 'ethers';
import { describe, PaymentWatch } from './payments.ts';

/** Blocks that the local nodes make before it ends. */
const blocks = 10;

const urls = process.argv.slice(2);
if (urls.length > 0) await watchYours(urls);
else await watchLocal();

/** Until Ctrl-C. */
async function watchYours(upstreams: readonly string[]): Promise<void> {
  const provider = new EthProvider({ upstreams });
  const watch = new PaymentWatch(provider, (payments) => console.log(describe(payments)));
  await watch.start();
  await new Promise((resolve) => process.once('SIGINT', resolve));
  await watch.stop();
  await provider.destroy();
}

async function watchLocal(): Promise<void> {
  await using devnet = await startEthDevnet({ nodes: 3, blockTimeMs: 500 });
  const provider = new EthProvider({
    chain: ethereum({ id: 'devnet', chainId, blockTimeMs: 500 }),
    upstreams: devnet.nodes.map(({ id, wsUrl }) => ({ id, transport: wsUrl })),
  });
  const payer = HDNodeWallet.fromPhrase(devPhrase).connect(provider);
  let told = 0;
  let moved = 0n;
  const ended = new Promise<void>((resolve) => {
    const watch = new PaymentWatch(provider, (payments) => {
      console.log(describe(payments));
      told += 1;
      moved += payments.value;
      if (told === blocks) resolve(watch.stop());
    });
    void watch.start();
  });
  const payment = { to: Wallet.createRandom().address, value: parseEther('1') };
  await (await payer.sendTransaction(payment)).wait();
  console.log('node-1 is killed');
  await devnet.nodes[0]?.crash();
  await (await payer.sendTransaction(payment)).wait();
  await ended;
  for (const { id, answered, reason } of provider.balancer.snapshot().upstreams) {
    console.log(`${id} answered ${answered} calls, and ${reason ?? 'serves'}`);
  }
  await provider.destroy();
  console.log(`moved ${moved / parseEther('1')} of 2 ether`);
}
