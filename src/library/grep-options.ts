import { filterOperators } from '../query/index.ts';
import { type Check, type Checks, checked, isObject, oneOf, partition, refuse, shown, signal, time, whole } from './arguments.ts';

export interface GrepOptions {
  /** As grep's `-G` (default), `-E`, `-F` and `-P`. */
  readonly dialect?: 'basic' | 'extended' | 'fixed' | 'perl' | undefined;
  readonly ignoreCase?: boolean | undefined;
  /** The records that do not match. */
  readonly invert?: boolean | undefined;
  /** The match is a whole word, or all of a line. */
  readonly word?: boolean | undefined;
  readonly wholeLine?: boolean | undefined;
  /** Tests of fields (of the value as JSON or logfmt, nested with dots, of `key`, or of a header) that must all hold. */
  readonly where?: readonly FieldTest[] | undefined;
  /** Only what was appended at or after, and before, these times. */
  readonly since?: Date | number | undefined;
  readonly until?: Date | number | undefined;
  readonly partition?: number | undefined;
  /** At most so many matches. */
  readonly max?: number | undefined;
  /** So many records around each match, which are given too (`isContext`). */
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly freshness?: 'linearizable' | 'local' | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface FieldTest {
  readonly field: string;
  readonly operator: '=' | '!=' | '<' | '<=' | '>' | '>=' | '~';
  readonly value: string;
}

const flag: Check = { is: (value) => typeof value === 'boolean', must: 'true or false' };
/** Of one search, as brokers take them. */
const testsMax = 64;
const operators: readonly string[] = filterOperators;
const isText = (value: unknown): boolean => typeof value === 'string' && value.isWellFormed();
const tests: Check = {
  is: (value) =>
    Array.isArray(value) &&
    value.length <= testsMax &&
    value.every(
      (test: unknown) => isObject(test) && isText(test['field']) && isText(test['value']) && operators.includes(String(test['operator'])),
    ),
  must: `an array of at most ${testsMax} {field, operator, value}, an operator being one of ${operators.join(' ')}`,
};
const lines = whole(0, 1_000_000);
const grepChecks: Checks<GrepOptions> = {
  dialect: oneOf('basic', 'extended', 'fixed', 'perl'),
  ignoreCase: flag,
  invert: flag,
  word: flag,
  wholeLine: flag,
  where: tests,
  since: time,
  until: time,
  partition,
  max: whole(1, Number.MAX_SAFE_INTEGER),
  before: lines,
  after: lines,
  freshness: oneOf('linearizable', 'local'),
  signal,
};

export function checkedGrep(pattern: unknown, options: GrepOptions | undefined, doing: string): GrepOptions {
  if (!isText(pattern))
    throw refuse(doing, `the pattern is ${shown(pattern)}, it must be text (of a RegExp: its source, with dialect "perl")`);
  return checked(options, grepChecks, doing);
}
