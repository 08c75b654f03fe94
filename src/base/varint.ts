/**
 * Zigzag variable-length integers as Kafka's record format uses them (the encoding of Protocol Buffers' sint64): 7 bits a byte, least
 * significant group first, the high bit set on all but the last byte. Values are safe integers; beyond 32 bits plain arithmetic is used.
 */
export function varintLength(value: number): number {
  if (value >= -64 && value < 64) return 1;
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  let length = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    length++;
  }
  return length;
}

/** Writes and returns the position after the last byte. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  let position = at;
  while (rest >= 0x80) {
    bytes[position++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[position++] = rest;
  return position;
}

/** Reads integers one after another; a reader is reused so that nothing is allocated per integer. */
export class VarintReader {
  position = 0;
  /** False once an integer ran past the end or was longer than a safe integer; values read after that mean nothing. */
  valid = true;

  reset(position: number): void {
    this.position = position;
    this.valid = true;
  }

  read(bytes: Uint8Array): number {
    const first = bytes[this.position];
    if (first !== undefined && first < 0x80) {
      this.position++;
      return first & 1 ? -((first + 1) >>> 1) : first >>> 1;
    }
    // Lengths of usual records and their numbers in a batch.
    const second = bytes[this.position + 1];
    if (second !== undefined && second < 0x80) {
      this.position += 2;
      const value = ((first as number) & 0x7f) | (second << 7);
      return value & 1 ? -((value + 1) >>> 1) : value >>> 1;
    }
    return this.#readLong(bytes);
  }

  #readLong(bytes: Uint8Array): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = bytes[this.position];
      if (byte === undefined) break;
      this.position++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
      scale *= 0x80;
    }
    this.valid = false;
    return 0;
  }
}
