/**
 * Reads HTTP/1.1 answers just enough to count them: status, length, end. One answer at a time, with a Content-Length or in chunks, as brokers give; a
 * load generator that shares the machine with what it measures can afford no more.
 */
export class ResponseScanner {
  readonly #onBody: ((part: Buffer) => void) | null;
  /** What came of a head, or of a line between chunks, that is not whole yet. */
  #partial: Buffer | null = null;
  #bodyLeft = 0;
  /** `data` is the body, or one chunk of it; `size` the line before a chunk, `gap` the end of the line behind it, `trailer` what follows the last one. */
  #state: 'head' | 'data' | 'size' | 'gap' | 'trailer' = 'head';
  #isChunked = false;
  #head = '';
  status = 0;

  constructor(onBody: ((part: Buffer) => void) | null = null) {
    this.#onBody = onBody;
  }

  /** True when the answer ends with this chunk. Throws when it cannot be understood, or when more comes than one answer. */
  scan(chunk: Buffer): boolean {
    let at = 0;
    for (;;) {
      if (this.#state === 'data') {
        const taken = Math.min(this.#bodyLeft, chunk.length - at);
        if (taken > 0) this.#onBody?.(chunk.subarray(at, at + taken));
        this.#bodyLeft -= taken;
        at += taken;
        if (this.#bodyLeft > 0) return false;
        if (!this.#isChunked) return this.#ended(chunk.length - at);
        this.#state = 'gap';
      }
      const isHead = this.#state === 'head';
      const came = this.#partial === null ? chunk.subarray(at) : Buffer.concat([this.#partial, chunk.subarray(at)]);
      const mark = isHead ? headEnd : lineEnd;
      const end = came.indexOf(mark);
      if (end < 0) {
        const max = isHead ? headBytesMax : lineBytesMax;
        if (came.length > max) throw new Error(`an answer's ${isHead ? 'head' : 'line between chunks'} has more than ${max} bytes`);
        // Whoever reads may use the chunk's memory again.
        this.#partial = Buffer.from(came);
        return false;
      }
      at += end + mark.length - (this.#partial?.length ?? 0);
      this.#partial = null;
      if (isHead) this.#readHead(came.toString('latin1', 0, end + 2));
      else if (this.#readLine(came.toString('latin1', 0, end))) return this.#ended(chunk.length - at);
    }
  }

  #ended(bytesLeft: number): true {
    if (bytesLeft > 0) throw new Error(`${bytesLeft} bytes follow an answer that nobody asked for`);
    this.#state = 'head';
    return true;
  }

  /** Of the last answer whose head was whole; the name in lower case. */
  header(name: string): string | null {
    return new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(this.#head)?.[1] ?? null;
  }

  #readHead(head: string): void {
    this.#head = head;
    this.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? Number.NaN);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#isChunked = length === undefined && /\r\ntransfer-encoding: *chunked\r/i.test(head);
    if (Number.isNaN(this.status) || (length === undefined && !this.#isChunked))
      throw new Error(`an answer without status or length: ${JSON.stringify(head.slice(0, 200))}`);
    this.#bodyLeft = Number(length ?? 0);
    this.#state = this.#isChunked ? 'size' : 'data';
  }

  /** A line between chunks, without its end. True for the last of the answer. */
  #readLine(line: string): boolean {
    if (this.#state === 'trailer') return line === '';
    if (this.#state === 'gap') {
      if (line !== '') throw new Error(`an answer's chunk is longer than it says: ${JSON.stringify(line.slice(0, 200))}`);
      this.#state = 'size';
      return false;
    }
    const size = /^([0-9a-f]{1,8})(?:;|$)/i.exec(line)?.[1];
    if (size === undefined) throw new Error(`an answer's chunk without a size: ${JSON.stringify(line.slice(0, 200))}`);
    this.#bodyLeft = Number.parseInt(size, 16);
    this.#state = this.#bodyLeft === 0 ? 'trailer' : 'data';
    return false;
  }
}

const headEnd = Buffer.from('\r\n\r\n');
const headBytesMax = 64 * 1024;
const lineEnd = Buffer.from('\r\n');
const lineBytesMax = 1024;
