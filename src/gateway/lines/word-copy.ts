const wordBytes = 8;
/** From here on the machine's own copy is worth its call. */
const longBytes = 1024;

/**
 * Copies short pieces of a few large buffers into one other. A line is some dozen bytes: a call of `set` or `copy` costs more than they do, and so does a
 * byte at a time; by words of eight it costs a tenth of the whole line. The last word of a piece may overlap the one before it.
 */
export class WordCopy {
  #source: Uint8Array = new Uint8Array(0);
  #sourceView = viewOf(this.#source);
  readonly #target: Uint8Array;
  readonly #targetView: DataView;

  constructor(target: Uint8Array) {
    this.#target = target;
    this.#targetView = viewOf(target);
  }

  /** Returns where the piece ends in the target. */
  copy(source: Uint8Array, from: number, to: number, at: number): number {
    const target = this.#target;
    const length = to - from;
    const end = at + length;
    if (length < wordBytes) {
      for (let i = from; i < to; i++) target[at++] = source[i] as number;
      return end;
    }
    if (length >= longBytes) {
      target.set(source.subarray(from, to), at);
      return end;
    }
    if (source !== this.#source) {
      this.#source = source;
      this.#sourceView = viewOf(source);
    }
    const sourceView = this.#sourceView;
    const targetView = this.#targetView;
    const last = to - wordBytes;
    // Not floats: a NaN need not keep its bits.
    for (let i = from; i < last; i += wordBytes, at += wordBytes) targetView.setBigInt64(at, sourceView.getBigInt64(i));
    targetView.setBigInt64(end - wordBytes, sourceView.getBigInt64(last));
    return end;
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
