import { Buffer } from 'node:buffer';
import type net from 'node:net';
import { codedError } from './dial.ts';
import type { HttpAnswer } from './http-answer.ts';
import { HttpBody } from './http-body.ts';

/** Who asked, and is told once. */
export interface Waiting {
  readonly answered: (answer: HttpAnswer) => void;
  readonly failed: (error: Error) => void;
}

/** The largest answer taken: a read gives at most one batch more than it was asked for. */
const answerBytesMax = 64 * 1024 * 1024;
/** A shorter body is copied behind its head, so that both leave in one write. */
const joinedBytesMax = 16 * 1024;
/** Of the memory that a connection reads into, again and again: one of its own for each read costs more than what is done with a short answer. */
const readBytes = 64 * 1024;
/** A server that says for how long it keeps a silent connection is not asked over it in the last moment. */
const marginMs = 1000;

/**
 * One connection of HTTP/1.1, with one request on its way at a time. It is kept for the next one where the answer has come whole and the server keeps it too.
 * Not by `node:http`, which needs seven times the processor time for a small request.
 */
export class HttpConnection {
  readonly #socket: net.Socket;
  readonly #onIdle: (connection: HttpConnection) => void;
  #waiting: Waiting | null = null;
  #body: HttpBody | null = null;
  #status = 0;
  #head = '';
  #pieces: Buffer[] = [];
  #bytes = 0;
  #idleUntilMs = 0;
  /** With TLS where that is asked for: before, nothing can have been done. */
  isEstablished = false;

  constructor(
    open: (onread: net.OnReadOpts) => net.Socket,
    isSecure: boolean,
    onIdle: (connection: HttpConnection) => void,
    onClosed: (connection: HttpConnection) => void,
  ) {
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    const callback = (length: number): boolean => {
      this.#take(buffer.subarray(0, length));
      return true;
    };
    const socket = open({ buffer, callback });
    this.#socket = socket;
    this.#onIdle = onIdle;
    socket.once(isSecure ? 'secureConnect' : 'connect', () => (this.isEstablished = true));
    socket.on('error', (error) => this.destroy(error));
    socket.on('end', () => this.#ended());
    socket.on('close', () => {
      this.#ended();
      onClosed(this);
    });
  }

  /** Whether it may be used: it is as the last answer left it, and the server has not begun to close it. */
  get isUsable(): boolean {
    return !this.#socket.destroyed && this.#socket.readyState === 'open' && performance.now() < this.#idleUntilMs;
  }

  /** @param head in Latin-1, with the empty line behind it */
  ask(head: string, body: Uint8Array | undefined, waiting: Waiting): void {
    const socket = this.#socket;
    this.#waiting = waiting;
    this.#pieces = [];
    this.#bytes = 0;
    const answer = new HttpBody({
      status: (status, lines) => {
        this.#status = status;
        this.#head = lines;
        // Where its length is known, what is read goes to its place at once.
        if (answer.left <= answerBytesMax) this.#pieces.push(Buffer.allocUnsafe(answer.left));
      },
      body: (piece) => this.#hold(piece),
    });
    this.#body = answer;
    socket.ref();
    if (body === undefined) socket.write(head, 'latin1');
    else if (body.length <= joinedBytesMax) {
      const bytes = Buffer.allocUnsafe(head.length + body.length);
      bytes.write(head, 0, 'latin1');
      bytes.set(body, head.length);
      socket.write(bytes);
    } else {
      socket.cork();
      socket.write(head, 'latin1');
      socket.write(body);
      socket.uncork();
    }
  }

  /** Whoever waits is told so. */
  destroy(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#socket.destroy();
    waiting?.failed(error);
  }

  #hold(piece: Buffer): undefined {
    const [whole] = this.#pieces;
    if (whole !== undefined && this.#bytes + piece.length <= whole.length) whole.set(piece, this.#bytes);
    else this.#pieces.push(Buffer.from(piece));
    this.#bytes += piece.length;
  }

  #take(chunk: Buffer): void {
    const body = this.#body;
    // Nobody asked.
    if (body === null || this.#waiting === null) return this.destroy(codedError('ECONNRESET', 'it says what nobody asked'));
    void body.take(chunk);
    if (body.problem !== null) return this.destroy(new Error(body.problem));
    if (this.#bytes > answerBytesMax) return this.destroy(new Error(`the answer is larger than ${answerBytesMax} bytes`));
    if (body.isWhole) this.#finish(!body.isFollowed);
  }

  #ended(): void {
    if (this.#waiting === null) {
      this.#socket.destroy();
      return;
    }
    if (this.#body?.endsWithConnection === true) return this.#finish(false);
    const hasBegun = this.#status > 0 && this.#bytes > 0;
    const reason = hasBegun ? 'the connection was closed in the middle of the answer' : 'the connection broke before the answer came';
    this.destroy(new Error(reason));
  }

  #finish(mayBeKept: boolean): void {
    const waiting = this.#waiting as Waiting;
    const answer = new Answer(
      this.#status,
      this.#head,
      this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces),
    );
    this.#waiting = null;
    this.#body = null;
    this.#pieces = [];
    this.#status = 0;
    // A server that answers before it has taken all of the body will not read on.
    if (!mayBeKept || /\r\nconnection:[ \t]*close/i.test(this.#head) || this.#socket.writableLength > 0) this.#socket.destroy();
    else {
      const [, seconds] = /\r\nkeep-alive:[^\r]*\btimeout=(\d{1,9})/i.exec(this.#head) ?? [];
      this.#idleUntilMs = seconds === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(seconds) * 1000 - marginMs;
      // A program that has nothing else to do may end.
      this.#socket.unref();
      this.#onIdle(this);
    }
    waiting.answered(answer);
  }
}

class Answer implements HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  readonly #head: string;
  #headers: Readonly<Record<string, string>> | null = null;

  constructor(status: number, head: string, body: Uint8Array) {
    this.status = status;
    this.#head = head;
    this.body = body;
  }

  /** By names in lower case; a name that comes twice has both values with a comma between. Few answers are asked for them. */
  get headers(): Readonly<Record<string, string>> {
    return (this.#headers ??= this.#readHeaders());
  }

  #readHeaders(): Readonly<Record<string, string>> {
    const headers = Object.create(null) as Record<string, string>;
    for (const line of this.#head.split('\r\n')) {
      const at = line.indexOf(':');
      if (at <= 0) continue;
      const name = line.slice(0, at).toLowerCase();
      const value = line.slice(at + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    return headers;
  }
}
