/**
 * Stamps in lines of text: between spooling agents and line gateways (docs/decisions/0008) everything is a line, and stays one. Numbers are written in
 * digits of base 64, the greatest first, as many as the field has.
 *
 * Before the lines of each message an agent sends 16 bytes of ASCII, `MMMMMMMCCCLLLBB\n`: the stamp's milliseconds and counter, how many lines follow,
 * and by how much the agent's wall clock is behind the stamp, because a hybrid clock that follows others does not show it. A gateway's line carries the
 * stamp alone, `MMMMMMMCCC`.
 */
import type { Stamp } from './hybrid.ts';

export interface LineStamp {
  readonly stamp: Stamp;
  /** 0: the message has no lines, it answers the gateway's oldest `wait` that is not answered yet. */
  readonly lines: number;
  /** What the wall clock showed; null where it was too far behind the stamp to be said. */
  readonly wallMs: number | null;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const codeOf = Uint8Array.from(alphabet, (digit) => digit.charCodeAt(0));
const notDigit = 64;
const valueOf = new Uint8Array(256).fill(notDigit);
for (let value = 0; value < 64; value++) valueOf[codeOf[value] as number] = value;

const [msDigits, counterDigits, lineDigits, behindDigits] = [7, 3, 3, 2] as const;
const stampDigits = msDigits + counterDigits;
/** A stamp in the year 2109: what is later is too far ahead to be followed all the same. */
const msMax = 64 ** msDigits - 1;
const behindMax = 64 ** behindDigits - 1;
/** Lines of one message. */
export const stampedLinesMax = 64 ** lineDigits - 1;
/** Without its newline. */
export const lineStampBytes = stampDigits + lineDigits + behindDigits;
const counterMax = 0xffff;
const newline = 0x0a;

/** With its newline. */
export function writeLineStamp({ ms, counter }: Stamp, lines: number, wallMs: number): Uint8Array {
  const bytes = new Uint8Array(lineStampBytes + 1);
  const shownMs = Math.min(ms, msMax);
  const behindMs = shownMs - Math.floor(wallMs);
  const behind = behindMs >= 0 && behindMs < behindMax ? behindMs : behindMax;
  // Beyond 32 bits there is no shift.
  const high = Math.floor(shownMs / low30);
  const low = shownMs - high * low30;
  bytes[0] = codeOf[high >> 6] as number;
  bytes[1] = codeOf[high & 63] as number;
  bytes[2] = codeOf[low >> 24] as number;
  bytes[3] = codeOf[(low >> 18) & 63] as number;
  bytes[4] = codeOf[(low >> 12) & 63] as number;
  bytes[5] = codeOf[(low >> 6) & 63] as number;
  bytes[6] = codeOf[low & 63] as number;
  bytes[7] = codeOf[counter >> 12] as number;
  bytes[8] = codeOf[(counter >> 6) & 63] as number;
  bytes[9] = codeOf[counter & 63] as number;
  bytes[10] = codeOf[lines >> 12] as number;
  bytes[11] = codeOf[(lines >> 6) & 63] as number;
  bytes[12] = codeOf[lines & 63] as number;
  bytes[13] = codeOf[behind >> 6] as number;
  bytes[14] = codeOf[behind & 63] as number;
  bytes[15] = newline;
  return bytes;
}

const low30 = 2 ** 30;
/** Every two digits. */
const pairs = Array.from({ length: 64 * 64 }, (_, value) => `${alphabet[value >> 6] ?? ''}${alphabet[value & 63] ?? ''}`);
const pair = (value: number): string => pairs[value] as string;

export function formatStamp({ ms, counter }: Stamp): string {
  const shownMs = Math.min(ms, msMax);
  const high = Math.floor(shownMs / low30);
  const low = shownMs - high * low30;
  return `${pair(high)}${pair(low >> 18)}${pair((low >> 6) & 4095)}${pair(((low & 63) << 6) | (counter >> 12))}${pair(counter & 4095)}`;
}

/** Of a line without its newline; null where it is no such line. */
export function readLineStamp(bytes: Uint8Array, from: number, to: number): LineStamp | null {
  if (to - from !== lineStampBytes) return null;
  for (let at = from; at < to; at++) if (valueOf[bytes[at] as number] === notDigit) return null;
  const ms = read(bytes, from, msDigits);
  const counter = read(bytes, from + msDigits, counterDigits);
  const lines = read(bytes, from + stampDigits, lineDigits);
  const behindMs = read(bytes, from + stampDigits + lineDigits, behindDigits);
  if (counter > counterMax) return null;
  return { stamp: { ms, counter }, lines, wallMs: behindMs === behindMax ? null : ms - behindMs };
}

export function parseStamp(text: string): Stamp | null {
  if (text.length !== stampDigits) return null;
  let [ms, counter] = [0, 0];
  for (let at = 0; at < stampDigits; at++) {
    const value = valueOf[text.charCodeAt(at)] ?? notDigit;
    if (value === notDigit) return null;
    if (at < msDigits) ms = ms * 64 + value;
    else counter = counter * 64 + value;
  }
  return counter > counterMax ? null : { ms, counter };
}

function read(bytes: Uint8Array, from: number, digits: number): number {
  let value = 0;
  for (let at = from; at < from + digits; at++) value = value * 64 + (valueOf[bytes[at] as number] as number);
  return value;
}
