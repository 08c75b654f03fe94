import { type Offset, offset, offsetMax, type Term, term, termMax } from '../base/branded.ts';
import { getU16, getU32, getU64, setU16, setU32, setU64 } from '../base/bytes.ts';

/** Fixed-width big-endian fields one after another, shared by the codecs of this folder. */

/**
 * Reads fields of a body that came from outside. A read past the end gives 0 or empty and turns `valid` false for good, so a decoder checks once,
 * at its end, and never throws.
 */
export class FieldReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  valid = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** True when everything was there and nothing is left. */
  get complete(): boolean {
    return this.valid && this.#at === this.#bytes.length;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#take(1) ? (this.#bytes[this.#at - 1] as number) : 0;
  }

  u16(): number {
    return this.#take(2) ? getU16(this.#bytes, this.#at - 2) : 0;
  }

  u32(): number {
    return this.#take(4) ? getU32(this.#bytes, this.#at - 4) : 0;
  }

  u64(): number {
    if (!this.#take(8)) return 0;
    const value = getU64(this.#bytes, this.#at - 8);
    if (value === null) this.valid = false;
    return value ?? 0;
  }

  /** A position that leaves room for what is computed from it. */
  offset(): Offset {
    return offset(this.upTo(offsetMax));
  }

  term(): Term {
    return term(this.upTo(termMax));
  }

  /** A number of which more than this is not one that anybody has. */
  upTo(most: number): number {
    const value = this.u64();
    if (value <= most) return value;
    this.valid = false;
    return 0;
  }

  /** A part of the body itself, not a copy. */
  bytes(length: number): Uint8Array {
    return this.#take(length) ? this.#bytes.subarray(this.#at - length, this.#at) : this.#bytes.subarray(0, 0);
  }

  /** Bytes behind their u16 length. */
  short(): Uint8Array {
    return this.bytes(this.u16());
  }

  /** Bytes behind their u32 length. */
  long(): Uint8Array {
    return this.bytes(this.u32());
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** Says that a value that was read cannot be. */
  reject(): void {
    this.valid = false;
  }

  #take(length: number): boolean {
    if (!this.valid || length > this.left) {
      this.valid = false;
      return false;
    }
    this.#at += length;
    return true;
  }
}

/** Writes fields into bytes of exactly the right length, from `at` on. */
export class FieldWriter {
  readonly bytes: Uint8Array;
  #at: number;

  constructor(length: number, at = 0) {
    this.bytes = new Uint8Array(length);
    this.#at = at;
  }

  u8(value: number): this {
    this.bytes[this.#at] = value;
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    setU16(this.bytes, this.#at, value);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    setU32(this.bytes, this.#at, value);
    this.#at += 4;
    return this;
  }

  u64(value: number): this {
    setU64(this.bytes, this.#at, value);
    this.#at += 8;
    return this;
  }

  put(value: Uint8Array): this {
    this.bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  short(value: Uint8Array): this {
    return this.u16(value.length).put(value);
  }

  long(value: Uint8Array): this {
    return this.u32(value.length).put(value);
  }
}
