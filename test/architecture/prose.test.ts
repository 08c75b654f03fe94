// The form of the pages, so that a person finishes them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..');
const linesOf = (file: string): string[] => readFileSync(path.join(ROOT, file), 'utf8').trimEnd().split('\n');

test('docs/testing.md is a page that one reads to its end; defects stand in docs/testing/defects.md', () => {
  const lines = linesOf('docs/testing.md');

  expect(lines.length).toBeLessThanOrEqual(120);
  expect(lines.filter((line) => /^\| \d{4}-\d\d-\d\d \|/.test(line))).toEqual([]);
});

test('the table of defects is one, and each of its rows has five cells', () => {
  const lines = linesOf('docs/testing/defects.md');
  const table = lines.slice(lines.indexOf('| date | bug | found by | seed | test |'));

  expect(table.length).toBeGreaterThan(100);
  expect(table.filter((line) => !line.startsWith('|') || line.replaceAll('\\|', '').split('|').length !== 7)).toEqual([]);
});
