const quote = 0x22;
const backslash = 0x5c;
const braceOpen = 0x7b;
const braceClose = 0x7d;
const bracketOpen = 0x5b;
const bracketClose = 0x5d;

/** `more`: the object does not end yet. `never`: what begins so is no object. */
export type Scanned = number | 'more' | 'never';

/**
 * Finds where a request ends: one JSON object, with nothing behind it that would say so (no newline, no length, and the connection stays open). It counts
 * braces and brackets outside of strings and looks at nothing else, so each byte is looked at once, however they are cut; whether it is JSON the parser says.
 */
export class RequestScanner {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** Gives the index behind the object's last byte in this chunk. */
  scan(chunk: Uint8Array): Scanned {
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] as number;
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === backslash) this.#isEscaped = true;
        else if (byte === quote) this.#isInString = false;
      } else if (this.#depth === 0) {
        if (byte === braceOpen) this.#depth = 1;
        else if (!isBlank(byte)) return 'never';
      } else if (byte === quote) {
        this.#isInString = true;
      } else if (byte === braceOpen || byte === bracketOpen) {
        this.#depth++;
      } else if ((byte === braceClose || byte === bracketClose) && --this.#depth === 0) {
        return index + 1;
      }
    }
    return 'more';
  }
}

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
