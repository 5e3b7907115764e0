import { describe, expect, it } from 'vitest';
import {
  ethereumCallsAims,
  ethereumCallsText,
  ethereumFallbackText,
  ethereumLogsText,
} from './report-ethereum.mjs';

const sample = (perSecond, p50 = 2) => ({
  perSecond,
  cpuMs: 100,
  failed: 1,
  times: { p50, p99: 9, most: 12 },
});
const calls = {
  rounds: 2,
  one: {
    'HTTP, directly': [sample(500, 1), sample(500, 3)],
    'HTTP, through the server': [sample(400, 1.5), sample(400, 3.3)],
  },
  hundred: {
    WebSocketProvider: [sample(100), sample(200)],
    'EthProvider, WebSocket upstream': [sample(200), sample(160)],
  },
};
const rowOf = (text, name) => text.split('\n').find((line) => line.startsWith(`| ${name} |`));

describe('the report of Ethereum', () => {
  it('tells what the server adds in the same round', () => {
    const text = ethereumCallsText(calls);
    expect(rowOf(text, 'HTTP, through the server')).toContain('| 2.40 | 0.40 |');
    expect(rowOf(text, 'HTTP, directly')).toContain('| 2.00 |  |');
  });

  it('compares a provider with the one of ethers that goes the same way', () => {
    const [aim] = ethereumCallsAims(calls);
    // 100 to 200 and 200 to 160 calls a second: in the middle 1.4 times as many.
    expect(aim).toMatchObject({ found: '0.71', met: true });
    const slow = [sample(50), sample(60)];
    const hundred = { ...calls.hundred, 'EthProvider, WebSocket upstream': slow };
    expect(ethereumCallsAims({ hundred })[0]).toMatchObject({ met: false });
    expect(rowOf(ethereumCallsText(calls), 'WebSocketProvider')).toContain('| 150 | 1.00 |');
  });

  it('tells memory in sizes of the answer', () => {
    const direct = { timeMs: 100, clientPeak: 100 * 2 ** 20 };
    const through = { ...direct, timeMs: 150, serverBefore: 1e8, serverPeak: 1.4e8 };
    const samples = { 'HTTP, directly': [direct], 'HTTP, through the server': [through] };
    const text = ethereumLogsText({ rounds: 1, sizes: [{ megabytes: 10, samples }] });
    expect(rowOf(text, '10 MB, HTTP, through the server')).toBe(
      '| 10 MB, HTTP, through the server | 150 | 1.50 | 100 | 1.00 | 134 | 4.0 |',
    );
    expect(rowOf(text, '10 MB, HTTP, directly')).toBe(
      '| 10 MB, HTTP, directly | 100 | 1.00 | 100 | 1.00 |  |  |',
    );
  });

  it('counts every call that failed', () => {
    const samples = { 'EthProvider, all well': [sample(100), sample(300)] };
    const text = ethereumFallbackText({ rounds: 2, slowMs: 500, samples });
    expect(rowOf(text, 'EthProvider, all well')).toContain('| 200 | 2.0 / 9.0 / 12 | 2 |');
  });
});
