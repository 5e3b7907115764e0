import type { JsonRpcError, SubscriptionReceiver } from '@dshackle/core';
import { expect, it } from 'vitest';
import { StreamSubscriber } from './stream-subscriber.ts';

const gone: JsonRpcError = { code: -32_053, message: 'gone' };

/** A subscriber over a client that does what the test says. */
function scripted() {
  const begun: SubscriptionReceiver[] = [];
  const ended: unknown[] = [];
  const told: unknown[] = [];
  const errors: JsonRpcError[] = [];
  const subscriber = new StreamSubscriber({
    client: {
      subscribe: (_method, _params, receiver) => begun.push(receiver),
      unsubscribe: (id) => ended.push(id) > 0,
    },
    params: ['logs'],
    emit: async (item) => told.push(item),
    onError: (error) => errors.push(error),
  });
  return { subscriber, begun, ended, told, errors };
}

it('begins again what ended after it had told something', async () => {
  const { subscriber, begun, told, errors } = scripted();
  subscriber.start();
  begun[0]?.onResult('a');
  begun[0]?.onItem(1);
  begun[0]?.onEnd(gone);
  expect(begun).toHaveLength(2);
  begun[0]?.onItem('late');
  begun[1]?.onItem(2);
  await expect.poll(() => told).toEqual([1, 2]);
  expect(errors).toEqual([]);
});

it('gives up what ends without a word, and what is declined', () => {
  const { subscriber, begun, errors } = scripted();
  subscriber.start();
  begun[0]?.onResult('a');
  begun[0]?.onEnd(gone);
  expect([begun.length, errors]).toEqual([1, [gone]]);
  subscriber.start();
  begun[1]?.onError(gone);
  expect([begun.length, errors]).toEqual([2, [gone, gone]]);
});

it('ends what was stopped, also before its id was known', () => {
  const { subscriber, begun, ended, errors } = scripted();
  subscriber.start();
  begun[0]?.onResult('a');
  subscriber.stop();
  expect(ended).toEqual(['a']);
  subscriber.start();
  subscriber.stop();
  begun[1]?.onResult('b');
  begun[1]?.onEnd(gone);
  expect(ended).toContain('b');
  expect(errors).toEqual([]);
});

it('tells nothing of what comes while it is paused', async () => {
  const { subscriber, begun, told } = scripted();
  subscriber.start();
  expect(() => subscriber.pause()).toThrow('cannot be kept');
  subscriber.pause(true);
  begun[0]?.onItem(1);
  subscriber.resume();
  begun[0]?.onItem(2);
  await expect.poll(() => told).toEqual([2]);
});
