import { expect, it } from 'vitest';
import type { Subscription } from '../call.ts';
import type { Session } from '../session/session.ts';
import { type FakeNode, seededRandom, type TestBalancer, testBalancer } from '../testing/index.ts';

/*
 * Nodes that advance at their own pace, die, come back and forget what they were asked for; clients
 * that come and go. Whatever happens, a client hears the value at once, then only what differs, never
 * of an older block than before; and in the end it knows the value as it is.
 */

const keys = ['a', 'b', 'c'];

/** A client that folds what it hears, and checks each item. */
class Client {
  readonly known = new Map<string, unknown>();
  readonly problems: string[] = [];
  readonly session: Session;
  #height = -1;
  #subscription: Subscription | undefined;
  #isGone = false;

  constructor(test: TestBalancer) {
    this.session = test.balancer.session();
    void test.balancer
      .subscribe(
        { method: 'watch_values', params: JSON.stringify([keys]) },
        {
          onSubscribed: (subscription) => {
            this.#subscription = subscription;
            if (this.#isGone) subscription.unsubscribe();
          },
          onItem: (item) => this.#take(item),
          onEnd: ({ message }) => this.problems.push(`ended: ${message}`),
        },
        { session: this.session },
      )
      // One that finds no upstream in time is no client.
      .catch(() => undefined);
  }

  get isSubscribed(): boolean {
    return this.#subscription !== undefined;
  }

  leave(): void {
    this.#isGone = true;
    this.#subscription?.unsubscribe();
  }

  #take(item: string): void {
    const { block, values } = JSON.parse(item) as { block: string; values: object };
    const height = Number(block.slice(2).split('-')[0]);
    if (!this.#subscription) this.problems.push('an item before the id');
    if (height < this.#height) this.problems.push(`back from ${this.#height} to ${height}`);
    if (this.known.size === 0 && Object.keys(values).length < keys.length) {
      this.problems.push(`a first item without all keys: ${item}`);
    }
    if (this.known.size === 0 && height < this.session.seen) {
      this.problems.push(`begun at ${height} after block ${this.session.seen}`);
    }
    for (const [key, value] of Object.entries(values)) {
      if (this.known.has(key) && this.known.get(key) === value) {
        this.problems.push(`known already: ${key} of ${item}`);
      }
      this.known.set(key, value);
    }
    this.#height = height;
  }
}

async function run(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const upTo = (count: number): number => Math.floor(random() * count);
  await using test = await testBalancer({ nodes: [{}, {}, { canSubscribe: seed % 2 === 0 }] });
  const { clock, ledger, balancer } = test;
  const clients = [new Client(test)];
  const node = (): FakeNode => test.nodes[upTo(test.nodes.length)] as FakeNode;

  const mine = (): void => {
    const block = ledger.mine();
    if (random() < 0.5) ledger.write(block, { [keys[upTo(3)] as string]: upTo(3) });
    for (const each of test.nodes) if (random() < 0.8) each.advance();
  };
  const steps = [
    mine,
    mine,
    mine,
    () => node().advance(),
    () => clients.push(new Client(test)),
    () => clients.splice(upTo(clients.length), 1)[0]?.leave(),
    () =>
      void balancer
        .request('best_hash', [], { session: clients[0]?.session ?? balancer.session() })
        // The one upstream that has what the session has seen may be gone.
        .catch(() => undefined),
    () => node().crash(),
    () => void node().restart(),
    () => void node().restart(),
    () => node().dropSubscriptions(),
    () => node().forgetSubscriptions('watch_values'),
  ];
  for (let i = 0; i < 150; i += 1) {
    steps[upTo(steps.length)]?.();
    await clock.advance(upTo(3) === 0 ? upTo(8000) : upTo(50));
  }

  // All is well again for some minutes. What somebody forgot is missed at the next change.
  for (const each of test.nodes) {
    void each.restart();
    each.advance();
  }
  for (let i = 0; i < 40; i += 1) {
    await clock.advance(6000);
    const block = ledger.mine();
    if (i === 20) ledger.write(block, { a: 'new' });
    for (const each of test.nodes) each.advance(block);
  }
  const value = Object.fromEntries(keys.map((key) => [key, ledger.read(ledger.head, key)]));
  for (const client of clients.filter(({ isSubscribed }) => isSubscribed)) {
    expect({ seed, problems: client.problems }).toEqual({ seed, problems: [] });
    expect({ seed, ...Object.fromEntries(client.known) }).toEqual({ seed, ...value });
  }
  const subscribed = test.nodes.reduce((sum, each) => sum + each.subscriptions('watch_values'), 0);
  const expected = clients.some(({ isSubscribed }) => isSubscribed) ? 1 : 0;
  expect({ seed, subscribed }).toEqual({ seed, subscribed: expected });
  for (const client of clients) client.leave();
  await balancer.close();
  expect({ seed, timers: clock.pendingTimers }).toEqual({ seed, timers: 0 });
}

it.each(Array.from({ length: 30 }, (_, i) => i + 1))(
  'a shared value is heard whole and in order, whatever happens: %i',
  run,
);

it('never goes back to what the pool has, when a block was lost with the one upstream that had it', () =>
  // The upstream tells the value at a block whose ancestors the pool is still fetching, and dies.
  run(1949));
