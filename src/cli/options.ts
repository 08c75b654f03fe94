import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultServer } from './connect-options.ts';
import { parseTime, timeRule } from './parse-time.ts';

export function addConnectOptions(command: Command): Command {
  return command
    .option('--server <url,...>', `brokers to ask; the others are learnt from them (env: CAIRN_SERVER, default: ${defaultServer})`)
    .option('--token-file <file>', 'file with the token that the brokers want (env: CAIRN_TOKEN_FILE)')
    .option('--ca-file <file>', 'file with the certificates to trust, PEM (env: CAIRN_CA_FILE)');
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

/** Seconds with fractions, as milliseconds. */
export function seconds(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return Math.round(value * 1000);
    throw new InvalidArgumentError(`It is a number of seconds from ${least} to ${most}.`);
  };
}

/** A parser of points in time for commander. */
export function time(text: string): number {
  const parsed = parseTime(text);
  if (parsed === null) throw new InvalidArgumentError(timeRule);
  return parsed;
}

export const jsonOption = (what: string): Option => new Option('--json', `print ${what} as JSON`);
