import { expect, test } from 'vitest';
import { SessionLives } from '../../../../src/gateway/lines/session-lives.ts';

test('a session goes to each new life of its agent, and to none that had it before another one', () => {
  const lives = new SessionLives();

  expect([lives.take('a', 1), lives.take('a', 1), lives.take('a', 2), lives.take('a', 2)]).toEqual([true, true, true, true]);
  expect([lives.take('a', 1), lives.take('a', 2), lives.take('a', 3), lives.take('a', 2)]).toEqual([false, true, true, false]);
  expect(lives.take('b', 1)).toBe(true);
});

test('forgets the sessions that were used longest ago', () => {
  const lives = new SessionLives();
  lives.take('first', 1);
  lives.take('first', 2);
  for (let i = 0; i < 10_000; i++) lives.take(String(i), 1);

  expect(lives.take('first', 1)).toBe(true);
});
