/**
 * Reads HTTP/1.1 answers just enough to count them: status, length, end. One answer at a time, each with a Content-Length, as brokers give; a load
 * generator that shares the machine with what it measures can afford no more.
 */
export class ResponseScanner {
  readonly #onBody: ((part: Buffer) => void) | null;
  /** What came of a head that is not whole yet. */
  #partialHead: Buffer | null = null;
  #bodyLeft = 0;
  #isInBody = false;
  #head = '';
  status = 0;

  constructor(onBody: ((part: Buffer) => void) | null = null) {
    this.#onBody = onBody;
  }

  /** True when the answer ends with this chunk. Throws when it cannot be understood, or when more comes than one answer. */
  scan(chunk: Buffer): boolean {
    let at = 0;
    if (!this.#isInBody) {
      const came = this.#partialHead === null ? chunk : Buffer.concat([this.#partialHead, chunk]);
      const end = came.indexOf(headEnd);
      if (end < 0) {
        if (came.length > headBytesMax) throw new Error(`an answer's head has more than ${headBytesMax} bytes`);
        // Whoever reads may use the chunk's memory again.
        this.#partialHead = Buffer.from(came);
        return false;
      }
      at = end + headEnd.length - (came.length - chunk.length);
      this.#readHead(came.toString('latin1', 0, end + 2));
      this.#partialHead = null;
    }
    const taken = Math.min(this.#bodyLeft, chunk.length - at);
    if (taken > 0) this.#onBody?.(chunk.subarray(at, at + taken));
    this.#bodyLeft -= taken;
    if (at + taken < chunk.length) throw new Error(`${chunk.length - at - taken} bytes follow an answer that nobody asked for`);
    this.#isInBody = this.#bodyLeft > 0;
    return !this.#isInBody;
  }

  /** Of the last answer whose head was whole; the name in lower case. */
  header(name: string): string | null {
    return new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(this.#head)?.[1] ?? null;
  }

  #readHead(head: string): void {
    this.#head = head;
    this.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? Number.NaN);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (Number.isNaN(this.status) || length === undefined)
      throw new Error(`an answer without status or Content-Length: ${JSON.stringify(head.slice(0, 200))}`);
    this.#bodyLeft = Number(length);
    this.#isInBody = true;
  }
}

const headEnd = Buffer.from('\r\n\r\n');
const headBytesMax = 64 * 1024;
