import { describe, expect, test } from 'vitest';
import { LineTime, type LineTimeOptions } from '../../../src/query/line-time.ts';
import { parseTimeFormat } from '../../../src/query/time-format.ts';

const nowMs = Date.UTC(2026, 10, 30, 4, 32, 45);

/** As an ISO time with milliseconds, so that a wrong one is easy to see; null for a line without a time. */
function timeOf(line: string, options: Partial<LineTimeOptions> = {}): string | null {
  // Read from the middle of something longer: nothing beside the line counts.
  const bytes = Buffer.from(`2001-01-01T00:00:00Z ${line}:59.999Z`);
  const from = 21;
  const ms = new LineTime({ format: null, nowMs, zoneMinutes: 0, ...options }).read(bytes, from, bytes.length - 8);
  return Number.isNaN(ms) ? null : new Date(Math.round(ms)).toISOString();
}

function withFormat(format: string): { readonly format: NonNullable<LineTimeOptions['format']> } {
  const parsed = parseTimeFormat(format);
  if (!parsed.ok) throw new Error(parsed.error);
  return { format: parsed.value };
}

describe('the time of a line', () => {
  test.each([
    ['2026-11-30T04:32:45Z done', '2026-11-30T04:32:45.000Z'],
    ['2026-11-30T04:32:45.123456Z done', '2026-11-30T04:32:45.123Z'],
    ['2026-11-30 04:32:45,678 INFO done', '2026-11-30T04:32:45.678Z'],
    ['2026-11-30T04:32:45+01:00 done', '2026-11-30T03:32:45.000Z'],
    ['2026-11-30 04:32:45 -0530 done', '2026-11-30T10:02:45.000Z'],
    ['2026-11-30 04:32:45 - done', '2026-11-30T04:32:45.000Z'],
    ['2026-11-30T04:32', '2026-11-30T04:32:00.000Z'],
    ['20261130T043245Z done', '2026-11-30T04:32:45.000Z'],
    ['[2026-11-30T04:32:45Z] done', '2026-11-30T04:32:45.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['1969-12-31T23:59:59Z', '1969-12-31T23:59:59.000Z'],
    ['2016-12-31T23:59:60Z leap', '2017-01-01T00:00:00.000Z'],
  ])('is found in ISO 8601: %s', (line, expected) => {
    expect(timeOf(line)).toBe(expected);
  });

  test.each([
    ['1732940000 x', '2024-11-30T04:13:20.000Z'],
    ['1732940000.25 x', '2024-11-30T04:13:20.250Z'],
    ['1732940000123 x', '2024-11-30T04:13:20.123Z'],
    ['1732940000123456 x', '2024-11-30T04:13:20.123Z'],
    ['1732940000123456789 x', '2024-11-30T04:13:20.123Z'],
    ['[1732940000] x', '2024-11-30T04:13:20.000Z'],
    ['1732940000', '2024-11-30T04:13:20.000Z'],
  ])('is found as an epoch, told by its digits: %s', (line, expected) => {
    expect(timeOf(line)).toBe(expected);
  });

  test.each([
    ['Nov 30 04:32:45 host sshd[1]: x', '2026-11-30T04:32:45.000Z'],
    ['Nov  3 04:32:45 host x', '2026-11-03T04:32:45.000Z'],
    ['<13>Nov 30 04:32:45 host x', '2026-11-30T04:32:45.000Z'],
    ['<165>1 2026-11-30T04:32:45.5Z host app - - - x', '2026-11-30T04:32:45.500Z'],
    // Of a day that is still ahead it is last year's; of tomorrow a clock that is ahead.
    ['Dec  1 04:00:00 host x', '2026-12-01T04:00:00.000Z'],
    ['Dec 24 04:00:00 host x', '2025-12-24T04:00:00.000Z'],
  ])('is found in a syslog line: %s', (line, expected) => {
    expect(timeOf(line)).toBe(expected);
  });

  test('is found in a syslog line just after New Year, whichever year it was', () => {
    const justAfter = Date.UTC(2027, 0, 1, 0, 10);

    expect(timeOf('Dec 31 23:59:59 host x', { nowMs: justAfter })).toBe('2026-12-31T23:59:59.000Z');
    expect(timeOf('Jan  1 00:00:01 host x', { nowMs: justAfter })).toBe('2027-01-01T00:00:01.000Z');
  });

  test.each([
    ['{"level":"info","time":"2026-11-30T04:32:45Z","msg":"x"}', '2026-11-30T04:32:45.000Z'],
    ['{"time":1732940000123,"msg":"x"}', '2024-11-30T04:13:20.123Z'],
    ['{"msg":"a \\"time\\": 5", "ts" : 1732940000.5}', '2024-11-30T04:13:20.500Z'],
    ['{"@timestamp":"2026-11-30T04:32:45.001Z"}', '2026-11-30T04:32:45.001Z'],
    ['level=info ts=2026-11-30T04:32:45Z msg="x y"', '2026-11-30T04:32:45.000Z'],
    ['msg="time=1732940000" time="2026-11-30T04:32:45Z"', '2026-11-30T04:32:45.000Z'],
  ])('is found in a field of its own: %s', (line, expected) => {
    expect(timeOf(line)).toBe(expected);
  });

  test.each([
    [''],
    ['no time here'],
    ['    at step (file.ts:3:4)'],
    ['2026-13-01T00:00:00Z month'],
    ['2026-02-30T00:00:00Z day'],
    ['2026-11-30T25:00:00Z hour'],
    ['2026-11-30 without a time of day'],
    ['12345 lines'],
    ['1732940000-1 a name'],
    ['1732940000x'],
    ['Nov 31 04:32:45 day'],
    ['November was cold'],
    ['{"msg":"2026-11-30T04:32:45Z"}'],
    ['{"timeout":1732940000}'],
    ['runtime=1732940000'],
    ['2026-11-30T04:32:4'],
    ['2026-11-30T04'],
  ])('is not made up: %s', (line) => {
    expect(timeOf(line)).toBeNull();
  });

  test('is that of a zone that is given where the line names none', () => {
    expect(timeOf('2026-11-30T04:32:45 x', { zoneMinutes: 60 })).toBe('2026-11-30T03:32:45.000Z');
    expect(timeOf('2026-11-30T04:32:45Z x', { zoneMinutes: 60 })).toBe('2026-11-30T04:32:45.000Z');
  });
});

describe('a format of the user', () => {
  test.each([
    ['%d/%b/%Y:%H:%M:%S %z', '10.0.0.1 - - [30/Nov/2026:04:32:45 +0100] "GET /"', '2026-11-30T03:32:45.000Z'],
    ['%F %T.%f', 'INFO 2026-11-30 04:32:45.250 x', '2026-11-30T04:32:45.250Z'],
    ['%s', 'x 1732940000 y', '2024-11-30T04:13:20.000Z'],
    ['%s.%f', 'x 1732940000.5 y', '2024-11-30T04:13:20.500Z'],
    ['%m/%d/%y %I:%M:%S %p', '11/30/26 04:32:45 PM x', '2026-11-30T16:32:45.000Z'],
    ['%I:%M %p %e %B %Y', '12:05 am  3 November 2026', '2026-11-03T00:05:00.000Z'],
    ['%a %b %e %H:%M:%S %Z %Y', 'Mon Nov 30 04:32:45 UTC 2026', '2026-11-30T04:32:45.000Z'],
    ['%m%d %H:%M:%S', 'I1130 04:32:45.123 1 file.go:1] x', '2026-11-30T04:32:45.000Z'],
    ['100%% %Y-%m-%dT%H', '100% 2026-11-30T04', '2026-11-30T04:00:00.000Z'],
  ])('%s', (format, line, expected) => {
    expect(timeOf(line, withFormat(format))).toBe(expected);
  });

  test('is the only one that is looked for', () => {
    expect(timeOf('2026-11-30T04:32:45Z x', withFormat('%s'))).toBeNull();
  });

  test.each([
    ['%Q', '%Q'],
    ['%', '%'],
    ['%H:%M:%S', 'names no'],
    ['%Y-%m-%d', 'names no'],
    ['', 'names no'],
    ['x'.repeat(201), 'longer'],
  ])('is refused with the reason: %s', (format, reason) => {
    const parsed = parseTimeFormat(format);

    expect(parsed.ok ? '' : parsed.error).toContain(reason);
  });
});
