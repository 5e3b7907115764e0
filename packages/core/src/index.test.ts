import { describe, expect, it } from 'vitest';
import * as core from './index.ts';
import * as contracts from './testing/contracts.ts';
import * as testing from './testing/index.ts';
import * as methodsPage from './testing/methods-page.ts';

describe('the package exports this and nothing else', () => {
  it('to applications', () => {
    expect(Object.keys(core).sort()).toMatchInlineSnapshot(`
      [
        "BalancerError",
        "JsonRpcClient",
        "NoEligibleUpstreamError",
        "RetryBudgetExhaustedError",
        "RpcResponseError",
        "Session",
        "TimeoutError",
        "TransportError",
        "UnknownOutcomeError",
        "balancerErrorCodes",
        "combined",
        "createBalancer",
        "delay",
        "describeEndpoint",
        "endingReply",
        "endpoint",
        "errorReply",
        "forwardOptions",
        "http",
        "isBalancerError",
        "isBatch",
        "jsonRpcCodes",
        "judgeBy",
        "memoryStore",
        "p2c",
        "readEnvelope",
        "roles",
        "roundRobin",
        "splitBatch",
        "systemClock",
        "toJsonRpcError",
        "websocket",
        "wordsOf",
      ]
    `);
  });

  it('to tests, as ./testing', () => {
    expect(Object.keys(testing).sort()).toMatchInlineSnapshot(`
      [
        "FakeClock",
        "FakeLedger",
        "FakeNode",
        "ScriptedTransport",
        "fakeChain",
        "result",
        "seededRandom",
        "testBalancer",
      ]
    `);
  });

  it('to tests of strategies and transports, as ./testing/contracts', () => {
    expect(Object.keys(contracts).sort()).toMatchInlineSnapshot(`
      [
        "describeSelector",
        "describeStore",
        "describeTransport",
      ]
    `);
  });

  it('to tests of chain packages, as ./testing/methods-page', () => {
    expect(Object.keys(methodsPage).sort()).toMatchInlineSnapshot(`
      [
        "code",
        "kindWords",
        "lifetimeWords",
        "signedName",
        "strategyWords",
        "table",
      ]
    `);
  });
});
