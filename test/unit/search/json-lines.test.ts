import { expect, test } from 'vitest';
import { JsonLines, forPrograms } from '../../../src/search/ask/index.ts';
import { decodeRequest } from '../../../src/search/index.ts';

const begun = { partition: 0, offsetFrom: 0, offsetTo: 9, highWatermark: 9, logStartOffset: 0, asOfMs: 0, lag: 0 };

test('the text of a line that begins with digits is not taken for a place in its file', () => {
  const decoded = decodeRequest({ source: { kind: 'files', name: 'app' }, match: { patterns: ['x'] } });
  if (!decoded.ok) throw new Error(decoded.error);
  const lines = new JsonLines(forPrograms(decoded.value));
  lines.take({ kind: 'part', head: { name: 'a.log', label: 'm1:a.log', engine: 'grep', engineReason: null } });

  expect(JSON.parse(lines.take({ kind: 'bytes', piece: Buffer.from('m1:a.log:7:40:123 x\n') }))).toEqual({
    type: 'match',
    machine: 'm1',
    file: 'a.log',
    line: 7,
    byteOffset: 40,
    text: '123 x',
  });
});

test('an object of a topic, which may come in pieces, is told whose it is', () => {
  const decoded = decodeRequest({ source: { kind: 'topic', topic: 'log' }, match: { patterns: ['x'] } });
  if (!decoded.ok) throw new Error(decoded.error);
  const request = forPrograms(decoded.value);
  const lines = new JsonLines(request);
  lines.take({ kind: 'part', head: { name: 'log', label: 'm1:log', engine: 'linear', engineReason: null, begun } });
  const object = Buffer.from('{"type":"context","offset":7,"value":"größe, x"}\n');

  const text = [object.subarray(0, 44), object.subarray(44)].map((piece) => lines.take({ kind: 'bytes', piece, isLate: true })).join('');

  expect(request.form).toBe('json');
  const own = { machine: 'm1', topic: 'log', partition: 0, late: true };
  expect(JSON.parse(text)).toEqual({ type: 'context', ...own, offset: 7, value: 'größe, x' });
});

test.each([
  [{ follow: true, output: { before: 1 } }, 'context is not shown'],
  [{ follow: true, output: { mode: 'count' } }, 'only lines can be followed'],
  [{ order: 'time', output: { mode: 'with' } }, 'only lines can be merged'],
  [{ timeFormat: '%s' }, 'records of a topic bear their time beside them'],
])('a topic is not searched like this: %j', (more, reason) => {
  const decoded = decodeRequest({ source: { kind: 'topic', topic: 'log' }, match: { patterns: ['x'] }, ...more });

  expect(decoded.ok ? '' : decoded.error).toContain(reason);
});

test('lines of files are not asked for as objects', () => {
  const decoded = decodeRequest({ source: { kind: 'files', name: 'app' }, match: { patterns: ['x'] }, form: 'json' });

  expect(decoded.ok ? '' : decoded.error).toContain('lines of files are sent as they stand there');
});
