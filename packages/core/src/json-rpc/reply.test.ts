import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransportError } from '../errors.ts';
import { readEnvelope } from './envelope.ts';
import { readNotification, subscriptionId } from './notification.ts';
import { readReply } from './reply.ts';
import { encodeRequest } from './request.ts';

const reply = (text: string) => readReply(readEnvelope(text));

describe('readReply', () => {
  it('leaves a result raw', () => {
    expect(reply('{"id":1,"result":{"a": 1.0}}')).toEqual({ kind: 'result', result: '{"a": 1.0}' });
    expect(reply('{"id":1,"result":null}')).toEqual({ kind: 'result', result: 'null' });
  });

  it('keeps the text of an error beside its parsed form', () => {
    const raw = '{"code":-32000, "message":"no", "data":[1]}';
    expect(reply(`{"id":1,"error":${raw}}`)).toEqual({
      kind: 'error',
      error: { code: -32000, message: 'no', data: [1] },
      raw,
    });
  });

  it('takes a null beside the other member for absent', () => {
    expect(reply('{"id":1,"result":5,"error":null}')).toEqual({ kind: 'result', result: '5' });
    expect(reply('{"id":1,"result":null,"error":{"code":1,"message":"m"}}').kind).toBe('error');
  });

  it('gives an error without a code the one that its text suggests', () => {
    expect(reply('{"error":{"message":"Method not found: nope"}}')).toEqual({
      kind: 'error',
      error: { code: -32601, message: 'Method not found: nope' },
      raw: '{"code":-32601,"message":"Method not found: nope"}',
    });
    expect(reply('{"error":{"message":"boom","data":1}}')).toEqual({
      kind: 'error',
      error: { code: -32603, message: 'boom', data: 1 },
      raw: '{"code":-32603,"message":"boom","data":1}',
    });
  });

  it.each([
    ['{"id":1}', 'neither'],
    ['{"id":1,"error":null}', 'no object'],
    ['{"id":1,"result":1,"error":{"code":1,"message":"m"}}', 'both'],
    ['{"id":1,"error":"busy"}', 'no object'],
    ['{"id":1,"error":{}}', 'no message'],
    ['{"id":1,"error":{"code":1}}', 'no message'],
    ['{"id":1,"error":{"code":"1","message":"m"}}', 'no integer'],
    ['{"id":1,"error":{"code":1.5,"message":"m"}}', 'no integer'],
  ])('blames the upstream for %s', (text, reason) => {
    try {
      reply(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(TransportError);
      expect(error).toMatchObject({ origin: 'upstream', sent: true });
      expect((error as Error).message).toContain(reason);
    }
  });
});

describe('encodeRequest', () => {
  it('is JSON-RPC for any method name', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string({ unit: 'binary' }), fc.jsonValue(), (id, method, params) => {
        const text = encodeRequest(id, method, JSON.stringify(params));
        expect(JSON.parse(text)).toEqual({
          jsonrpc: '2.0',
          id,
          method,
          params: JSON.parse(JSON.stringify(params)),
        });
      }),
    );
  });
});

describe('readNotification', () => {
  it('finds id and result', () => {
    expect(readNotification('{"result":{"n":1},"subscription":"0x\\u0031"}')).toEqual({
      subscription: '"0x1"',
      result: '{"n":1}',
      error: undefined,
    });
  });

  it.each(['[]', '1', '{"subscription":', 'null'])('refuses %s', (params) => {
    expect(() => readNotification(params)).toThrow(SyntaxError);
  });
});

describe('subscriptionId', () => {
  it('takes strings and numbers only', () => {
    expect(['"a"', '12', '-1', 'null', 'true', '{}', '["a"]'].map(subscriptionId)).toEqual([
      '"a"',
      '12',
      '-1',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
