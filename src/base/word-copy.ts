import { noBytes, viewOf } from './bytes.ts';

const noView = viewOf(noBytes);
const wordBytes = 8;
/** Where the machine's own copy is worth its call: of a buffer seen for the first time, and of any. */
const longBytesOnce = 64;
const longBytes = 1024;

/**
 * Copies short pieces of a few large buffers into one other. A line is some dozen bytes: a call of `set` or `copy` costs more than they do, and so does a
 * byte at a time; by words of eight it costs a tenth of the whole line. The last word of a piece may overlap the one before it.
 */
export class WordCopy {
  /** The two sources used last, such as the lines of a read and the name that is put into each, and the views of them. */
  #source: Uint8Array = noBytes;
  #view = noView;
  #otherSource: Uint8Array = noBytes;
  #otherView = noView;
  /** Two that were used once: a view is made for the second time, as many buffers are used but once. */
  #candidate: Uint8Array = noBytes;
  #otherCandidate: Uint8Array = noBytes;
  readonly #target: Uint8Array;
  readonly #targetView: DataView;

  constructor(target: Uint8Array) {
    this.#target = target;
    this.#targetView = viewOf(target);
  }

  /** Returns where the piece ends in the target. */
  copy(source: Uint8Array, from: number, to: number, at: number): number {
    const length = to - from;
    const end = at + length;
    if (length < wordBytes || length >= longBytes) return this.#copyPlainly(source, from, to, at);
    const sourceView = source === this.#source ? this.#view : source === this.#otherSource ? this.#otherView : this.#look(source);
    if (sourceView === null) return this.#copyPlainly(source, from, to, at);
    const targetView = this.#targetView;
    const last = to - wordBytes;
    // Not floats: a NaN need not keep its bits.
    for (let i = from; i < last; i += wordBytes, at += wordBytes) targetView.setBigInt64(at, sourceView.getBigInt64(i));
    targetView.setBigInt64(end - wordBytes, sourceView.getBigInt64(last));
    return end;
  }

  /** Lets go of the sources. */
  forget(): void {
    this.#source = this.#otherSource = this.#candidate = this.#otherCandidate = noBytes;
    this.#view = this.#otherView = noView;
  }

  #copyPlainly(source: Uint8Array, from: number, to: number, at: number): number {
    const target = this.#target;
    const end = at + (to - from);
    if (to - from >= longBytesOnce) target.set(source.subarray(from, to), at);
    else for (let i = from; i < to; i++) target[at++] = source[i] as number;
    return end;
  }

  #look(source: Uint8Array): DataView | null {
    if (source !== this.#candidate && source !== this.#otherCandidate) {
      this.#otherCandidate = this.#candidate;
      this.#candidate = source;
      return null;
    }
    this.#otherSource = this.#source;
    this.#otherView = this.#view;
    this.#source = source;
    this.#view = viewOf(source);
    return this.#view;
  }
}
