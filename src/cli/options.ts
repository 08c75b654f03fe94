import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultServer } from './connect-options.ts';
import { parseDuration } from './parse-duration.ts';
import { parseSize, sizeRule } from './parse-size.ts';
import { parseTime, timeRule } from './parse-time.ts';

export function addConnectOptions(command: Command): Command {
  return command
    .option('--server <url,...>', `brokers to ask; the others are learnt from them (env: CAIRN_SERVER, default: ${defaultServer})`)
    .option('--context <name>', 'the brokers of this context, see `cairn context` (env: CAIRN_CONTEXT; default: the one in use)')
    .option('--token-file <file>', 'file with the token that the brokers want (env: CAIRN_TOKEN_FILE)')
    .option('--ca-file <file>', 'file with the certificates to trust, PEM (env: CAIRN_CA_FILE)')
    .option('--trace', 'print what took how long on which broker, as a tree, to stderr');
}

/** A parser of whole numbers for commander: no signs, fractions, exponents or hexadecimal. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const isTooLarge = /^\d+$/.test(text) && Number(text) > most;
    const range = most === Number.MAX_SAFE_INTEGER && !isTooLarge ? `${least} on` : `${least} to ${most}`;
    throw new InvalidArgumentError(`It is a whole number from ${range}.`);
  };
}

/** Seconds with fractions, or a duration such as `5m`, as milliseconds. */
export function seconds(least: number, most: number): (text: string) => number {
  return (text) => {
    const ms = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : (parseDuration(text) ?? Number.NaN);
    if (ms >= least * 1000 && ms <= most * 1000) return ms;
    throw new InvalidArgumentError(`It is a number of seconds from ${least} to ${most}, or a duration such as 90s, 5m or 1h30m.`);
  };
}

/** A parser of sizes in bytes for commander. */
export function size(least: number): (text: string) => number {
  return (text) => {
    const value = parseSize(text);
    if (value !== null && value >= least) return value;
    throw new InvalidArgumentError(sizeRule);
  };
}

/** A parser of points in time for commander. */
export function time(text: string): number {
  const parsed = parseTime(text);
  if (parsed === null) throw new InvalidArgumentError(timeRule);
  return parsed;
}

/** A point in time that may be to come: ISO 8601, or seconds or milliseconds since 1970. */
export function moment(text: string): number {
  const parsed = parseDuration(text) === null ? parseTime(text) : null;
  if (parsed === null) throw new InvalidArgumentError('It is a time such as 2026-11-21T10:00:00Z, or seconds or milliseconds since 1970.');
  return parsed;
}

/** `90s`, `15m`, `1h30m`, `7d`, as milliseconds. */
export function duration(text: string): number {
  const parsed = parseDuration(text);
  if (parsed === null) throw new InvalidArgumentError('It is a duration such as 90s, 15m, 1h30m or 7d.');
  return parsed;
}

export const jsonOption = (what: string): Option => new Option('--json', `print ${what} as JSON`);
