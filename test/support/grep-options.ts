// All options of GNU grep that change what is printed of a file, and patterns of every kind, for the differential tests.
export const fileOptions: readonly (readonly string[])[] = [
  ['-E'],
  ['-F'],
  ['-G'],
  ['-P'],
  ['-i'],
  ['-y'],
  ['--no-ignore-case'],
  ['-w'],
  ['-x'],
  ['-z'],
  ['-s'],
  ['-v'],
  ['-m', '3'],
  ['-m0'],
  ['--max-count=-1'],
  ['-b'],
  ['-n'],
  ['--line-buffered'],
  ['-H'],
  ['-h'],
  ['-o'],
  ['-q'],
  ['-a'],
  ['--binary-files=text'],
  ['-L'],
  ['-l'],
  ['-c'],
  ['-T'],
  ['-Z'],
  ['-B2'],
  ['-A', '1'],
  ['-C3'],
  ['-2'],
  ['-A0'],
  ['--group-separator=='],
  ['--group-separator='],
  ['--no-group-separator'],
  ['--color=always'],
  ['--color=never'],
  ['-U'],
  ['-e', 'even'],
  ['-e', ''],
];

/** Each behind `-e`: an option that is one too leaves no place for a pattern without. */
export const eachPattern: readonly (readonly string[])[] = [
  ...['everywhere', 'rarest-of-all', 'unique', '[0-9]*\\.25', 'größe', '^$', '.', 'nobody has this', '-', 's', 'user=\\(17\\|18\\)'].map(
    (pattern) => ['-e', pattern],
  ),
  ['-e', 'heavy', '-e', 'Error'],
];

/** No limit is a negative one; together with -v GNU grep 3.8 takes it for 0. */
export const isAskedOf = (pair: readonly string[]): boolean => !(pair.includes('-v') && pair.includes('--max-count=-1'));

/** Patterns that would do something else, were they ever more than data. */
export const hostilePatterns = [
  "'; touch x; '",
  '$(touch x)',
  '`touch x`',
  '-rf',
  '--help',
  '"',
  '\\',
  '(a+)+b',
  '*',
  '\u0001\u001b[2J',
  'größe',
  '|',
  '%s',
];
