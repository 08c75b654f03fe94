/**
 * An event is a line `TIMESTAMP TEXT`. The timestamp is read to know a delay and a create time; what is printed and stored are its own bytes, never
 * the number read from them. A line whose first field is no decimal number (digits, perhaps a point and digits) is untimed, all of it is text.
 */
export class EventReader {
  /** Seconds since 1970, or NaN for an untimed line. */
  seconds = Number.NaN;
  /** Where the first field ends; `from` for an untimed line. */
  timeTo = 0;

  read(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    let whole = 0;
    let byte = 0;
    while (at < to && (byte = (bytes[at] as number) - 0x30) >= 0 && byte <= 9) {
      whole = whole * 10 + byte;
      at++;
    }
    let seconds = whole;
    if (at > from && at < to && bytes[at] === 0x2e) {
      const pointAt = at++;
      let fraction = 0;
      let scale = 1;
      while (at < to && (byte = (bytes[at] as number) - 0x30) >= 0 && byte <= 9) {
        // Digits beyond these are below what a double holds of a time in seconds.
        if (scale < 1e9) {
          fraction = fraction * 10 + byte;
          scale *= 10;
        }
        at++;
      }
      if (at === pointAt + 1) at = from;
      seconds += fraction / scale;
    }
    const isTimed = at > from && (at === to || bytes[at] === 0x20);
    this.seconds = isTimed ? seconds : Number.NaN;
    this.timeTo = isTimed ? at : from;
  }
}

/** Milliseconds for a record's create time; null for what no clock shows. */
export function createTimeMs(seconds: number): number | null {
  const ms = Math.floor(seconds * 1000);
  return ms >= 0 && ms <= 8.64e15 ? ms : null;
}
