import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../src/base/random.ts';
import type { Match, Output } from '../../../src/query/index.ts';
import { gnuGrep, queryOf, searchLines } from '../../support/grep-records.ts';
import { needsPrograms } from '../../support/needs.ts';

/** Lines 1 to 60; those divisible by 7 hold `hit`, and by 21 it stands there twice. */
const lines = Array.from({ length: 60 }, (_, index) => {
  const number = index + 1;
  return Buffer.from(`line ${number}${number % 7 === 0 ? ' hit' : ''}${number % 21 === 0 ? ' hit' : ''}${number % 14 === 0 ? ':x' : ''}`);
});

const outputs: readonly (readonly [readonly string[], Partial<Output>])[] = [
  [[], {}],
  [['-A1'], { after: 1 }],
  [['-B2'], { before: 2 }],
  [['-C3'], { before: 3, after: 3 }],
  [['-C0'], { before: 0, after: 0 }],
  [['-A9', '-B20'], { before: 20, after: 9 }],
  [['-m1'], { maxCount: 1 }],
  [['-m3', '-A4'], { maxCount: 3, after: 4 }],
  [['-m2', '-C9'], { maxCount: 2, before: 9, after: 9 }],
  [['-m0'], { maxCount: 0 }],
  [['-o'], { onlyMatching: true }],
  [['-o', '-A1'], { onlyMatching: true, after: 1 }],
  [['-T'], { initialTab: true }],
  [['-A1', '--group-separator=##'], { after: 1, groupSeparator: '##' }],
  [['-A1', '--no-group-separator'], { after: 1, groupSeparator: null }],
  [['--color=always', '-C1'], { color: true, before: 1, after: 1 }],
  [['--color=always', '-o'], { color: true, onlyMatching: true }],
];
const matches: readonly (readonly [readonly string[], Partial<Match>])[] = [
  [[], {}],
  [['-v'], { invert: true }],
];

describe('the lines of a search are those of GNU grep', needsPrograms('grep'), () => {
  test.each(
    outputs.flatMap(([flags, output]) =>
      matches.map(([more, match]) => [[...flags, ...more].join(' ') || 'plain', [...flags, ...more], output, match] as const),
    ),
  )('%s', async (_title, flags, output, match) => {
    for (const pattern of ['h.t', 'line']) {
      const expected = gnuGrep(['-n', ...flags, '-e', pattern], lines).text;
      for (const perBatch of [1, 5, 100]) {
        expect((await searchLines(lines, queryOf([pattern], match, output), null, perBatch)).text).toBe(expected);
      }
    }
  });

  test('a name stands in front of each, and a NUL behind it where that is asked for', async () => {
    const query = (output: Partial<Output>) => queryOf(['hit'], {}, { withName: true, after: 1, ...output }, { name: '(standard input)' });

    expect((await searchLines(lines, query({}))).text).toBe(gnuGrep(['-nHA1', 'hit'], lines).text);
    expect((await searchLines(lines, query({ nullAfterName: true, lineNumbers: false }))).text).toBe(gnuGrep(['-HZA1', 'hit'], lines).text);
    expect((await searchLines(lines, query({ color: true }))).text).toBe(gnuGrep(['-nHA1', '--color=always', 'hit'], lines).text);
  });

  test('counts are those of -c, and whoever wants no line gets none', async () => {
    for (const flags of [[], ['-v'], ['-m2']]) {
      const output = { mode: 'count', maxCount: flags[0] === '-m2' ? 2 : null } as const;
      const found = await searchLines(lines, queryOf(['hit'], { invert: flags[0] === '-v' }, output));

      expect([found.text, `${found.selected}\n`]).toEqual(['', gnuGrep(['-c', ...flags, 'hit'], lines).text]);
    }
  });

  test('without a pattern no record is selected', async () => {
    expect((await searchLines(lines, queryOf([]))).selected).toBe(0);
    expect((await searchLines(lines, queryOf([], { invert: true }))).selected).toBe(60);
  });
});

describe('fields of a record', () => {
  const records = [
    '{"level":"error","took":7,"user":{"name":"ann"},"a.b":1}',
    '{"level":"info","took":12}',
    'level=error took=30 msg="it \\"broke\\" level=x"',
    'no fields at all',
    '{"level":',
  ].map((text) => Buffer.from(text));
  const found = async (...where: readonly string[]): Promise<string[]> => {
    const filters = where.map((text) => {
      const [, field = '', operator = '', value = ''] = /^([^=!<>~]+)(!=|<=|>=|[=<>~])(.*)$/.exec(text) ?? [];
      return { field, operator: operator as '=', value };
    });
    const { text } = await searchLines(records, queryOf([''], {}, {}, { where: filters }));
    return text.split('\n').flatMap((line) => /^\d+/.exec(line)?.[0] ?? []);
  };

  test.each([
    ['level=error', ['1', '3']],
    ['level!=error', ['2', '4', '5']],
    ['took>7', ['2', '3']],
    ['took<12', ['1']],
    ['took>=12', ['2', '3']],
    ['took<=12', ['1', '2']],
    ['user.name=ann', ['1']],
    ['a.b=1', ['1']],
    ['level~^(err|in)', ['1', '2', '3']],
    ['msg~^it "broke"', ['3']],
    ['key=x', []],
  ])('%s', async (where, expected) => {
    expect(await found(where)).toEqual(expected);
  });

  test('all of several must hold', async () => {
    expect(await found('level=error', 'took>10')).toEqual(['3']);
  });
});

test('what is about the bytes of a file is refused by name', async () => {
  await expect(searchLines(lines, queryOf(['x'], {}, { byteOffsets: true }))).rejects.toThrow('-b counts the bytes of a file');
  await expect(searchLines(lines, queryOf(['x'], {}, { nullData: true }))).rejects.toThrow('-z is about the lines of a file');
});

test('records are passed over by their lengths, and each that holds the text is found', async () => {
  const random = new SeededRandom(1);
  const texts = ['hit', 'hi', 'h', 'it', 'x'.repeat(63), 'y'.repeat(8200), ''];
  const some = Array.from({ length: 400 }, () => Buffer.from(Array.from({ length: 3 }, () => texts[random.below(texts.length)]).join('')));
  for (const [patterns, perBatch] of [
    [['hit'], 400],
    [['hit'], 1],
    [['hit', 'xxxxy'], 7],
    [['xh', 'yi', 'tt'], 150],
  ] as const) {
    const found = await searchLines(some, queryOf([...patterns]), null, perBatch);

    const expected = some.flatMap((line, index) =>
      patterns.some((text) => line.includes(text)) ? [`${index + 1}:${line.toString()}\n`] : [],
    );
    expect(found.text).toBe(expected.join(''));
    expect(found.selected).toBe(expected.length);
  }
});

test('a record is one line whatever is in it', async () => {
  const odd = [Buffer.from('first\nhit'), Buffer.from('second'), Buffer.from('hit\n')];

  expect((await searchLines(odd, queryOf(['hit$']))).text).toBe('1:first\nhit\n');
  expect((await searchLines(odd, queryOf(['^hit']))).text).toBe('3:hit\n\n');
});
