/**
 * Where records begin and end in a text of JSON, and that none of them is what only takes time to parse: found out byte by byte, without an object, and in
 * slices. `JSON.parse` can do neither, so it gets one piece of a few records after another. Whether they are JSON is left to it.
 */

/** Objects and lists within one another. */
const jsonDepthMax = 64;
/** Keys of one record, those of its headers included, and entries of lists. */
export const jsonKeysMax = 1_000;
/** Bytes looked at in one go. */
const sliceBytes = 256 * 1024;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

export type JsonProblem = 'notJson' | 'tooDeep' | 'tooManyKeys' | 'besideRecords';
/** `more`: a slice has been looked at, and there is no answer yet. */
type Walked = 'more' | 'over' | JsonProblem;

const isBlankByte = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Goes over one value, whatever it is: up to the comma or bracket that ends it, or to the end of the bytes. */
export class ValueWalk {
  readonly #body: Uint8Array;
  readonly #itemsMax: number;
  position = 0;
  #depth = 0;
  #keys = 0;
  #entries = 0;
  #isInText = false;

  /** @param itemsMax keys of objects, and entries of lists, all together */
  constructor(body: Uint8Array, itemsMax = jsonKeysMax) {
    this.#body = body;
    this.#itemsMax = itemsMax;
  }

  begin(from: number): void {
    this.position = from;
    this.#depth = 0;
    this.#keys = 0;
    this.#entries = 0;
    this.#isInText = false;
  }

  go(): Walked {
    const body = this.#body;
    const until = Math.min(body.length, this.position + sliceBytes);
    let position = this.position;
    let isInText = this.#isInText;
    let result: Walked = 'more';
    for (; position < until && result === 'more'; position++) {
      if (isInText) {
        // Most bytes are those of texts: nothing else is asked of them.
        let byte = body[position];
        while (byte !== quote && position < until) {
          position += byte === backslash ? 2 : 1;
          byte = body[position];
        }
        if (position >= until) break;
        isInText = false;
        continue;
      }
      switch (body[position] as number) {
        case quote:
          isInText = true;
          break;
        case openBrace:
        case openBracket:
          if (++this.#depth > jsonDepthMax) result = 'tooDeep';
          break;
        case closeBrace:
        case closeBracket:
          if (this.#depth-- === 0) result = 'over';
          break;
        case comma:
          if (this.#depth === 0) result = 'over';
          else if (++this.#entries >= this.#itemsMax) result = 'tooManyKeys';
          break;
        case colon:
          if (++this.#keys > this.#itemsMax) result = 'tooManyKeys';
          break;
      }
    }
    this.#isInText = isInText;
    // What ends the value is not part of it.
    this.position = result === 'over' ? position - 1 : position;
    if (result === 'more' && position >= body.length) return isInText ? 'notJson' : 'over';
    return result;
  }
}

/** What is wrong with the one value that these bytes are, if it is not to be parsed. Not for many bytes: it is not done in slices. */
export function problemOfJson(body: Uint8Array, itemsMax = jsonKeysMax): JsonProblem | null {
  const walk = new ValueWalk(body, itemsMax);
  for (;;) {
    const walked = walk.go();
    if (walked !== 'more') return problemAt(walked, walk.position, body.length);
  }
}

/** Of one value that was to end with the bytes. */
export function problemAt(walked: 'over' | JsonProblem, position: number, length: number): JsonProblem | null {
  if (walked !== 'over') return walked;
  return position < length ? 'notJson' : null;
}

/** The end of a sentence about `what`. */
export function sayProblem(problem: JsonProblem, what: string): string {
  switch (problem) {
    case 'notJson':
      return `${what} is not JSON`;
    case 'tooDeep':
      return `${what} has objects or lists more than ${jsonDepthMax} deep in one another`;
    case 'tooManyKeys':
      return `${what} has more keys, or entries of lists, than are taken`;
    case 'besideRecords':
      return `${what} has more fields than "records"`;
  }
}

/** The records of a body: `{...}`, `[{...}, ...]`, or `{"records": [{...}, ...]}`. */
export class JsonRecords {
  readonly #body: Uint8Array;
  readonly #walk: ValueWalk;
  /** What comes next: the first byte, one record without a list, an entry of the list, the rest of one, what is behind the list, nothing. */
  #place: 'begin' | 'whole' | 'entry' | 'inEntry' | 'behind' | 'end' = 'begin';
  #position = 0;
  #isWrapped = false;
  #count = 0;
  /** The body is one record, not a list of some. */
  isWhole = false;
  /** The record that was found last. */
  from = 0;
  to = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#walk = new ValueWalk(body);
  }

  /** What is wrong is not wrong with a record, but before the first or behind the last. */
  get isOutside(): boolean {
    return this.#place === 'begin' || this.#place === 'behind';
  }

  /** The next one, `end`, or what is wrong; `more` when it is to be asked again. */
  next(): 'record' | 'end' | 'more' | JsonProblem {
    for (;;) {
      switch (this.#place) {
        case 'begin':
          if (!this.#skipBlank()) return this.#position < this.#body.length ? 'more' : 'notJson';
          this.#begin();
          break;
        case 'whole': {
          const walked = this.#walk.go();
          if (walked !== 'over') return walked;
          if (this.#walk.position < this.#body.length) return 'notJson';
          this.to = this.#body.length;
          this.#place = 'end';
          return 'record';
        }
        case 'entry': {
          if (!this.#skipBlank()) return this.#position < this.#body.length ? 'more' : 'notJson';
          const byte = this.#body[this.#position] as number;
          if (byte === closeBracket && this.#count === 0) {
            this.#position++;
            this.#place = 'behind';
            break;
          }
          if (byte === comma || byte === closeBracket || byte === closeBrace) return 'notJson';
          this.from = this.#position;
          this.#walk.begin(this.#position);
          this.#place = 'inEntry';
          break;
        }
        case 'inEntry': {
          const walked = this.#walk.go();
          if (walked !== 'over') return walked;
          this.to = this.#walk.position;
          const byte = this.#body[this.to];
          if (byte !== comma && byte !== closeBracket) return 'notJson';
          this.#position = this.to + 1;
          this.#count++;
          this.#place = byte === comma ? 'entry' : 'behind';
          return 'record';
        }
        case 'behind':
          if (!this.#skipBlank()) {
            if (this.#position < this.#body.length) return 'more';
            if (this.#isWrapped) return 'notJson';
            this.#place = 'end';
            break;
          }
          if (!this.#isWrapped) return 'notJson';
          if (this.#body[this.#position] !== closeBrace) return this.#body[this.#position] === comma ? 'besideRecords' : 'notJson';
          this.#position++;
          this.#isWrapped = false;
          break;
        case 'end':
          return 'end';
      }
    }
  }

  #begin(): void {
    const from = this.#position;
    const byte = this.#body[from];
    const list = byte === openBracket ? from + 1 : byte === openBrace ? this.#listOfRecords(from + 1) : null;
    if (list !== null) {
      this.#isWrapped = byte === openBrace;
      this.#position = list;
      this.#place = 'entry';
      return;
    }
    this.isWhole = true;
    this.from = from;
    this.#walk.begin(from);
    this.#place = 'whole';
  }

  /** Behind the bracket of `"records": [`, where the first key of the object is that. */
  #listOfRecords(from: number): number | null {
    const text = Buffer.from(this.#body.buffer, this.#body.byteOffset, this.#body.byteLength).toString('latin1', from, from + headBytesMax);
    const head = /^[ \t\r\n]*"records"[ \t\r\n]*:[ \t\r\n]*\[/.exec(text)?.[0];
    return head === undefined ? null : from + head.length;
  }

  /** Goes to the next byte that is not blank; false where there is none in this slice. */
  #skipBlank(): boolean {
    const until = Math.min(this.#body.length, this.#position + sliceBytes);
    while (this.#position < until && isBlankByte(this.#body[this.#position] as number)) this.#position++;
    return this.#position < until;
  }
}

/** Of blanks around `"records":`. */
const headBytesMax = 1_000;
