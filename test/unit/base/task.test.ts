import { expect, test } from 'vitest';
import { runTask, wait } from '../../../src/base/task.ts';

test('a task goes on where its callback comes back, with what it brought', () => {
  let resume: (value: number) => void = () => {};
  const steps: string[] = [];
  runTask(
    function* () {
      steps.push('before');
      const first = yield* wait<number>((done) => {
        resume = done;
      });
      steps.push(`got ${first}`);
      return first * 2;
    },
    (value) => steps.push(`returned ${value}`),
  );
  steps.push('outside');

  resume(21);

  expect(steps).toEqual(['before', 'outside', 'got 21', 'returned 42']);
});

test('a hundred thousand calls that complete at once do not grow the stack', () => {
  let total = 0;
  runTask(
    function* () {
      let sum = 0;
      for (let i = 0; i < 100_000; i++) sum += yield* wait<number>((done) => done(1));
      return sum;
    },
    (value) => {
      total = value;
    },
  );

  expect(total).toBe(100_000);
});

test('an exception of the task surfaces from the callback that resumed it', () => {
  let resume: (value: undefined) => void = () => {};
  runTask(
    function* () {
      yield* wait<undefined>((done) => {
        resume = done;
      });
      throw new Error('inside');
    },
    () => {},
  );

  expect(() => resume(undefined)).toThrow('inside');
});
