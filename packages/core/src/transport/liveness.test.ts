import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { Liveness, type LivenessOptions } from './liveness.ts';

/** A watched peer on a fake clock. */
class Peer {
  readonly clock = new FakeClock();
  readonly deaths: string[] = [];
  readonly canPing: boolean;
  receivedBytes = 0;
  busy = true;
  pings = 0;
  /** How long after a ping the pong comes; `undefined` for never. */
  pongAfterMs: number | undefined = 20;
  readonly liveness: Liveness;

  constructor(canPing: boolean, options: LivenessOptions = {}) {
    this.canPing = canPing;
    this.liveness = new Liveness(this.clock, this, options);
    this.liveness.start();
  }

  ping(): void {
    this.pings++;
    if (this.pongAfterMs === undefined) return;
    this.clock.setTimeout(() => {
      this.receivedBytes += 2;
    }, this.pongAfterMs);
  }

  onDead(reason: string): void {
    this.deaths.push(`${reason} at ${this.clock.now()}`);
  }
}

describe('Liveness with pings', () => {
  it('pings at its interval for as long as pongs come', async () => {
    const peer = new Peer(true);
    await peer.clock.advance(100_000);
    expect(peer.pings).toBe(10);
    expect(peer.deaths).toEqual([]);
  });

  it('gives a peer up that owes a pong for too long', async () => {
    const peer = new Peer(true);
    await peer.clock.advance(30_000);
    peer.pongAfterMs = undefined;
    await peer.clock.advance(60_000);
    expect(peer.deaths).toEqual(['no pong within 5000 ms at 45001']);
    expect(peer.clock.pendingTimers).toBe(0);
  });

  it('takes any bytes for a sign of life', async () => {
    const peer = new Peer(true);
    peer.pongAfterMs = undefined;
    // A message so large that the pong behind it is late.
    const trickle = (): void => {
      peer.receivedBytes += 1000;
      peer.clock.setTimeout(trickle, 3000);
    };
    trickle();
    await peer.clock.advance(100_000);
    expect(peer.deaths).toEqual([]);
  });

  it('looks once more after the process itself was held up', async () => {
    const peer = new Peer(true);
    peer.pongAfterMs = 5000;
    // The pong is read in the same turn as the timer that misses it, right after.
    await peer.clock.advance(100_000);
    expect(peer.deaths).toEqual([]);
  });

  it('pings at once again when its interval is shorter than the wait', async () => {
    const peer = new Peer(true, { pingIntervalMs: 100, pongTimeoutMs: 1000 });
    await peer.clock.advance(10_000);
    expect(peer.pings).toBeGreaterThan(5);
    expect(peer.deaths).toEqual([]);
  });

  it('stops for good', async () => {
    const peer = new Peer(true);
    peer.liveness.stop();
    expect(peer.clock.pendingTimers).toBe(0);
  });
});

describe('Liveness without pings', () => {
  it('gives a peer up that is silent while calls are pending', async () => {
    const peer = new Peer(false);
    await peer.clock.advance(60_000);
    expect(peer.pings).toBe(0);
    expect(peer.deaths).toEqual(['silent for 30000 ms with calls pending at 37501']);
    expect(peer.clock.pendingTimers).toBe(0);
  });

  it('has patience with a peer that owes nothing', async () => {
    const peer = new Peer(false);
    peer.busy = false;
    await peer.clock.advance(600_000);
    expect(peer.deaths).toEqual([]);
    peer.busy = true;
    await peer.clock.advance(29_000);
    expect(peer.deaths).toEqual([]);
    await peer.clock.advance(10_000);
    expect(peer.deaths.length).toBe(1);
  });

  it('starts over with every sign of life', async () => {
    const peer = new Peer(false, { silenceTimeoutMs: 1000 });
    for (let index = 0; index < 20; index++) {
      await peer.clock.advance(900);
      peer.receivedBytes++;
    }
    expect(peer.deaths).toEqual([]);
  });

  it('is what is left when pings are switched off', async () => {
    const peer = new Peer(true, { pingIntervalMs: 0, silenceTimeoutMs: 1000 });
    await peer.clock.advance(2000);
    expect(peer.deaths).toEqual(['silent for 1000 ms with calls pending at 1251']);
    expect(new Peer(false, { silenceTimeoutMs: 0 }).clock.pendingTimers).toBe(0);
  });
});
