import { expect, test } from 'vitest';
import { JsonLines, forPrograms } from '../../../src/search/ask/index.ts';
import { decodeRequest } from '../../../src/search/index.ts';

test('the text of a record that begins with digits is not taken for a place in a file', () => {
  const decoded = decodeRequest({ source: { kind: 'topic', topic: 'log' }, match: { patterns: ['x'] } });
  if (!decoded.ok) throw new Error(decoded.error);
  const lines = new JsonLines(forPrograms(decoded.value));
  lines.take({ kind: 'part', head: { name: 'log', label: 'm1:log', engine: 'linear', engineReason: null } });

  expect(JSON.parse(lines.take({ kind: 'bytes', piece: Buffer.from('m1:log:7:123 x\n') }))).toEqual({
    type: 'match',
    machine: 'm1',
    file: 'log',
    line: 7,
    byteOffset: null,
    text: '123 x',
  });
});

test.each([
  [{ follow: true }, 'a topic is in order'],
  [{ order: 'time' }, 'a topic is in order'],
  [{ timeFormat: '%s' }, 'a topic is in order'],
])('a topic is not searched as files are by time: %j', (more, reason) => {
  const decoded = decodeRequest({ source: { kind: 'topic', topic: 'log' }, match: { patterns: ['x'] }, ...more });

  expect(decoded.ok ? '' : decoded.error).toContain(reason);
});
