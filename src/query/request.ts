/**
 * A search as a value: what the asking machine sends to every machine that it asks, and what `EventLog.scan` takes. Nothing here names a machine,
 * a terminal or a process, and nothing is read or run because of it but what `source` names.
 */

/** How the patterns are meant: `-G`, `-E`, `-F`, `-P` of grep. */
export type Dialect = 'basic' | 'extended' | 'fixed' | 'perl';

/** Which lines are selected. A line is selected if any of the patterns matches it; without a pattern none is. */
export interface Match {
  readonly dialect: Dialect;
  /** Bytes as they were typed, none with a line feed in it: a pattern of several lines is several patterns. May hold NUL and bad UTF-8. */
  readonly patterns: readonly Uint8Array[];
  readonly ignoreCase: boolean;
  /** Selects the lines that no pattern matches. */
  readonly invert: boolean;
  /** A match must be a whole word (`-w`), a whole line (`-x`). Of both the line counts. */
  readonly word: boolean;
  readonly wholeLine: boolean;
}

/**
 * What is said of each file, or of a topic:
 *
 * - `lines`: the selected lines with their context;
 * - `count`: how many lines are selected (`-c`);
 * - `with`, `without`: its name, if any or if no line is selected (`-l`, `-L`);
 * - `quiet`: nothing but whether any line is selected (`-q`).
 */
export type OutputMode = 'lines' | 'count' | 'with' | 'without' | 'quiet';

export interface Output {
  readonly mode: OutputMode;
  /** The parts that match, each on a line of its own (`-o`). */
  readonly onlyMatching: boolean;
  /** Stops after so many selected lines of a file, or of a topic (`-m`); null without a limit. */
  readonly maxCount: number | null;
  /** Lines of context before and after (`-B`, `-A`). Null where none was asked for: 0 lines separate groups all the same, as in grep. */
  readonly before: number | null;
  readonly after: number | null;
  /** Stands on a line between groups of lines that are not neighbours, where there is context; null: no line there. */
  readonly groupSeparator: string | null;
  /** Where a line stands, counted from 1 (`-n`); of a topic the offset. */
  readonly lineNumbers: boolean;
  /** Where its bytes begin, counted from 0 (`-b`); files only. */
  readonly byteOffsets: boolean;
  /** Each line begins with the machine and the file (`-H`, the default), or does not (`-h`). */
  readonly withName: boolean;
  /** A NUL, not a colon, behind the name (`-Z`). */
  readonly nullAfterName: boolean;
  /** Lines end with NUL (`-z`); files only. */
  readonly nullData: boolean;
  /** The text of a line begins at a tab stop (`-T`). */
  readonly initialTab: boolean;
  /** Escape sequences of a terminal mark names, numbers and matches, as GNU grep places them. */
  readonly color: boolean;
}

/** What grep does without an option. */
export const plainMatch: Omit<Match, 'patterns'> = { dialect: 'basic', ignoreCase: false, invert: false, word: false, wholeLine: false };

export const plainOutput: Output = {
  mode: 'lines',
  onlyMatching: false,
  maxCount: null,
  before: null,
  after: null,
  groupSeparator: '--',
  lineNumbers: false,
  byteOffsets: false,
  withName: true,
  nullAfterName: false,
  nullData: false,
  initialTab: false,
  color: false,
};

export const filterOperators = ['=', '!=', '<', '<=', '>', '>=', '~'] as const;

/** A test of one field of a record: of its body as JSON or logfmt, nested with dots, of `key`, or of a header. */
export interface Filter {
  readonly field: string;
  readonly operator: (typeof filterOperators)[number];
  readonly value: string;
}

/** What is searched on each machine. */
export type Source =
  /** The files that the configuration of the machine exposes under this name. */
  { readonly kind: 'files'; readonly name: string } | TopicSource;

/** Committed records of one partition; all filters must hold. */
export interface TopicSource {
  readonly kind: 'topic';
  readonly topic: string;
  /** Null: the only one. */
  readonly partition: number | null;
  /** How many partitions the topic has, where several are searched each by itself; null where it is told as the topic. */
  readonly partitions: number | null;
  readonly where: readonly Filter[];
  /** Which of its offsets, [offsetFrom, offsetTo); null from the start of the log, or its end where it is followed, and to what is committed. */
  readonly offsetFrom: number | null;
  readonly offsetTo: number | null;
  /** How fresh the answer must be, as for a read. */
  readonly freshness: 'linearizable' | 'session' | 'local';
  readonly sessionOffset: number;
  /** When it is spent the search ends with what it has found; null without a bound. */
  readonly timeoutMs: number | null;
  /** What stands in front of lines; null: the machine and the topic. */
  readonly label: string | null;
}

/** All that is committed of a topic. */
export const wholeTopic = (topic: string, where: readonly Filter[] = []): TopicSource => ({
  kind: 'topic',
  topic,
  partition: null,
  partitions: null,
  where,
  offsetFrom: null,
  offsetTo: null,
  freshness: 'linearizable',
  sessionOffset: 0,
  timeoutMs: null,
  label: null,
});

/**
 * What searches: `auto` chooses; `grep` is GNU grep, `ripgrep` is ripgrep, `linear` Cairn's own for records. A machine that cannot do a request with
 * the engine asked for refuses.
 */
export type Engine = 'auto' | 'grep' | 'ripgrep' | 'linear';

export interface SearchRequest {
  readonly source: Source;
  readonly match: Match;
  readonly output: Output;
  /** Only what is at or after, and before, this time in milliseconds since 1970; null without a bound. */
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  readonly engine: Engine;
  /** Of a topic: whether filters of sealed segments may say which blocks need not be read. */
  readonly index: boolean;
  /** Lines of one file behind those of another, or lines of all in order of the time that they bear. */
  readonly order: Order;
  /** Not what is there but what comes, as it comes; with `sinceMs` from then on. Its lines are in order of time. */
  readonly follow: boolean;
  /** How the lines write their time, as for `strptime`; null for the usual ways. */
  readonly timeFormat: string | null;
  /** `text`: as grep prints lines. `json`, of topics only: an object a line for each record, with key, headers and time. */
  readonly form: 'text' | 'json';
}

/** As `grep PATTERN` without an option asks. */
export const plainSearch = (source: Source, patterns: readonly Uint8Array[]): SearchRequest => ({
  source,
  match: { ...plainMatch, patterns },
  output: plainOutput,
  sinceMs: null,
  untilMs: null,
  engine: 'auto',
  index: true,
  order: 'place',
  follow: false,
  timeFormat: null,
  form: 'text',
});

/** Whether each line is to come with its time. */
export const wantsTimes = ({ order, follow }: SearchRequest): boolean => follow || order === 'time';

/** `place`: as they stand in their files, one file behind the other. `time`: merged by the time of each line. */
type Order = 'place' | 'time';
