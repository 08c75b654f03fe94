import { formatDateTime, formatIsoTime } from '../format.ts';

/** What the form of a search holds, but for the topic, which has an address of its own. */
export interface SearchForm {
  readonly place: 'topic' | 'files';
  /** Name of the files, where they are searched. */
  readonly files: string;
  readonly pattern: string;
  readonly isExpression: boolean;
  readonly ignoresCase: boolean;
  readonly context: number;
  /** The last so many minutes, `between` two times, or, empty, any time. */
  readonly range: string;
  /** As a field of date and time has them, in the reader's own time; empty where it says none. */
  readonly since: string;
  readonly until: string;
}

export const CONTEXTS: readonly number[] = [0, 1, 2, 5, 10];
export const RANGES: ReadonlyMap<string, string> = new Map([
  ['', 'any'],
  ['15', 'last 15 minutes'],
  ['60', 'last hour'],
  ['1440', 'last day'],
  ['between', 'between'],
]);

/** Parameters of an address that gives the search again, to whoever opens it: times carry no time zone of the one who searched. */
export function parametersOf(form: SearchForm, topic: string): Readonly<Record<string, string | number>> {
  return {
    ...(form.place === 'topic' ? { topic } : { files: form.files }),
    pattern: form.pattern,
    ...(form.isExpression ? { expression: 1 } : {}),
    ...(form.ignoresCase ? { anycase: 1 } : {}),
    ...(form.context > 0 ? { context: form.context } : {}),
    ...(form.range === '' || form.range === 'between' ? {} : { last: form.range }),
    ...(form.range === 'between' ? { since: isoOf(form.since), until: isoOf(form.until) } : {}),
  };
}

/** Null where the address names no search. What it says that the form has not is as if it were not there. */
export function formOf(parameters: URLSearchParams): SearchForm | null {
  const pattern = parameters.get('pattern') ?? '';
  if (pattern === '') return null;
  const files = parameters.get('files') ?? '';
  const context = Number(parameters.get('context') ?? 0);
  const last = parameters.get('last') ?? '';
  const isBetween = parameters.has('since') || parameters.has('until');
  return {
    place: files === '' ? 'topic' : 'files',
    files,
    pattern,
    isExpression: parameters.has('expression'),
    ignoresCase: parameters.has('anycase'),
    context: CONTEXTS.includes(context) ? context : 0,
    range: isBetween ? 'between' : RANGES.has(last) ? last : '',
    since: fieldOf(parameters.get('since')),
    until: fieldOf(parameters.get('until')),
  };
}

const isoOf = (field: string): string => (field === '' ? '' : formatIsoTime(new Date(field).getTime()));

const fieldOf = (iso: string | null): string =>
  iso === null || iso === '' ? '' : formatDateTime(Date.parse(iso)).slice(0, 19).replace(' ', 'T');
