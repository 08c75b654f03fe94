import type { MomentDefaults } from './moment.ts';
import type { TimeFormat } from './time-format.ts';
import {
  byteAt,
  digitsAt,
  fractionAt,
  isDigit,
  isLetter,
  isSpace,
  monthAt,
  newReading,
  nextByte,
  type Reading,
  zoneAt,
} from './time-parts.ts';

/** A time stands within so many bytes from the beginning of its line; what begins later is text. */
export const timeWithinBytes = 4096;
/** A format that the user gave is tried at each of so many bytes. */
const formatWithinBytes = 256;

export interface LineTimeOptions extends MomentDefaults {
  /** Null: the usual ones are looked for. */
  readonly format: TimeFormat | null;
}

/**
 * Finds the time that a line bears. Without a format that is, at its beginning and behind a bracket, a quote or the priority of a syslog line: ISO 8601 with
 * a date and a time of day, an epoch in seconds, milli-, micro- or nanoseconds, or syslog's `Nov 30 04:32:45`; else the first field named `time`, `ts`,
 * `timestamp` or `@timestamp` of a JSON or logfmt line, when it holds one of the first two. Nothing is made for a line: it is read where it lies.
 */
export class LineTime {
  readonly #options: LineTimeOptions;
  readonly #reading: Reading = newReading();

  constructor(options: LineTimeOptions) {
    this.#options = options;
  }

  /** Milliseconds since 1970, with fractions; NaN for a line without a time. `to` is where the line ends, without its end. */
  read(bytes: Uint8Array, from: number, to: number): number {
    const reading = this.#reading;
    reading.bytes = bytes;
    reading.to = Math.min(to, from + timeWithinBytes);
    const { format } = this.#options;
    if (format !== null) return this.#readFormat(format, from);
    reading.at = skipOpening(bytes, from, reading.to);
    const first = byteAt(reading);
    if (isDigit(first)) return this.#readNumeric();
    if (bytes[from] === 0x7b) return this.#readJson(from + 1);
    const ms = isLetter(first) ? this.#readSyslog() : Number.NaN;
    return Number.isNaN(ms) ? this.#readLogfmt(from) : ms;
  }

  #readFormat({ steps }: TimeFormat, from: number): number {
    const reading = this.#reading;
    const until = Math.min(reading.to, from + formatWithinBytes);
    for (let start = from; start < until; start++) {
      reading.at = start;
      reading.epochMs = Number.NaN;
      reading.moment.clear();
      if (!steps.every((step) => step(reading))) continue;
      const ms = this.#ms();
      if (!Number.isNaN(ms)) return ms;
    }
    return Number.NaN;
  }

  #ms(): number {
    const { epochMs, moment } = this.#reading;
    return Number.isNaN(epochMs) ? moment.toMs(this.#options) : epochMs + moment.fraction * 1000;
  }

  /** An ISO time or an epoch. */
  #readNumeric(): number {
    const reading = this.#reading;
    const from = reading.at;
    reading.moment.clear();
    reading.epochMs = Number.NaN;
    if (isoAt(reading)) return this.#ms();
    reading.at = from;
    return epochAt(reading);
  }

  #readSyslog(): number {
    const reading = this.#reading;
    const { moment } = reading;
    moment.clear();
    reading.epochMs = Number.NaN;
    moment.month = monthAt(reading);
    if (moment.month === 0 || byteAt(reading) !== 0x20) return Number.NaN;
    reading.at++;
    if (byteAt(reading) === 0x20) reading.at++;
    moment.day = digitsAt(reading, 1, 2);
    if (moment.day < 0 || byteAt(reading) !== 0x20) return Number.NaN;
    reading.at++;
    return clockAt(reading) ? this.#ms() : Number.NaN;
  }

  /** The value of the first field with a name that means a time. */
  #readJson(from: number): number {
    const { bytes, to } = this.#reading;
    for (let at = from; at < to; at++) {
      if (bytes[at] !== 0x22) continue;
      const nameFrom = at + 1;
      at = closingQuote(bytes, nameFrom, to);
      let valueAt = at + 1;
      while (valueAt < to && isSpace(bytes[valueAt] as number)) valueAt++;
      if (bytes[valueAt] !== 0x3a || !isTimeName(bytes, nameFrom, at)) continue;
      do valueAt++;
      while (valueAt < to && isSpace(bytes[valueAt] as number));
      return this.#readValue(valueAt);
    }
    return Number.NaN;
  }

  #readLogfmt(from: number): number {
    const { bytes, to } = this.#reading;
    let nameFrom = from;
    for (let at = from; at < to; at++) {
      const byte = bytes[at];
      if (byte === 0x20) nameFrom = at + 1;
      else if (byte === 0x22) at = closingQuote(bytes, at + 1, to);
      else if (byte === 0x3d && isTimeName(bytes, nameFrom, at)) return this.#readValue(at + 1);
    }
    return Number.NaN;
  }

  #readValue(from: number): number {
    const reading = this.#reading;
    reading.at = reading.bytes[from] === 0x22 ? from + 1 : from;
    return isDigit(byteAt(reading)) ? this.#readNumeric() : Number.NaN;
  }
}

/** A bracket, a quote, or `<13>` and the version behind it (RFC 3164, RFC 5424). */
function skipOpening(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from];
  if (first === 0x5b || first === 0x28 || first === 0x22) return from + 1;
  if (first !== 0x3c) return from;
  let at = from + 1;
  while (at < to && at < from + 4 && isDigit(bytes[at] as number)) at++;
  if (at === from + 1 || bytes[at] !== 0x3e) return from;
  at++;
  return bytes[at] === 0x31 && bytes[at + 1] === 0x20 ? at + 2 : at;
}

/** `2026-11-30T04:32:45.5Z`, a blank for the T, without seconds, fraction or zone; or `20261130T043245Z`. */
function isoAt(reading: Reading): boolean {
  const { bytes, moment } = reading;
  moment.year = digitsAt(reading, 4, 4);
  if (moment.year < 0) return false;
  const isBasic = byteAt(reading) !== 0x2d;
  if (!isBasic) reading.at++;
  moment.month = digitsAt(reading, 2, 2);
  if (moment.month < 0) return false;
  if (!isBasic && nextByte(reading) !== 0x2d) return false;
  moment.day = digitsAt(reading, 2, 2);
  if (moment.day < 0) return false;
  const between = nextByte(reading);
  // An epoch of eight digits and a number behind it is no date.
  if (between !== 0x54 && between !== 0x74 && (isBasic || between !== 0x20)) return false;
  if (!(isBasic ? basicClockAt(reading) : clockAt(reading))) return false;
  const end = reading.at;
  if (bytes[end] === 0x20 && (bytes[end + 1] === 0x2b || bytes[end + 1] === 0x2d)) reading.at++;
  // ` -` may be the beginning of the text.
  if (!zoneAt(reading)) reading.at = end;
  return true;
}

/** `04:32`, `04:32:45`, `04:32:45.5`, `04:32:45,5`. */
function clockAt(reading: Reading): boolean {
  const { moment } = reading;
  moment.hour = digitsAt(reading, 2, 2);
  if (moment.hour < 0 || nextByte(reading) !== 0x3a) return false;
  moment.minute = digitsAt(reading, 2, 2);
  if (moment.minute < 0) return false;
  if (byteAt(reading) !== 0x3a) return true;
  reading.at++;
  return secondsAt(reading);
}

function basicClockAt(reading: Reading): boolean {
  const { moment } = reading;
  moment.hour = digitsAt(reading, 2, 2);
  moment.minute = digitsAt(reading, 2, 2);
  return moment.hour >= 0 && moment.minute >= 0 && secondsAt(reading);
}

function secondsAt(reading: Reading): boolean {
  reading.moment.second = digitsAt(reading, 2, 2);
  if (reading.moment.second < 0) return false;
  const point = byteAt(reading);
  if (point === 0x2e || point === 0x2c) {
    reading.at++;
    if (!fractionAt(reading)) reading.at--;
  }
  return true;
}

/** Milliseconds of one of an epoch's units, by its number of digits: those of 1973 to 2286. */
const epochUnits: Readonly<Record<number, number>> = { 9: 1000, 10: 1000, 12: 1, 13: 1, 15: 1e-3, 16: 1e-3, 18: 1e-6, 19: 1e-6 };

function epochAt(reading: Reading): number {
  const { moment } = reading;
  moment.fraction = 0;
  const from = reading.at;
  const value = digitsAt(reading, 1, 20);
  const unitMs = epochUnits[reading.at - from];
  if (unitMs === undefined) return Number.NaN;
  if (byteAt(reading) === 0x2e) {
    reading.at++;
    if (!fractionAt(reading)) reading.at--;
  }
  // `1732940000x` is a word, `1732940000-1` a name.
  const next = byteAt(reading);
  if (isLetter(next) || isDigit(next) || next === 0x2d || next === 0x5f || next === 0x2f) return Number.NaN;
  return (value + moment.fraction) * unitMs;
}

/** Of the quote that ends a string, or `to`. */
function closingQuote(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    if (bytes[at] === 0x5c) at++;
    else if (bytes[at] === 0x22) return at;
  }
  return to;
}

const timeNames = ['time', 'ts', 'timestamp', '@timestamp'].map((name) => Uint8Array.from(name, (character) => character.charCodeAt(0)));

function isTimeName(bytes: Uint8Array, from: number, to: number): boolean {
  return timeNames.some((name) => name.length === to - from && name.every((byte, index) => bytes[from + index] === byte));
}
