import { expect, it, test } from 'vitest';
import { formatDateTime, formatIsoTime, formatRowTime, formatTime, parseLocalTime } from '../../../ui/src/format.ts';

it.each([-1, 0, 2 ** 48 - 1, 8.64e15 + 1, Number.MAX_SAFE_INTEGER, 1e300])('the time %d of a record has a text in every form', (ms) => {
  for (const format of [formatIsoTime, formatTime, formatRowTime, formatDateTime]) expect(format(ms)).toEqual(expect.any(String));
});

test('a time that no clock can show is said to be none', () => {
  expect([formatIsoTime(1e300), formatTime(1e300), formatRowTime(1e300), formatDateTime(1e300)]).toEqual(['', '?', '?', '']);
});

test('a time in full says its zone and means what it was made of', () => {
  const ms = Date.UTC(2026, 10, 30, 12, 3, 59, 123);

  const text = formatDateTime(ms);

  expect(text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+−]\d\d:\d\d$/);
  expect(Date.parse(text.replace(' ', 'T').replace(' ', '').replace('−', '-'))).toBe(ms);
});

test('the day stands before the time of day where that is another one', () => {
  const nowMs = Date.now();
  expect(formatRowTime(nowMs)).toBe(formatTime(nowMs));
  expect(formatRowTime(0)).toMatch(/^19(69|70)-\d\d-\d\d \d\d:/);
});

test('what a field for a local time holds is a time, or nothing', () => {
  expect(parseLocalTime('')).toBeNull();
  expect(formatTime(parseLocalTime('2026-11-30T12:03:59.5') ?? 0)).toBe('12:03:59.500');
});
