import { expect, test } from 'vitest';
import { LineTime } from '../../../src/query/line-time.ts';
import { timeOfPrinted } from '../../../src/query/printed-line.ts';

const plain = { withName: true, lineNumbers: false, byteOffsets: false, initialTab: false, color: false };
const label = Buffer.from('10.0.0.1:9000:app-1:2.log');

function timeOf(line: string, output: Partial<typeof plain>): string | null {
  const read = timeOfPrinted(new LineTime({ format: null, nowMs: Date.UTC(2026, 10, 30), zoneMinutes: 0 }), label, { ...plain, ...output });
  const bytes = Buffer.from(line);
  const ms = read(bytes, 0, bytes.length);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

const time = '2026-11-30T04:32:45.000Z';

test.each([
  [`${label}:${time} x`, {}],
  [`${label}-${time} context`, {}],
  [`${label}\0${time} x`, {}],
  [`${label}:12:${time} x`, { lineNumbers: true }],
  [`${label}-12-${time} x`, { lineNumbers: true }],
  [`${label}:12:3456:${time} x`, { lineNumbers: true, byteOffsets: true }],
  [`${label}:  12:  34:\t${time} x`, { lineNumbers: true, byteOffsets: true, initialTab: true }],
  [`${label}:\t${time} x`, { initialTab: true }],
  [`${time} x`, { withName: false }],
  [`12:${time} x`, { withName: false, lineNumbers: true }],
  [
    `\u001B[35m\u001B[K${label}\u001B[m\u001B[K\u001B[36m\u001B[K:\u001B[m\u001B[K2026-\u001B[01;31m\u001B[K11\u001B[m\u001B[K-30T04:32:45Z x`,
    { color: true },
  ],
])('the time of %j is behind what grep prints before a line', (line, output) => {
  expect(timeOf(line, output)).toBe(time);
});

test('what stands between groups, and a line without a time, have none', () => {
  expect(timeOf('--', {})).toBeNull();
  expect(timeOf(`${label}:`, {})).toBeNull();
  expect(timeOf(`${label}:  at step (1)`, {})).toBeNull();
  expect(timeOf(`${label}:1732940000:no time`, { lineNumbers: true })).toBeNull();
});
