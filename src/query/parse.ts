/**
 * A command line of grep as a value, read as GNU grep's own `getopt_long` reads it: short options in one word, values in the same word or the next,
 * options behind operands, `--`, long names as short as they are unique. Names of our own options are not shortened: a new one would change what an
 * abbreviation means.
 */
import { failed, ok, type Result } from '../base/result.ts';
import { type Draft, type NamedSource, type OptionRow, optionTable, type PatternSource } from './options.ts';
import { type Dialect, type Filter, type Match, type Output, plainMatch, plainOutput } from './request.ts';

/** What was typed. Colour and the contents of files of patterns are known to who has the terminal and the disk. */
export interface GrepCommand {
  readonly dialect: Dialect;
  readonly patterns: readonly PatternSource[];
  readonly match: Omit<Match, 'dialect' | 'patterns'>;
  readonly output: Omit<Output, 'color'>;
  readonly color: Draft['color'];
  readonly noMessages: boolean;
  readonly sources: readonly NamedSource[];
  readonly where: readonly Filter[];
  /** Options of our own that were given, by name. */
  readonly own: ReadonlyMap<string, string | true>;
}

/** Fails with the end of a sentence. */
export function parseGrep(argv: readonly string[]): Result<GrepCommand, string> {
  const draft = emptyDraft();
  const operands: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] as string;
    if (word === '--') {
      operands.push(...argv.slice(at + 1));
      break;
    }
    if (word === '-' || !word.startsWith('-')) {
      operands.push(word);
      continue;
    }
    const read = word.startsWith('--') ? readLong(draft, word, argv[at + 1]) : readShort(draft, word, argv[at + 1]);
    if (!read.ok) return read;
    if (read.value === 'tookNext') at++;
  }
  // Neither needs anything else.
  if (draft.own.has('help') || draft.own.has('version')) return ok(finish(draft));

  if (draft.patterns.length === 0) {
    const pattern = operands.shift();
    if (pattern === undefined) return failed('no pattern is given');
    draft.patterns.push({ text: pattern });
  }
  const [operand] = operands;
  if (operand !== undefined) return failed(`${JSON.stringify(operand)} is one operand too many: files are named with --files`);
  return ok(finish(draft));
}

type Took = 'tookNext' | 'tookNone';

function readLong(draft: Draft, word: string, next: string | undefined): Result<Took, string> {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const row = findLong(name);
  if (!row.ok) return row;
  const { argument } = row.value;
  if (equals >= 0) {
    if (argument === null) return failed(`the option --${name} takes no value`);
    return applied(draft, row.value, `--${name}`, word.slice(equals + 1), 'tookNone');
  }
  if (argument === null || argument.startsWith('[')) return applied(draft, row.value, `--${name}`, '', 'tookNone');
  if (next === undefined) return failed(`the option --${name} needs a value, ${argument}`);
  return applied(draft, row.value, `--${name}`, next, 'tookNext');
}

function findLong(name: string): Result<OptionRow, string> {
  const exact = optionTable.find((row) => row.long.includes(name));
  if (exact !== undefined) return ok(exact);
  const begun = optionTable.filter((row) => row.isOwn !== true && row.long.some((long) => long.startsWith(name)));
  const [first, second] = begun;
  if (first === undefined) return failed(`there is no option --${name}`);
  if (second === undefined) return ok(first);
  const possible = begun.flatMap((row) => row.long.filter((long) => long.startsWith(name))).map((long) => `--${long}`);
  return failed(`the option --${name} is ambiguous: ${possible.join(', ')}`);
}

function readShort(draft: Draft, word: string, next: string | undefined): Result<Took, string> {
  let digits = '';
  for (let at = 1; at < word.length; at++) {
    // As code points: a letter beyond the table is named whole.
    const letter = String.fromCodePoint(word.codePointAt(at) as number);
    if (letter >= '0' && letter <= '9') {
      digits += letter;
      draft.context = Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
      continue;
    }
    const row = optionTable.find(({ short }) => short.includes(letter));
    if (row === undefined) return failed(`there is no option -${letter}`);
    if (row.argument === null) {
      const result = applied(draft, row, `-${letter}`, '', 'tookNone');
      if (!result.ok) return result;
      continue;
    }
    const rest = word.slice(at + letter.length);
    if (rest !== '') return applied(draft, row, `-${letter}`, rest, 'tookNone');
    if (next === undefined) return failed(`the option -${letter} needs a value, ${row.argument}`);
    return applied(draft, row, `-${letter}`, next, 'tookNext');
  }
  return ok('tookNone');
}

function applied(draft: Draft, row: OptionRow, name: string, value: string, took: Took): Result<Took, string> {
  const problem = row.apply(draft, value);
  return problem === null ? ok(took) : failed(`the option ${name} is not taken: ${problem}`);
}

function emptyDraft(): Draft {
  const { dialect: _dialect, ...match } = plainMatch;
  const { mode: _mode, color: _color, ...output } = plainOutput;
  return {
    dialect: null,
    patterns: [],
    match,
    output,
    count: false,
    names: null,
    quiet: false,
    context: null,
    color: 'auto',
    noMessages: false,
    sources: [],
    where: [],
    own: new Map(),
  };
}

function finish(draft: Draft): GrepCommand {
  const { dialect, patterns, match, output, context, color, noMessages, sources, where, own } = draft;
  const mode = draft.quiet ? 'quiet' : (draft.names ?? (draft.count ? 'count' : 'lines'));
  const { before, after } = output;
  return {
    dialect: dialect ?? 'basic',
    patterns,
    match,
    output: { ...output, mode, before: before ?? context, after: after ?? context },
    color,
    noMessages,
    sources,
    where,
    own,
  };
}
