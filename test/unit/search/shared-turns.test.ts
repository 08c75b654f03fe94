import { expect, test } from 'vitest';
import { SharedTurns } from '../../../src/search/ask/shared-turns.ts';

test('turns are given in the order in which they are asked for, so many at once', async () => {
  const turns = new SharedTurns(2);
  const given: number[] = [];
  const taken = [0, 1, 2, 3].map((index) =>
    turns.take().then((turn) => {
      given.push(index);
      return turn;
    }),
  );
  const first = await (taken[0] as (typeof taken)[number]);
  await taken[1];
  expect(given).toEqual([0, 1]);

  first.release();
  first.release();
  await taken[2];

  expect(given).toEqual([0, 1, 2]);
});

test('who cannot use his turn hears once that it is wanted, whichever comes first', async () => {
  const turns = new SharedTurns(2);
  const heard: string[] = [];
  const [early, late] = [await turns.take(), await turns.take()];

  early.whenWanted(() => heard.push('early'));
  expect(heard).toEqual([]);
  const third = turns.take();
  late.whenWanted(() => heard.push('late'));
  const fourth = turns.take();

  expect(heard).toEqual(['early', 'late']);
  early.release();
  late.release();
  for (const turn of await Promise.all([third, fourth])) turn.release();
});
