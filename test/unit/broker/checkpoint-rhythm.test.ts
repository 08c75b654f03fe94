import { expect, test } from 'vitest';
import { checkpointRhythm } from '../../../src/broker/replica/groups.ts';

const makeOf = (bytes: number) => () => ({ bytes: new Uint8Array(bytes) });

test('a small checkpoint is made at every sealed segment', () => {
  const due = checkpointRhythm(1000);

  expect([1, 2, 3].map(() => due(makeOf(100)) !== null)).toEqual([true, true, true]);
});

test('a checkpoint as long as a segment is made at every fourth, and not even computed at the others', () => {
  const due = checkpointRhythm(1000);
  let made = 0;
  const make = (): { readonly bytes: Uint8Array } => {
    made++;
    return { bytes: new Uint8Array(1000) };
  };

  const given = Array.from({ length: 9 }, () => due(make) !== null);

  expect(given).toEqual([true, false, false, false, true, false, false, false, true]);
  expect(made).toBe(3);
});
