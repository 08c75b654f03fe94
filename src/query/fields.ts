/**
 * Tests of one field of a record (`--where`): `key` is the record's key, `header.NAME` one of its headers, anything else a field of its body, which is
 * JSON (an object) or logfmt (`level=error msg="it broke"`), nested with dots. A name with dots of its own is found too: `a.b` is `{"a":{"b":1}}` or `{"a.b":1}`.
 *
 * A record without the field passes no test but `!=`. Two numbers are compared as numbers, everything else as text by code points.
 */
import { failed, ok, type Result } from '../base/result.ts';
import type { Regex } from '../host/index.ts';
import type { RecordCursor } from '../record/index.ts';
import { type MatcherHost, parsePattern, translate } from './matcher/index.ts';
import type { Filter } from './request.ts';

export interface RecordFilter {
  passes(record: RecordCursor): boolean;
}

const headerPrefix = 'header.';

/** The test of all of them together, or why one of them is none. */
export function makeFilter(filters: readonly Filter[], host: MatcherHost): Result<RecordFilter, string> {
  const tests: ((fields: Fields) => boolean)[] = [];
  for (const filter of filters) {
    const test = testOf(filter, host);
    if (typeof test === 'string') return failed(test);
    tests.push(test);
  }
  return ok({
    passes(record) {
      const fields = new Fields(record, host);
      return tests.every((test) => test(fields));
    },
  });
}

function testOf({ field, operator, value }: Filter, host: MatcherHost): ((fields: Fields) => boolean) | string {
  if (operator === '~') {
    const regex = regexOf(value, host);
    if (regex === null) return `"${value}" is no extended regular expression that the linear engine takes`;
    return (fields) => {
      const found = fields.get(field);
      if (found === undefined) return false;
      const bytes = host.bytes.utf8Encode(textOf(found));
      return regex.test(bytes, 0, bytes.length);
    };
  }
  const number = numberOf(value);
  const compare = (found: unknown): number => {
    const other = number === null ? null : typeof found === 'number' ? found : numberOf(textOf(found));
    if (number !== null && other !== null) return other - number;
    const text = textOf(found);
    return text < value ? -1 : text > value ? 1 : 0;
  };
  return (fields) => {
    const found = fields.get(field);
    if (found === undefined) return operator === '!=';
    return holds[operator](compare(found));
  };
}

const holds: Readonly<Record<Exclude<Filter['operator'], '~'>, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function regexOf(pattern: string, { regex }: MatcherHost): Regex | null {
  const codes = Array.from(pattern, (character) => character.codePointAt(0) as number);
  const parsed = parsePattern(codes, true);
  return parsed.ok ? (regex?.compile(translate(parsed.syntax), { ignoreCase: false }) ?? null) : null;
}

const numberOf = (text: string): number | null => (/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text) ? Number(text) : null);

/** As a person would write it behind `--where`. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What is in one record, taken apart when first asked for. */
class Fields {
  readonly #record: RecordCursor;
  readonly #host: MatcherHost;
  #body: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>> | null = null;

  constructor(record: RecordCursor, host: MatcherHost) {
    this.#record = record;
    this.#host = host;
  }

  /** Undefined where it has none of that name. */
  get(field: string): unknown {
    const { bytes } = this.#host;
    if (field === 'key') return decoded(this.#record.key(), this.#host);
    if (field.startsWith(headerPrefix)) {
      const header = this.#record.header(bytes.utf8Encode(field.slice(headerPrefix.length)));
      return header === undefined ? undefined : decoded(header, this.#host);
    }
    this.#body ??= bodyOf(decoded(this.#record.value(), this.#host) ?? '');
    return this.#body instanceof Map ? (this.#body.get(field) as unknown) : within(this.#body, field);
  }
}

function decoded(value: Uint8Array | null, { bytes }: MatcherHost): string | undefined {
  return value === null ? undefined : bytes.utf8Decode(value);
}

function bodyOf(text: string): ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>> {
  if (text.trimStart().startsWith('{')) {
    try {
      return JSON.parse(text) as Readonly<Record<string, unknown>>;
    } catch {
      return new Map();
    }
  }
  return logfmtOf(text);
}

function within(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.hasOwn(value, field)) return (value as Readonly<Record<string, unknown>>)[field];
  for (let dot = field.indexOf('.'); dot >= 0; dot = field.indexOf('.', dot + 1)) {
    const outer = field.slice(0, dot);
    if (!Object.hasOwn(value, outer)) continue;
    const found = within((value as Readonly<Record<string, unknown>>)[outer], field.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `name=value` and `name="value"` anywhere in a line; the first of a name counts. */
function logfmtOf(text: string): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [, name = '', quoted, plain] of text.matchAll(/(?<!\S)([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))/gu)) {
    if (!fields.has(name)) fields.set(name, quoted === undefined ? plain : quoted.replaceAll(/\\(.)/gsu, '$1'));
  }
  return fields;
}
