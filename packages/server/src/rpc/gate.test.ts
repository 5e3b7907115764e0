import { describe, expect, it } from 'vitest';
import { Gate } from './gate.ts';

function gate(limit: number) {
  const sent: string[] = [];
  let overflows = 0;
  const made = new Gate(
    (frame) => sent.push(frame),
    limit,
    () => overflows++,
  );
  return { gate: made, sent, overflows: () => overflows };
}

describe('a gate', () => {
  it('holds frames until it opens, then lets them pass in order', () => {
    const { gate: made, sent } = gate(10);
    made.send('1');
    made.send('2');
    expect(sent).toEqual([]);
    made.open();
    made.send('3');
    made.open();
    expect(sent).toEqual(['1', '2', '3']);
  });

  it('forgets what it holds of one owner', () => {
    const { gate: made, sent } = gate(10);
    made.send('1', 'a');
    made.send('2', 'b');
    made.send('3', 'a');
    made.drop('a');
    made.open();
    made.drop('b');
    expect(sent).toEqual(['2']);
  });

  it('drops what it holds, and says so once, when there is too much', () => {
    const { gate: made, sent, overflows } = gate(1);
    made.send('1');
    made.send('2');
    made.open();
    expect(sent).toEqual([]);
    expect(overflows()).toBe(1);
  });
});
