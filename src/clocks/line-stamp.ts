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
  write(bytes, 0, msDigits, shownMs);
  write(bytes, msDigits, counterDigits, counter);
  write(bytes, stampDigits, lineDigits, lines);
  write(bytes, stampDigits + lineDigits, behindDigits, behindMs >= 0 && behindMs < behindMax ? behindMs : behindMax);
  bytes[lineStampBytes] = newline;
  return bytes;
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

export function formatStamp({ ms, counter }: Stamp): string {
  let text = '';
  for (let rest = counter, left = counterDigits; left > 0; left--, rest = Math.floor(rest / 64))
    text = (alphabet[rest % 64] as string) + text;
  for (let rest = Math.min(ms, msMax), left = msDigits; left > 0; left--, rest = Math.floor(rest / 64))
    text = (alphabet[rest % 64] as string) + text;
  return text;
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

function write(bytes: Uint8Array, from: number, digits: number, value: number): void {
  let rest = value;
  for (let at = from + digits - 1; at >= from; at--) {
    // Beyond 32 bits there is no shift.
    const above = Math.floor(rest / 64);
    bytes[at] = codeOf[rest - above * 64] as number;
    rest = above;
  }
}

function read(bytes: Uint8Array, from: number, digits: number): number {
  let value = 0;
  for (let at = from; at < from + digits; at++) value = value * 64 + (valueOf[bytes[at] as number] as number);
  return value;
}
