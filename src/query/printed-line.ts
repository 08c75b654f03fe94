import type { LineTime } from './line-time.ts';
import { timeWithinBytes } from './line-time.ts';
import type { Output } from './request.ts';
import { isDigit, isSpace } from './time-parts.ts';

/**
 * The time of a line as grep prints it: behind its label, its number and its place in the file. Gives NaN for a line without one, such as that between
 * groups.
 *
 * @param label what stands before each line where names are asked for
 */
export function timeOfPrinted(
  time: LineTime,
  label: Uint8Array,
  output: Pick<Output, 'withName' | 'lineNumbers' | 'byteOffsets' | 'initialTab' | 'color'>,
): (bytes: Uint8Array, from: number, to: number) => number {
  const numberCount = (output.lineNumbers ? 1 : 0) + (output.byteOffsets ? 1 : 0);
  const timeOfPlain = (bytes: Uint8Array, from: number, to: number): number => {
    let at = from;
    if (output.withName) {
      if (!startsWith(bytes, from, to, label)) return Number.NaN;
      // A colon, a hyphen or NUL.
      at += label.length + 1;
    }
    for (let count = 0; count < numberCount; count++) {
      while (at < to && isSpace(bytes[at] as number)) at++;
      while (at < to && isDigit(bytes[at] as number)) at++;
      at++;
    }
    if (output.initialTab) while (at < to && isSpace(bytes[at] as number)) at++;
    return at < to ? time.read(bytes, at, to) : Number.NaN;
  };
  if (!output.color) return timeOfPlain;
  const plain = new Uint8Array(timeWithinBytes);
  return (bytes, from, to) => timeOfPlain(plain, 0, copyWithoutMarks(bytes, from, to, plain));
}

function startsWith(bytes: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  if (to - from < wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[from + i] !== wanted[i]) return false;
  return true;
}

/** Leaves out `ESC [ ... m` and `ESC [ K`, which mark names and matches. How many bytes were copied: as many as there is room for. */
function copyWithoutMarks(bytes: Uint8Array, from: number, to: number, into: Uint8Array): number {
  let length = 0;
  for (let at = from; at < to && length < into.length; at++) {
    if (bytes[at] !== 0x1b || bytes[at + 1] !== 0x5b) {
      into[length++] = bytes[at] as number;
      continue;
    }
    at += 2;
    while (at < to && (isDigit(bytes[at] as number) || bytes[at] === 0x3b)) at++;
  }
  return length;
}
