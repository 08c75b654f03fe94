import { describe, expect, test } from 'vitest';
import { Watchdog, within } from '../../../../src/lab/rig/index.ts';

describe('a watchdog', () => {
  test('lets a run that ends in time end', async () => {
    const watchdog = new Watchdog(10_000, () => 'unused');

    expect(await watchdog.guard(Promise.resolve('done'))).toBe('done');
    expect(watchdog.hasBarked).toBe(false);
  });

  test('ends a run that stands still, with what it was at and what is known', async () => {
    const watchdog = new Watchdog(5, () => 'broker 2 is gone');
    watchdog.feed('kill 7');

    await expect(watchdog.guard(new Promise(() => undefined))).rejects.toThrow(
      'Cannot go on: nothing happened for 0.005 s at kill 7: broker 2 is gone',
    );
    expect(watchdog.hasBarked).toBe(true);
  });

  test('ends a run at once when a part of it fails', async () => {
    const watchdog = new Watchdog(10_000, () => 'unused');
    const run = watchdog.guard(new Promise(() => undefined));

    watchdog.fail(new Error('a worker met a defect'));

    await expect(run).rejects.toThrow('a worker met a defect');
  });

  test('tells loops that work beside a run when it has failed', async () => {
    const watchdog = new Watchdog(10_000, () => 'unused');

    await expect(watchdog.guard(Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(watchdog.hasBarked).toBe(true);
  });
});

test('what takes longer than it may is not waited for', async () => {
  await expect(within(5, new Promise(() => undefined))).rejects.toThrow('Cannot wait longer than 5 ms');
  expect(await within(10_000, Promise.resolve(1))).toBe(1);
});
