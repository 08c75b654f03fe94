// What a search of records says of every pattern, option and kind of line is compared with GNU grep on the same lines, options alone and in pairs.
import { describe, expect, test } from 'vitest';
import type { Dialect, Match, Output } from '../../src/query/index.ts';
import { GnuGrep } from '../../src/search/topics/gnu-grep.ts';
import { basicPatterns, extendedPatterns, fixedPatterns, oddLines, perlPatterns } from '../support/grep-patterns.ts';
import { gnuGrep, queryOf, searchLines } from '../support/grep-records.ts';
import { starter } from '../support/starter.ts';

const dialects: readonly (readonly [Dialect, string, readonly string[]])[] = [
  ['extended', '-E', extendedPatterns],
  ['basic', '-G', basicPatterns],
  ['perl', '-P', perlPatterns],
  ['fixed', '-F', fixedPatterns],
];

type Option = readonly [flag: string, match: Partial<Match>, output: Partial<Output>];
const options: readonly Option[] = [
  ['-i', { ignoreCase: true }, {}],
  ['-w', { word: true }, {}],
  ['-x', { wholeLine: true }, {}],
  ['-v', { invert: true }, {}],
  ['-o', {}, { onlyMatching: true }],
  ['--color=always', {}, { color: true }],
  ['-A1', {}, { after: 1 }],
  ['-B2', {}, { before: 2 }],
  ['-m2', {}, { maxCount: 2 }],
  ['-T', {}, { initialTab: true }],
];
const none: Option = ['-n', {}, {}];
const pairs = [none, ...options].flatMap((one, index) =>
  [none, ...options].slice(index).map((other) => [`${one[0]} ${other[0]}`, one, other] as const),
);

describe.each(dialects)('patterns of the dialect %s', (dialect, flag, patterns) => {
  test.each(pairs)('with %s', async (_title, one, other) => {
    const grep = new GnuGrep(starter);
    const differing: unknown[] = [];
    for (const pattern of patterns) {
      const expected = gnuGrep(['-n', flag, one[0], other[0], '-e', pattern], oddLines);
      const match = { dialect, ...one[1], ...other[1] };
      const found = await searchLines(oddLines, queryOf([pattern], match, { ...one[2], ...other[2] }), grep);
      if (expected.status === 2 ? found.failure === null : found.text !== expected.text) differing.push({ pattern, expected, found });
    }

    expect(differing).toEqual([]);
  });
});
