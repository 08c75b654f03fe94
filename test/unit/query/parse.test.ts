import { describe, expect, test } from 'vitest';
import { type GrepCommand, optionTable, parseGrep } from '../../../src/query/index.ts';

function parsed(...argv: string[]): GrepCommand {
  const result = parseGrep(argv);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function refusal(...argv: string[]): string {
  const result = parseGrep(argv);
  return result.ok ? 'taken' : result.error;
}

describe('a command line is read as grep reads it', () => {
  test('short options stand in one word, the last one with its value', () => {
    const { match, output, patterns } = parsed('-inA3', 'x');

    expect({ ...match, ...output }).toMatchObject({ ignoreCase: true, lineNumbers: true, after: 3, before: null });
    expect(patterns).toEqual([{ text: 'x' }]);
  });

  test('options may stand behind the pattern, and behind -- nothing is one', () => {
    expect(parsed('x', '-c').output.mode).toBe('count');
    expect(parsed('-c', '--', '-v').patterns).toEqual([{ text: '-v' }]);
  });

  test('a pattern that begins with a dash follows -e', () => {
    expect(parsed('-e', '-v', '-e-x').patterns).toEqual([{ text: '-v' }, { text: '-x' }]);
  });

  test('long names may be short as long as they are unique, but not ours', () => {
    expect(parsed('--ignore', 'x').match.ignoreCase).toBe(true);
    expect(refusal('--line', 'x')).toContain('ambiguous: --line-regexp, --line-number, --line-buffered');
    expect(refusal('--stat', 'x')).toBe('there is no option --stat');
    expect(parsed('--file=patterns', '--files', 'app').patterns).toEqual([{ file: 'patterns' }]);
  });

  test('-NUM is context, which -A and -B override wherever they stand', () => {
    expect(parsed('-A0', '-12', 'x').output).toMatchObject({ before: 12, after: 0 });
  });

  test('of -c, -l and -q the widest wins, of -l and -L the last', () => {
    expect(parsed('-lc', 'x').output.mode).toBe('with');
    expect(parsed('-lL', 'x').output.mode).toBe('without');
    expect(parsed('-qL', 'x').output.mode).toBe('quiet');
  });

  test('a test of a field ends its operator where that is over', () => {
    expect(parsed('--where', 'a.b>=c=d', '--where', 'e<f', '--where', 'g~^=', 'x').where).toEqual([
      { field: 'a.b', operator: '>=', value: 'c=d' },
      { field: 'e', operator: '<', value: 'f' },
      { field: 'g', operator: '~', value: '^=' },
    ]);
  });

  test('-h is about names, --help about help', () => {
    expect(parsed('-h', 'x').output.withName).toBe(false);
    expect(parsed('--help').own.has('help')).toBe(true);
  });

  test.each([
    [[], 'no pattern is given'],
    [['x', 'file'], '"file" is one operand too many: files are named with --files'],
    [['-E', '-F', 'x'], 'the option -F is not taken: conflicting matchers are specified'],
    [['-m', '1k', 'x'], 'the option -m is not taken: "1k" is no number of lines'],
    [['-A', '-1', 'x'], 'the option -A is not taken: "-1" is no number of lines'],
    [['-e'], 'the option -e needs a value, PATTERNS'],
    [['--count=1', 'x'], 'the option --count takes no value'],
    [['--engine', 'awk', 'x'], 'the option --engine is not taken: "awk" is not auto, grep, ripgrep or linear'],
    [['-nK', 'x'], 'there is no option -K'],
    [
      ['--where', 'a==b', 'x'],
      'the option --where is not taken: "a==b" has an "=" too many; a value that begins with one is found with a~^=',
    ],
  ])('%j is refused', (argv, reason) => {
    expect(refusal(...argv)).toBe(reason);
  });
});

test('every option that would read or run something else is refused with why', () => {
  const refused = optionTable.filter(({ isRefused }) => isRefused === true).flatMap(({ short, long }) => [short, ...long]);

  expect(refused).toEqual(expect.arrayContaining(['r', 'R', 'd', 'D', 'include', 'exclude', 'exclude-from', 'exclude-dir', 'label']));
  for (const name of refused.filter((each) => each.length > 1))
    expect(refusal(`--${name}=x`, 'x')).toMatch(/takes no value|is not taken: /);
});

test('a name means one option', () => {
  const names = optionTable.flatMap(({ short, long }) => [...Array.from(short), ...long]);

  expect(new Set(names).size).toBe(names.length);
});
