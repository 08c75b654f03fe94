import { Moment } from './moment.ts';

/** A line while its time is looked for: where the reading stands, and what it has found. */
export interface Reading {
  bytes: Uint8Array;
  at: number;
  to: number;
  readonly moment: Moment;
  /** Milliseconds since 1970 where the line gives no parts but a number, else NaN. */
  epochMs: number;
}

export const newReading = (): Reading => ({ bytes: new Uint8Array(0), at: 0, to: 0, moment: new Moment(), epochMs: Number.NaN });

export const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
export const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
export const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x09;

/** Where the reading stands; -1 behind the end. */
export const byteAt = (reading: Reading): number => (reading.at < reading.to ? (reading.bytes[reading.at] as number) : -1);

export function nextByte(reading: Reading): number {
  const byte = byteAt(reading);
  reading.at++;
  return byte;
}

/** A number of `least` to `most` digits, as many as there are up to `most`; -1, and nothing is read, when there are fewer. */
export function digitsAt(reading: Reading, least: number, most: number): number {
  const { bytes, to, at: from } = reading;
  const until = Math.min(to, from + most);
  let value = 0;
  let at = from;
  while (at < until && isDigit(bytes[at] as number)) value = value * 10 + (bytes[at++] as number) - 0x30;
  if (at - from < least) return -1;
  reading.at = at;
  return value;
}

/** Digits behind the point of a second; those beyond nine change nothing. */
export function fractionAt(reading: Reading): boolean {
  const from = reading.at;
  const value = digitsAt(reading, 1, 9);
  if (value < 0) return false;
  reading.moment.fraction = value / 10 ** (reading.at - from);
  while (isDigit(byteAt(reading))) reading.at++;
  return true;
}

/** `Z`, `+01:00`, `+0100` or `+01`. */
export function zoneAt(reading: Reading): boolean {
  const sign = byteAt(reading);
  if (sign === 0x5a || sign === 0x7a) {
    reading.at++;
    reading.moment.zoneMinutes = 0;
    return true;
  }
  if (sign !== 0x2b && sign !== 0x2d) return false;
  const from = reading.at++;
  const hours = digitsAt(reading, 2, 2);
  if (hours < 0) {
    reading.at = from;
    return false;
  }
  const afterHours = reading.at;
  if (byteAt(reading) === 0x3a) reading.at++;
  const minutes = digitsAt(reading, 2, 2);
  if (minutes < 0) reading.at = afterHours;
  reading.moment.zoneMinutes = (sign === 0x2d ? -1 : 1) * (hours * 60 + Math.max(0, minutes));
  return true;
}

const monthNames = 'janfebmaraprmayjunjulaugsepoctnovdec';

/** The first three letters of an English month, whatever their case: 1 to 12, or 0 for none. */
export function monthAt(reading: Reading): number {
  const { bytes, at, to } = reading;
  if (to - at < 3) return 0;
  const name = String.fromCharCode((bytes[at] as number) | 0x20, (bytes[at + 1] as number) | 0x20, (bytes[at + 2] as number) | 0x20);
  const index = monthNames.indexOf(name);
  if (index < 0 || index % 3 !== 0) return 0;
  reading.at = at + 3;
  return index / 3 + 1;
}
