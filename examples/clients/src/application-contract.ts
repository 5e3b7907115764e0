import { encodeAddress } from '@polkadot/keyring';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Application, ApplicationOptions, Transfer } from './application.ts';
import type { Stage } from './stage.ts';

/** The prefix of `System.Account`. */
const accountPrefix = '0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9';
const amount = 1_000_000_000_000n;

/** What was told of a stream of blocks. */
interface Followed {
  readonly heights: readonly number[];
  readonly stop: () => unknown;
}

function followed(application: Application, stream: 'best' | 'finalized'): Followed {
  const heights: number[] = [];
  return { heights, stop: application.follow(stream, (height) => heights.push(height)) };
}

/** Tests that are one library's own, beside those that all pass. */
export type OwnTests = (application: () => Application) => void;

/**
 * What every library must be able to do through Dshackle: once quietly, and once while the upstream
 * that serves it is killed at the worst moment, which the application must not notice.
 */
export function passesAsApplication(
  useStage: () => Stage,
  options: ApplicationOptions,
  own: OwnTests = () => {},
): void {
  const { connect, connectAnew = connect, metadataCall, iteration } = options;
  let stage: Stage;
  let application: Application;
  const unharmed = (): void => expect(application.troubles).toEqual([]);

  beforeAll(async () => {
    stage = useStage();
    await stage.heal();
  }, 120_000);

  describe('quietly', { timeout: 90_000 }, () => {
    let streams: readonly Followed[];
    beforeAll(async () => {
      application = await connect();
      streams = [followed(application, 'best'), followed(application, 'finalized')];
    }, 60_000);
    afterAll(() => application?.close());
    afterEach(unharmed);

    it('calls the runtime', async () => {
      const [node] = stage.devnet.nodes;
      const version = await stage.ask(node!, 'state_getRuntimeVersion');
      expect(version).toMatchObject({ specVersion: await application.specVersion() });
    });

    it('hears of a balance that changes, and sends what changes it, until it is final', async () => {
      const [from, to] = [stage.accounts[options.payer]!, stage.accounts[4]!];
      const before = await application.balance(to.address);
      const heard: bigint[] = [];
      const stop = await application.watchBalance(to.address, (free) => heard.push(free));
      isWhole(await application.transfer(from, to.address, amount));
      await expect.poll(() => heard.at(-1), { timeout: 30_000 }).toBe(before + amount);
      expect(heard[0]).toBe(before);
      expect(await application.balance(to.address)).toBe(before + amount);
      await stop();
    });

    it('iterates over storage', async () => {
      expect(await application.allAccounts()).toEqual(await listedAccounts());
    });

    it('has 1,000 queries in flight', async () => {
      const addresses = Array.from({ length: 1_000 }, (_, index) => {
        // The accounts that there are, and then some that are not.
        const id = new Uint8Array(32).fill(1);
        new DataView(id.buffer).setUint32(0, index);
        return stage.accounts[index]?.address ?? encodeAddress(id);
      });
      const found = await Promise.all(addresses.map((address) => application.exists(address)));
      expect(found).toEqual(addresses.map((_, index) => index < stage.accounts.length));
    });

    own(() => application);

    it('has followed the best and the finalized blocks meanwhile', async () => {
      const least = () => Math.min(...streams.map(({ heights }) => heights.length));
      await expect.poll(least, { timeout: 30_000 }).toBeGreaterThan(2);
      for (const { heights, stop } of streams) {
        stop();
        expect(heights).toEqual(heights.map((_, index) => heights[0]! + index));
      }
    });
  });

  describe('while its upstream is killed', { timeout: 90_000 }, () => {
    afterEach(async () => {
      await application.close();
      await stage.heal({ restart: false });
    }, 60_000);

    it('between submission and block', async () => {
      application = await connect();
      const [from, to] = [stage.accounts[options.payer]!, stage.accounts[5]!];
      const before = await application.balance(to.address);
      const [transfer, block] = await stage.killBetweenSubmissionAndBlock(() =>
        application.transfer(from, to.address, amount),
      );
      isWhole(transfer);
      expect(transfer.blockHash).toBe(block.hash);
      expect(await application.balance(to.address)).toBe(before + amount);
      unharmed();
    });

    it('in the middle of a storage iteration', async () => {
      application = await connect();
      let calls = 0;
      const { struck } = stage.cutOffWhenAsked((request) => {
        if (request.includes(`"${iteration.call}"`)) calls += 1;
        return calls === iteration.nth;
      });
      expect(await application.allAccounts()).toEqual(await listedAccounts());
      await struck;
      unharmed();
    });

    // By the new interface each of the two is an operation that was begun and not yet told of.
    it.each([
      ['a call of the runtime', '"Core_version"'],
      ['a read of storage', '"state_getStorage"'],
    ])('during %s', async (_what, call) => {
      application = await connect();
      const { struck } = stage.cutOffWhenAsked((request) => request.includes(call));
      const [version, found] = await Promise.all([
        application.specVersion(),
        application.exists(stage.accounts[0]!.address),
      ]);
      await struck;
      expect(version).toBeGreaterThan(0);
      expect(found).toBe(true);
      unharmed();
    });

    it('during the download of the metadata', async () => {
      const { struck } = stage.cutOffWhenAsked((request) => request.includes(`"${metadataCall}"`));
      application = await connectAnew();
      expect(await application.balance(stage.accounts[3]!.address)).toBeGreaterThan(0n);
      await struck;
      unharmed();
    });
  });

  function isWhole({ statuses, events }: Transfer): void {
    const { passingStatuses = [] } = options;
    expect(statuses.filter((status) => !passingStatuses.includes(status))).toEqual(
      options.statuses,
    );
    expect(events).toContain('Balances.Transfer');
    expect(events).toContain('System.ExtrinsicSuccess');
  }

  /** As a node itself lists them. */
  async function listedAccounts(): Promise<readonly string[]> {
    const node = stage.devnet.nodes.find(({ status }) => status === 'running');
    const keys = (await stage.ask(node!, 'state_getKeysPaged', accountPrefix, 1_000)) as string[];
    expect(keys.length).toBeGreaterThanOrEqual(stage.accounts.length);
    return keys.map((key) => `0x${key.slice(-64)}`);
  }
}
