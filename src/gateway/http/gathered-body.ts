import { assert } from '../../base/assert.ts';
import { frameHeaderBytes, leaveRoom } from '../../record/index.ts';
import { type BodiesInFlight, uncountedBytes } from './bodies.ts';

const firstBytes = 16 * 1024;
const smallBytes = 256 * 1024;
const blockBytesMax = 256 * 1024;

/**
 * The pieces of a body, copied together as they come: a piece of one byte holds many times its size. They go into blocks, which are joined once, when the body
 * is whole: one that grows is not copied, however many grow at once. With room in front: the body may be a batch.
 */
export class GatheredBody {
  readonly #bytesMax: number;
  readonly #bodies: BodiesInFlight;
  /** All but the last are full. The first has the room in front. */
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  /** Of the last block. */
  #free = new Uint8Array(0);
  #capacity = 0;
  #length = 0;
  #held = 0;

  /** @param bytesMax it gets no longer than this */
  constructor(bytesMax: number, bodies: BodiesInFlight) {
    this.#bytesMax = bytesMax;
    this.#bodies = bodies;
  }

  /** Bytes of `bodies`, to be given back. */
  get held(): number {
    return this.#held;
  }

  /** False where the broker has no room for it. */
  add(chunk: Uint8Array): boolean {
    for (let rest = chunk; rest.length > 0; ) {
      if (this.#free.length === 0 && !this.#grow(rest.length)) return false;
      const part = rest.subarray(0, this.#free.length);
      this.#free.set(part);
      this.#free = this.#free.subarray(part.length);
      this.#length += part.length;
      rest = rest.subarray(part.length);
    }
    return true;
  }

  /** In one piece of memory, which is not much larger. Called once, after the last piece. */
  bytes(): Uint8Array {
    const size = frameHeaderBytes + this.#length;
    const [first] = this.#blocks;
    const isWhole = first !== undefined && this.#blocks.length === 1 && size * 4 >= first.length * 3;
    return leaveRoom(isWhole ? first : this.#joined(size)).subarray(0, this.#length);
  }

  #joined(size: number): Uint8Array {
    const whole = memoryOf(size);
    let to = 0;
    for (const block of this.#blocks.splice(0)) {
      const part = block.subarray(0, size - to);
      whole.set(part, to);
      to += part.length;
      // At once: with the whole, all of it would be there twice.
      block.buffer.transfer(0);
    }
    return whole;
  }

  #grow(least: number): boolean {
    // One that is not much larger is laid out at once; others get as much again as they have.
    const atFirst = this.#bytesMax <= smallBytes ? this.#bytesMax : firstBytes;
    const wanted = this.#capacity > 0 ? Math.min(this.#capacity, blockBytesMax) : atFirst;
    const bytes = Math.min(this.#bytesMax - this.#capacity, Math.max(least, wanted));
    assert(bytes > 0, 'a body is no longer than was said');
    const held = Math.max(0, this.#capacity + bytes - uncountedBytes);
    if (!this.#bodies.take(held - this.#held)) return false;
    this.#held = held;
    this.#capacity += bytes;
    const room = this.#blocks.length === 0 ? frameHeaderBytes : 0;
    const block = memoryOf(room + bytes);
    this.#blocks.push(block);
    this.#free = block.subarray(room);
    return true;
  }
}

const memoryOf = (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
