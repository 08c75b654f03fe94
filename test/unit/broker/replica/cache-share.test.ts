import { expect, test } from 'vitest';
import { cacheBytesShare } from '../../../../src/broker/replica/groups.ts';
import { defaultSettings } from '../../../../src/broker/settings.ts';

test('one partition keeps what it may, and all that are awake no more than their broker may', () => {
  const { cacheBytesMax, cachesBytesMax } = defaultSettings;

  expect(cacheBytesShare(defaultSettings, 0)).toBe(cacheBytesMax);
  expect(cacheBytesShare(defaultSettings, 1)).toBe(cacheBytesMax);
  for (const awake of [17, 1000, 10_000]) {
    const share = cacheBytesShare(defaultSettings, awake);
    expect(share).toBeLessThan(cacheBytesMax);
    expect(share * awake).toBeLessThanOrEqual(cachesBytesMax);
  }
});
