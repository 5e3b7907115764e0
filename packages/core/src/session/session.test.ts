import { expect, it } from 'vitest';
import { Session } from './session.ts';

it('a session tells once that its client has left, also whoever asks later', () => {
  const session = new Session();
  const told: string[] = [];
  session.onClose(() => told.push('first'));
  const stop = session.onClose(() => told.push('stopped'));
  stop();
  expect(session.isClosed).toBe(false);
  session.close();
  session.close();
  expect(session.isClosed).toBe(true);
  session.onClose(() => told.push('late'))();
  expect(told).toEqual(['first', 'late']);
});
