import { noBytes, viewOf } from '../base/bytes.ts';

/**
 * An event is a line `TIMESTAMP TEXT`. The timestamp is read to know a delay and a create time; what is printed and stored are its own bytes, never
 * the number read from them. A line whose first field is no decimal number (digits, perhaps a point and digits) is untimed, all of it is text; so is one
 * whose number is no time of a log: `404 Not Found`, milliseconds, hundreds of digits.
 */
export class EventReader {
  /** Seconds since 1970, or NaN for an untimed line. */
  seconds = Number.NaN;
  /** Where the first field ends; `from` for an untimed line. */
  timeTo = 0;

  #bytes: Uint8Array = noBytes;
  #view = viewOf(noBytes);

  read(bytes: Uint8Array, from: number, to: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = viewOf(bytes);
    }
    const view = this.#view;
    let at = from;
    let byte = 0;
    let four = 0;
    let seconds = 0;
    while (to - at >= 4 && (four = fourDigits(view.getInt32(at, true))) >= 0) {
      seconds = seconds * 10_000 + four;
      at += 4;
    }
    while (at < to && (byte = (bytes[at] as number) - 0x30) >= 0 && byte <= 9) {
      seconds = seconds * 10 + byte;
      at++;
    }
    if (at > from && at < to && bytes[at] === 0x2e) {
      const fractionFrom = ++at;
      let fraction = 0;
      if (to - at >= 4 && (four = fourDigits(view.getInt32(at, true))) >= 0) {
        fraction = four;
        at += 4;
      }
      const until = Math.min(to, fractionFrom + fractionDigits);
      while (at < until && (byte = (bytes[at] as number) - 0x30) >= 0 && byte <= 9) {
        fraction = fraction * 10 + byte;
        at++;
      }
      seconds += fraction / (powersOfTen[at - fractionFrom] as number);
      if (at === fractionFrom) at = from;
      else if (at === until) while (at < to && (byte = (bytes[at] as number) - 0x30) >= 0 && byte <= 9) at++;
    }
    const isTimed = at > from && (at === to || bytes[at] === 0x20) && seconds >= timeFromS && seconds < timeToS;
    this.seconds = isTimed ? seconds : Number.NaN;
    this.timeTo = isTimed ? at : from;
  }
}

/** The times that are believed, in seconds since 1970: the years 2000 to 2099. */
const timeFromS = 946_684_800;
const timeToS = 4_102_444_800;

/** Digits beyond these are below what a double holds of a time in seconds. */
const fractionDigits = 9;
const powersOfTen = Array.from({ length: fractionDigits + 1 }, (_, exponent) => 10 ** exponent);

/** The number that four bytes in the order of a text mean, read as an integer from the least byte on; -1 if they are not all digits. */
function fourDigits(word: number): number {
  const digits = (word - 0x30303030) | 0;
  // A byte that was below '0' has borrowed and has its top bit set, as has one above '9' once 0x76 is added.
  if (((digits + 0x76767676) | digits) & 0x80808080) return -1;
  const pairs = (Math.imul(digits, 10) + (digits >>> 8)) & 0x00ff00ff;
  return Math.imul(pairs & 0xff, 100) + (pairs >>> 16);
}
