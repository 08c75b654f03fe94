/**
 * What a caller passes is looked at before anything is done with it: a program without types, or with a wrong one, is told what is wrong in one sentence, and
 * nothing it passes meets an assertion further in. Each option has a check; one that has none is refused, since it is most likely a slip of the pen.
 */
import { isTopicName, LogError, shownTopic, topicNameRule } from '../eventlog/index.ts';
import { offsetMax } from '../base/branded.ts';
import { timestampMsMax } from '../record/index.ts';

/** Whether a value will do, and the rule for the message: "it must be ...". */
export interface Check {
  readonly is: (value: unknown) => boolean;
  readonly must: string;
}

/** One for each option there is. Null is refused unless the check takes it; undefined is as if it had been left out. */
export type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check };

export const refuse = (doing: string, why: string): LogError => new LogError('invalidRequest', `Cannot ${doing}: ${why}`);

/** The options, read once, as a new object without those that are undefined. */
export function checked<Options extends object>(given: Options | undefined, checks: Checks<Options>, doing: string): Options {
  if (given === undefined) return {} as Options;
  if (!isObject(given)) throw refuse(doing, `its options are ${shown(given)}, they must be an object`);
  const taken: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(checks, name)) throw refuse(doing, `there is no option ${shown(name)}`);
    if (value === undefined) continue;
    const { is, must } = checks[name as keyof Options];
    if (!is(value)) throw refuse(doing, `${name} is ${shown(value)}, it must be ${must}`);
    taken[name] = value;
  }
  return taken as Options;
}

/** @param doing as in `append to`: what cannot be done with the topic */
export function topicOf(topic: unknown, doing: string): string {
  if (typeof topic === 'string' && isTopicName(topic)) return topic;
  const which = typeof topic === 'string' ? shownTopic(topic) : `topic ${shown(topic)}`;
  throw new LogError('invalidTopicName', `Cannot ${doing} ${which}: ${topicNameRule}`);
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shownMax = 60;

/** For a sentence, whatever it is: nothing that it defines is called. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > shownMax
        ? `${JSON.stringify(value.slice(0, shownMax))} and ${value.length - shownMax} more characters`
        : JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
    case 'function':
      return 'a function';
    case 'symbol':
      return 'a symbol';
    default:
      return String(value).slice(0, shownMax);
  }
}

export const whole = (least: number, most: number): Check => ({
  is: (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  must: `a whole number from ${least} to ${most}`,
});

export const oneOf = (...values: readonly string[]): Check => ({
  is: (value) => typeof value === 'string' && values.includes(value),
  must: values.map((value) => `"${value}"`).join(' or '),
});

export const orNull = ({ is, must }: Check): Check => ({ is: (value) => value === null || is(value), must: `${must}, or null` });

export const signal: Check = { is: (value) => value instanceof AbortSignal, must: 'an AbortSignal' };

/** What a timer holds; 24 days. */
export const timeoutMs = whole(1, 2 ** 31 - 1);

export const partition = whole(0, 255);

export const offset = whole(0, offsetMax);

/** Milliseconds since 1970, or a Date. */
export const time: Check = {
  is: (value) => isTime(value instanceof Date ? value.getTime() : value),
  must: 'a Date, or whole milliseconds since 1970',
};

const isTime = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= timestampMsMax;

export const toMs = (value: Date | number): number => (typeof value === 'number' ? value : value.getTime());
