import { describe, expect, test } from 'vitest';
import { parseGrep, type Match } from '../../../src/query/index.ts';
import { translatePatterns } from '../../../src/query/ripgrep.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function translated(dialect: Match['dialect'], pattern: string): string | null {
  const match: Match = { dialect, patterns: [bytes(pattern)], ignoreCase: false, invert: false, word: false, wholeLine: false };
  return translatePatterns(match)?.patterns[0] ?? null;
}

describe('a pattern becomes one of ripgrep where both mean the same', () => {
  test.each([
    ['extended', 'a+(b|c)?d', 'a+(?:b|c)?d'],
    ['basic', 'a\\+\\(b\\|c\\)\\?d', 'a\\+(?:b|c)\\?d'.replace('\\+', '+').replace('\\?', '?')],
    ['basic', 'a+(b)?{2}', 'a\\+\\(b\\)\\?\\{2\\}'],
    ['extended', '^x[a-z0-9-]{2,3}$', '^x[a-z0-9\\-]{2,3}$'],
    ['basic', '[a.]\\{2\\}\\.', '[a\\.]{2}\\.'],
    ['extended', '^a|b$', '^a|b$'],
    ['fixed', 'a.*(', 'a.*('],
  ] as const)('%s %s', (dialect, pattern, expected) => {
    expect(translated(dialect, pattern)).toBe(expected);
  });
});

describe('a pattern is left to GNU grep', () => {
  test.each([
    ['that matches the empty string', 'extended', 'a*'],
    ['that is empty', 'fixed', ''],
    ['with a repetition of a repetition', 'extended', 'a*+'],
    ['that begins with a repetition', 'basic', '*a'],
    ['with a back-reference', 'basic', '\\(a\\)\\1'],
    ['with a negated bracket', 'extended', '[^a-z]+$'],
    ['with a class', 'extended', '[[:alpha:]]'],
    ['with a range that a language orders', 'extended', '[A-z]'],
    ['with an anchor in the middle', 'extended', 'a^b'],
    ['with an anchor in a group', 'extended', '(^a)'],
    ['with an escape that POSIX does not know', 'extended', '\\w'],
    ['with an empty alternative', 'extended', 'a|'],
    ['with a group that is not closed', 'extended', '(a'],
    ['with more repetition than grep takes', 'extended', 'a{256}'],
    ['that would be very large', 'extended', '((a{200}){200}){200}'],
    ['that is not ASCII', 'fixed', 'größe'],
    ['with a brace that is no repetition', 'extended', 'a{x'],
  ] as const)('%s', (_what, dialect, pattern) => {
    expect(translated(dialect, pattern)).toBe(null);
  });

  test('of Perl', () => {
    expect(translated('perl', 'a')).toBe(null);
  });
});

test('a command line without a pattern of its own has none to translate', () => {
  expect(parseGrep(['-f', 'patterns']).ok).toBe(true);
});
