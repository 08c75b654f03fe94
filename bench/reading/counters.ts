/** Records in a body, counted as its parts come: the body is not kept, and no record becomes an object. */
export interface RecordCounter {
  /** Since it was made. */
  readonly records: number;
  /** Where to go on, when the body says so. */
  readonly offsetNext: number | null;
  /** Another body. */
  begin(): void;
  take(part: Buffer): void;
}

/** Walks from header to header (`src/record/record-batch.ts`): bytes after the length field at 8, record count at 57. */
export class BatchCounter implements RecordCounter {
  readonly offsetNext = null;
  readonly #header = Buffer.alloc(headerBytes);
  #headerHas = 0;
  #recordsLeft = 0;
  records = 0;

  begin(): void {
    this.#headerHas = 0;
    this.#recordsLeft = 0;
  }

  take(part: Buffer): void {
    for (let at = 0; at < part.length; ) {
      if (this.#recordsLeft > 0) {
        const taken = Math.min(this.#recordsLeft, part.length - at);
        this.#recordsLeft -= taken;
        at += taken;
        continue;
      }
      const taken = part.copy(this.#header, this.#headerHas, at, at + headerBytes - this.#headerHas);
      this.#headerHas += taken;
      at += taken;
      if (this.#headerHas < headerBytes) return;
      this.#headerHas = 0;
      this.records += this.#header.readInt32BE(57);
      this.#recordsLeft = this.#header.readInt32BE(8) + 12 - headerBytes;
    }
  }
}

const headerBytes = 61;

/** Each record of an answer in JSON begins with its offset; before the first stands where to go on. */
export class JsonCounter implements RecordCounter {
  #tail = '';
  offsetNext: number | null = null;
  records = 0;

  begin(): void {
    this.#tail = '';
    this.offsetNext = null;
  }

  take(part: Buffer): void {
    // What may be the beginning of a mark that the next part ends.
    const seam = this.#tail + part.toString('latin1', 0, markBytes - 1);
    for (let at = seam.indexOf(mark); at >= 0 && at < this.#tail.length; at = seam.indexOf(mark, at + 1)) this.records++;
    for (let at = part.indexOf(mark); at >= 0; at = part.indexOf(mark, at + markBytes)) this.records++;
    this.offsetNext ??= offsetNextIn(seam.length > part.length ? seam : part.toString('latin1', 0, 400));
    this.#tail = part.toString('latin1', Math.max(0, part.length - markBytes + 1));
  }
}

const mark = '{"offset":';
const markBytes = mark.length;

function offsetNextIn(text: string): number | null {
  const [, next] = /"offsetNext":(\d+),/.exec(text) ?? [];
  return next === undefined ? null : Number(next);
}
