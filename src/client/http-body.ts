/** Finds head and body in the bytes of an HTTP/1.1 answer: a body of known length, in chunks, or up to the end of the connection. */
import { Buffer } from 'node:buffer';

interface BodyHandlers {
  /** `head`: the lines of the head behind the first, as they came, as Latin-1. */
  readonly status: (status: number, head: string) => void;
  readonly body: (piece: Buffer) => Promise<void> | undefined;
}

const headBytesMax = 64 * 1024;
const headEnd = '\r\n\r\n';
/** A length and its extensions. */
const chunkHeadBytesMax = 1024;

type Place = 'head' | 'body' | 'chunkHead' | 'chunk' | 'chunkEnd' | 'trailer' | 'whole';

export class HttpBody {
  readonly #handlers: BodyHandlers;
  #place: Place = 'head';
  /** The beginning of a head, of a chunk or of the whole answer, that has not come whole. */
  #held = '';
  /** Of the body or the chunk; infinite up to the end of the connection. */
  #left = 0;
  /** Why it is no answer of HTTP, as the end of a sentence. */
  problem: string | null = null;

  constructor(handlers: BodyHandlers) {
    this.#handlers = handlers;
  }

  get isWhole(): boolean {
    return this.#place === 'whole';
  }

  /** Bytes came behind the end of the answer. */
  isFollowed = false;

  /** Of the body as far as it is known, or of the chunk. */
  get left(): number {
    return this.#left;
  }

  get endsWithConnection(): boolean {
    return this.#place === 'body' && this.#left === Number.POSITIVE_INFINITY;
  }

  /** Where a promise is given the rest of the bytes is looked at when it is kept; they must not change before. */
  take(bytes: Buffer): Promise<void> | undefined {
    let rest = bytes;
    while (rest.length > 0 && this.problem === null && this.#place !== 'whole') {
      if (this.#place !== 'body' && this.#place !== 'chunk') {
        rest = this.#takeText(rest);
        continue;
      }
      const piece = this.#left < rest.length ? rest.subarray(0, this.#left) : rest;
      this.#left -= piece.length;
      rest = rest.subarray(piece.length);
      if (this.#left === 0) this.#place = this.#place === 'body' ? 'whole' : 'chunkEnd';
      const wait = this.#handlers.body(piece);
      const left = rest;
      if (wait !== undefined) return wait.then(() => this.take(left));
    }
    if (rest.length > 0 && this.#place === 'whole') this.isFollowed = true;
    return undefined;
  }

  /** Heads and the lines between chunks. */
  #takeText(bytes: Buffer): Buffer {
    const end = this.#place === 'head' ? headEnd : '\r\n';
    const max = this.#place === 'head' ? headBytesMax : chunkHeadBytesMax;
    const held = this.#held.length;
    this.#held += bytes.toString('latin1', 0, max);
    const at = this.#held.indexOf(end);
    if (at < 0) {
      if (this.#held.length >= max) this.problem = 'it does not speak HTTP, or wants https';
      return bytes.subarray(Math.min(bytes.length, max));
    }
    const text = this.#held.slice(0, at);
    this.#held = '';
    if (this.#place === 'head') this.#readHead(text);
    else this.#readChunkLine(text);
    return bytes.subarray(at + end.length - held);
  }

  #readHead(text: string): void {
    const [, digits] = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(text) ?? [];
    if (digits === undefined) {
      this.problem = 'it does not speak HTTP, or wants https';
      return;
    }
    const status = Number(digits);
    // "100 Continue" and the like come before the answer.
    if (status < 200) return;
    const [, length] = /\r\ncontent-length:[ \t]*([^\r]*?)[ \t]*(?:\r|$)/i.exec(text) ?? [];
    if (/\r\ntransfer-encoding:[ \t]*chunked[ \t]*(?:\r|$)/i.test(text)) this.#place = 'chunkHead';
    else {
      const hasNone = status === 204 || status === 304;
      this.#left = hasNone ? 0 : length === undefined ? Number.POSITIVE_INFINITY : /^\d+$/.test(length) ? Number(length) : Number.NaN;
      this.#place = this.#left === 0 ? 'whole' : 'body';
    }
    if (Number.isNaN(this.#left)) this.problem = 'it does not speak HTTP, or wants https';
    const lines = text.indexOf('\r\n');
    this.#handlers.status(status, lines < 0 ? '' : text.slice(lines));
  }

  #readChunkLine(text: string): void {
    if (this.#place === 'chunkEnd') this.#place = 'chunkHead';
    else if (this.#place === 'trailer') this.#place = text === '' ? 'whole' : 'trailer';
    else {
      this.#left = /^[0-9a-f]+/i.test(text) ? Number.parseInt(text, 16) : Number.NaN;
      if (Number.isNaN(this.#left)) this.problem = 'its answer cannot be read';
      this.#place = this.#left === 0 ? 'trailer' : 'chunk';
    }
  }
}
