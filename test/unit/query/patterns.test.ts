// What a search of records says of a pattern is compared with GNU grep itself; every option with every pattern in test/long/grep-records.test.ts.
import { expect, test } from 'vitest';
import type { Dialect, Match } from '../../../src/query/index.ts';
import { GnuGrep } from '../../../src/search/topics/gnu-grep.ts';
import { basicPatterns, extendedPatterns, oddLines as lines } from '../../support/grep-patterns.ts';
import { gnuGrep, queryOf, searchLines } from '../../support/grep-records.ts';
import { needsPrograms } from '../../support/needs.ts';
import { starter } from '../../support/starter.ts';

const few = (patterns: readonly string[]): readonly string[] => patterns.filter((_, index) => index % 4 === 0);

test.each<readonly [string, Dialect, readonly string[], Partial<Match>, readonly string[]]>([
  ['extended expressions', 'extended', few(extendedPatterns), {}, ['-E']],
  ['extended expressions whatever the case', 'extended', few(extendedPatterns).slice(0, 6), { ignoreCase: true }, ['-E', '-i']],
  ['words', 'extended', few(extendedPatterns).slice(0, 6), { word: true }, ['-E', '-w']],
  ['basic expressions', 'basic', few(basicPatterns), {}, ['-G']],
  ['Perl’s', 'perl', ['foo(?=bar)'], {}, ['-P']],
])('%s select what GNU grep selects', needsPrograms('grep'), async (_how, dialect, patterns, match, flags) => {
  const grep = new GnuGrep(starter);
  for (const pattern of patterns) {
    const expected = gnuGrep(['-n', ...flags, '-e', pattern], lines);

    const found = await searchLines(lines, queryOf([pattern], { dialect, ...match }), grep);

    expect([pattern, found.failure, found.text]).toEqual([pattern, null, expected.text]);
  }
});

test('what no linear engine does is asked of GNU grep, and nothing else is', async () => {
  const grep = new GnuGrep(starter);
  const engineOf = async (pattern: string): Promise<string> =>
    (await searchLines(lines, queryOf([pattern], { dialect: 'extended' }), grep)).engine;

  expect(await engineOf('foo')).toBe('text');
  expect(await engineOf('fo+')).toBe('linear');
  expect(await engineOf('(a)\\1')).toBe('grep');
});

test('a pattern that explodes elsewhere is matched at once', async () => {
  const long = [Buffer.from('a'.repeat(100_000))];

  const { text, engine } = await searchLines(long, queryOf(['(a+)+b'], { dialect: 'extended' }));

  expect({ text, engine }).toEqual({ text: '', engine: 'linear' });
});
