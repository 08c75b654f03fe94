import { expect, test } from 'vitest';
import { Strangers } from '../../../../src/broker/peers/strangers.ts';

test('connections of strangers that send garbage are told now and then, with how many there were', () => {
  let nowMs = 0;
  const told: unknown[] = [];
  const strangers = new Strangers({ log: (_level, event, fields) => void told.push({ event, ...fields }) }, () => nowMs);

  for (let count = 0; count < 1_000; count++) {
    strangers.note('a frame whose two lengths differ');
    nowMs += 25;
  }

  const line = { event: 'linkDamaged', peer: null, damage: 'a frame whose two lengths differ' };
  expect(told).toEqual([1, 401, 801].map((count) => ({ ...line, count })));
});
