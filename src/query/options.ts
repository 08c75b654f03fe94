/**
 * Every option of GNU grep, and what each does here. The parser, `cairn grep --help` and the table of `docs/reference/grep.md` come from this one table; a
 * test compares its names with those of `grep --help`. Options of our own have long names only, so that no script that was written for grep means
 * something else here.
 */
import type { Dialect, Filter, Match, Output, OutputMode, Source } from './request.ts';

/** Patterns in the order in which they were given: a file of patterns is read on the asking machine. */
export type PatternSource = { readonly text: string } | { readonly file: string };

/** What is to be searched, by its name. */
export type NamedSource = { readonly kind: Source['kind']; readonly name: string };

/** What a command line has said so far. */
export interface Draft {
  sources: NamedSource[];
  dialect: Dialect | null;
  patterns: PatternSource[];
  match: { -readonly [Field in keyof Omit<Match, 'dialect' | 'patterns'>]: Match[Field] };
  output: { -readonly [Field in keyof Omit<Output, 'mode' | 'color'>]: Output[Field] };
  /** The widest of these that was asked for wins, as in grep: `quiet`, then names, then counts. */
  count: boolean;
  names: Extract<OutputMode, 'with' | 'without'> | null;
  quiet: boolean;
  /** `-C`, which `-A` and `-B` override wherever they stand. */
  context: number | null;
  color: 'auto' | 'always' | 'never';
  noMessages: boolean;
  where: Filter[];
  /** Options of our own by their name: their value, or true. */
  own: Map<string, string | true>;
}

export interface OptionRow {
  /** Its letters: one, none, or an old one beside it. */
  readonly short: string;
  readonly long: readonly string[];
  /** Name of its argument; in brackets where it may be missing, then only as `--name=VALUE`. */
  readonly argument: string | null;
  /** What it does, as the reference page has it; of a refused one why. */
  readonly does: string;
  /** Gives why the value cannot be taken, as the end of a sentence. */
  readonly apply: (draft: Draft, value: string) => string | null;
  readonly isOwn?: true;
  readonly isRefused?: true;
}

type Change = (draft: Draft, value: string) => void;

const taken = (names: string, argument: string | null, does: string, change: Change): OptionRow => ({
  ...namesOf(names),
  argument,
  does,
  apply: (draft, value) => {
    change(draft, value);
    return null;
  },
});

const checked = (names: string, argument: string | null, does: string, apply: OptionRow['apply']): OptionRow => ({
  ...namesOf(names),
  argument,
  does,
  apply,
});

const refused = (names: string, argument: string | null, why: string): OptionRow => ({
  ...namesOf(names),
  argument,
  does: `refused: ${why}`,
  apply: () => why,
  isRefused: true,
});

const own = (name: string, argument: string | null, does: string, apply?: OptionRow['apply']): OptionRow => ({
  short: '',
  long: [name],
  argument,
  does,
  isOwn: true,
  apply:
    apply ??
    ((draft, value) => {
      draft.own.set(name, argument === null ? true : value);
      return null;
    }),
});

/** `-e --regexp` as short and long names. */
function namesOf(names: string): Pick<OptionRow, 'short' | 'long'> {
  const all = names.split(' ');
  const [short, long] = [all.filter((name) => !name.startsWith('--')), all.filter((name) => name.startsWith('--'))];
  return { short: short.map((name) => name.slice(1)).join(''), long: long.map((name) => name.slice(2)) };
}

const dialect =
  (name: Dialect): OptionRow['apply'] =>
  (draft) => {
    if (draft.dialect !== null && draft.dialect !== name) return 'conflicting matchers are specified';
    draft.dialect = name;
    return null;
  };

/** A count of lines. What is beyond every file is as good as no limit. */
function lines(value: string): number | null {
  if (!/^\+?\d+$/.test(value)) return null;
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

const context =
  (set: (draft: Draft, count: number) => void): OptionRow['apply'] =>
  (draft, value) => {
    const count = lines(value);
    if (count === null) return `${JSON.stringify(value)} is no number of lines`;
    set(draft, count);
    return null;
  };

const treeOnly = 'the machine that is asked says which files are searched, not the one that asks';
const alwaysText = 'every file is searched as text, as with -a';

export const optionTable: readonly OptionRow[] = [
  checked('-E --extended-regexp', null, 'patterns are extended regular expressions', dialect('extended')),
  checked('-F --fixed-strings', null, 'patterns are strings', dialect('fixed')),
  checked('-G --basic-regexp', null, 'patterns are basic regular expressions, the default', dialect('basic')),
  checked('-P --perl-regexp', null, 'patterns are Perl regular expressions; by GNU grep only', dialect('perl')),
  taken(
    '-e --regexp',
    'PATTERNS',
    'patterns, one a line; can be given several times',
    (draft, value) => void draft.patterns.push({ text: value }),
  ),
  taken(
    '-f --file',
    'FILE',
    'patterns from a file of the asking machine, which reads it and sends them; `-` is standard input',
    (draft, value) => void draft.patterns.push({ file: value }),
  ),
  taken('-i -y --ignore-case', null, 'case does not matter', ({ match }) => void (match.ignoreCase = true)),
  taken('--no-ignore-case', null, 'case matters, the default', ({ match }) => void (match.ignoreCase = false)),
  taken('-w --word-regexp', null, 'a match is a whole word', ({ match }) => void (match.word = true)),
  taken('-x --line-regexp', null, 'a match is a whole line', ({ match }) => void (match.wholeLine = true)),
  taken('-z --null-data', null, 'lines end with NUL, not with a line feed; of files only', ({ output }) => void (output.nullData = true)),
  taken(
    '-s --no-messages',
    null,
    'says nothing of files that cannot be read; machines that do not answer are named all the same',
    (draft) => {
      draft.noMessages = true;
    },
  ),
  taken('-v --invert-match', null, 'selects the lines that do not match', ({ match }) => void (match.invert = true)),
  taken('-V --version', null, 'prints the version of Cairn', ({ own: words }) => void words.set('version', true)),
  taken('--help', null, 'prints help; `-h` is grep’s', ({ own: words }) => void words.set('help', true)),
  checked('-m --max-count', 'NUM', 'stops after so many selected lines of each file, on the machine that has it', ({ output }, value) => {
    if (!/^[+-]?\d+$/.test(value)) return `${JSON.stringify(value)} is no number of lines`;
    // A negative one is no limit, as in grep.
    output.maxCount = value.startsWith('-') ? null : lines(value);
    return null;
  }),
  taken(
    '-b --byte-offset',
    null,
    'prints where the line begins in its file; of files only',
    ({ output }) => void (output.byteOffsets = true),
  ),
  taken('-n --line-number', null, 'prints the number of the line; of a topic the offset', ({ output }) => void (output.lineNumbers = true)),
  taken('--line-buffered', null, 'nothing: what is found is sent at once', () => undefined),
  taken('-H --with-filename', null, 'lines begin with machine and file, the default', ({ output }) => void (output.withName = true)),
  taken('-h --no-filename', null, 'lines begin with neither machine nor file', ({ output }) => void (output.withName = false)),
  refused('--label', 'LABEL', 'it names standard input, which is not searched'),
  taken('-o --only-matching', null, 'prints the parts that match, each on a line', ({ output }) => void (output.onlyMatching = true)),
  taken('-q --quiet --silent', null, 'prints nothing; the first match anywhere ends the search everywhere', (draft) => {
    draft.quiet = true;
  }),
  checked('--binary-files', 'TYPE', '`text` is taken and is always on; others are refused', (_draft, value) =>
    value === 'text' ? null : alwaysText,
  ),
  taken('-a --text', null, 'always on', () => undefined),
  refused('-I', null, alwaysText),
  refused('-d --directories', 'ACTION', treeOnly),
  refused('-D --devices', 'ACTION', treeOnly),
  refused('-r --recursive', null, treeOnly),
  refused('-R --dereference-recursive', null, treeOnly),
  refused('--include', 'GLOB', treeOnly),
  refused('--exclude', 'GLOB', treeOnly),
  refused('--exclude-from', 'FILE', treeOnly),
  refused('--exclude-dir', 'GLOB', treeOnly),
  taken('-L --files-without-match', null, 'prints the names of files without a selected line', (draft) => void (draft.names = 'without')),
  taken('-l --files-with-matches', null, 'prints the names of files with a selected line', (draft) => void (draft.names = 'with')),
  taken('-c --count', null, 'prints how many lines of each file are selected', (draft) => void (draft.count = true)),
  taken('-T --initial-tab', null, 'the text of lines begins at a tab stop', ({ output }) => void (output.initialTab = true)),
  taken('-Z --null', null, 'NUL behind machine and file, not a colon', ({ output }) => void (output.nullAfterName = true)),
  checked(
    '-B --before-context',
    'NUM',
    'lines of context before',
    context(({ output }, count) => (output.before = count)),
  ),
  checked(
    '-A --after-context',
    'NUM',
    'lines of context after',
    context(({ output }, count) => (output.after = count)),
  ),
  checked(
    '-C --context',
    'NUM',
    'lines of context before and after; `-NUM` is the same',
    context((draft, count) => (draft.context = count)),
  ),
  taken('--group-separator', 'SEP', 'stands between groups of lines with context', ({ output }, value) => {
    output.groupSeparator = value;
  }),
  taken('--no-group-separator', null, 'nothing stands between them', ({ output }) => void (output.groupSeparator = null)),
  checked('--color --colour', '[WHEN]', '`always`, `never` or `auto`, the default: on a terminal', (draft, value) => {
    const when = value === '' ? 'auto' : (whens[value] ?? null);
    if (when === null) return `${JSON.stringify(value)} is neither always, never nor auto`;
    draft.color = when;
    return null;
  }),
  taken('-U --binary', null, 'nothing: carriage returns are never taken away', () => undefined),
  taken('-u --unix-byte-offsets', null, 'nothing, as in grep', () => undefined),
  refused('-X', 'MATCHER', 'it is not an option that grep documents'),

  source('files', 'NAME', 'search the files that machines expose under this name; may be repeated'),
  source(
    'topic',
    'TOPIC',
    'search the committed records of this topic, on the first broker that answers; may be repeated; -n prints offsets',
  ),
  own(
    'where',
    'TEST',
    'of a topic: only records with FIELD=VALUE (!=, <, <=, >, >=, ~) in JSON, logfmt, key or header.NAME; may be repeated',
    (draft, value) => {
      const [, field = '', operator, rest = ''] = /^([^=!<>~]+)(!=|<=|>=|[=<>~])(.*)$/s.exec(value) ?? [];
      if (operator === undefined) return `${JSON.stringify(value)} is no test such as level=error, took>100 or user.name~^a`;
      if (operator.endsWith('=') && rest.startsWith('='))
        return `${JSON.stringify(value)} has an "=" too many; a value that begins with one is found with ${field}~^=`;
      draft.where.push({ field, operator: operator as Filter['operator'], value: rest });
      return null;
    },
  ),
  own('since', 'TIME', 'only lines at or after a time: 2026-11-21T10:00:00Z, or 15m, 2h, 7d ago'),
  own('until', 'TIME', 'only lines before a time'),
  own('merge', null, 'lines of all machines, files and topics in order of the time that they bear'),
  own('follow', null, 'lines that come from now on, of all machines and topics, in order of time within --window; later ones are marked'),
  seconds('window', 'with --follow: how long lines are held to be put in order (default: 1)'),
  own('time-format', 'FORMAT', 'how lines write their time, as for strptime: %d/%b/%Y:%H:%M:%S %z'),
  own('on', 'LIST', 'machines to ask: names, addresses host:port, or @FILE with one a line'),
  checkedOwn(
    'engine',
    'ENGINE',
    'auto, grep, ripgrep (files) or linear (topics): what searches',
    /^(auto|grep|ripgrep|linear)$/,
    'auto, grep, ripgrep or linear',
  ),
  own('no-index', null, 'of a topic: every block is read, whatever the index says of it; to compare'),
  own('json', null, 'print a JSON object a line'),
  own('raw', null, 'print control characters as they are, on a terminal too'),
  own('stats', null, 'say on stderr what each machine did, and with which program'),
  own('trace', null, 'print what took how long on which machine, as a tree, to stderr'),
  own('explain', null, 'print what would be done where, and do not do it'),
  own('no-summary', null, 'do not say on stderr how many lines each machine had'),
  seconds('connect-timeout', 'a machine that does not take the connection by then is left out (default: 1)'),
  seconds('machine-timeout', 'a machine that is not done by then is left out (default: none)'),
  seconds('timeout', 'the whole search ends then, as far as it is (default: none)'),
  own(
    'server',
    'URL',
    'machine to learn the others from (env: CAIRN_SERVER, else the context in use or that of CAIRN_CONTEXT, default: http://127.0.0.1:8000)',
  ),
  own('token-file', 'FILE', 'file with the token that the machines want (env: CAIRN_TOKEN_FILE)'),
  own('ca-file', 'FILE', 'file with the certificates to trust, PEM (env: CAIRN_CA_FILE)'),
];

function source(kind: NamedSource['kind'], argument: string, does: string): OptionRow {
  return own(kind, argument, does, (draft, name) => {
    draft.sources.push({ kind, name });
    return null;
  });
}

const whens: Readonly<Record<string, Draft['color']>> = {
  always: 'always',
  yes: 'always',
  force: 'always',
  never: 'never',
  no: 'never',
  none: 'never',
  auto: 'auto',
  tty: 'auto',
  'if-tty': 'auto',
};

function checkedOwn(name: string, argument: string, does: string, pattern: RegExp, must: string): OptionRow {
  return own(name, argument, does, (draft, value) => {
    if (!pattern.test(value)) return `${JSON.stringify(value)} is not ${must}`;
    draft.own.set(name, value);
    return null;
  });
}

function seconds(name: string, does: string): OptionRow {
  return checkedOwn(name, 'SECONDS', does, /^(?!0*(\.0*)?$)\d{1,6}(\.\d{1,3})?$/, 'a number of seconds above 0');
}
