import type { Socket } from 'node:net';
import { LogError } from '../../eventlog/index.ts';
import type { Reply } from './actions.ts';
import { decodeRequest, invalidAction, invalidJson, type WireRequest } from './request.ts';
import { RequestScanner } from './scanner.ts';
import type { WireSettings } from './settings.ts';
import { shownLengthMax, type Transcript } from './transcript.ts';

/** What a connection needs of its gateway. */
export interface ConnectionContext {
  readonly settings: WireSettings;
  readonly transcript: Transcript;
  readonly perform: (request: WireRequest, connection: Connection) => Promise<Reply>;
  /** Of requests and answers, all connections. */
  readonly held: HeldBytes;
  readonly closed: (connection: Connection) => void;
}

/** Bytes that all connections hold together. */
export class HeldBytes {
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#count > this.#max;
  }

  add(count: number): void {
    this.#count += count;
  }
}

const overloaded = 'Cannot take the request: too much is asked of this node at once, try again';

/** Errors that are no answer: the node is about to be gone, and a client that hears nothing goes to a neighbour. */
const silentCodes: ReadonlySet<string> = new Set(['crashed', 'shuttingDown']);

/** One connection: one request, one answer, then it is closed. */
export class Connection {
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #scanner = new RequestScanner();
  #chunks: Buffer[] = [];
  #bytes = 0;
  #heldBytes = 0;
  #isWhole = false;
  #isClosed = false;
  #timer: NodeJS.Timeout;

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#timer = setTimeout(() => this.#refuse(), context.settings.requestTimeoutMs);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('end', () => this.#ended());
    // A reset is the end of a connection like any other; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#close());
  }

  /** Its request has come, or will not be waited for. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    // Whatever follows a request is read and dropped: bytes that nobody has read would make the system reset the connection, and the answer would be lost.
    if (this.#isWhole) return;
    const { settings, held } = this.#context;
    const end = this.#scanner.scan(chunk);
    const part = typeof end === 'number' ? chunk.subarray(0, end) : chunk;
    this.#chunks.push(part);
    this.#bytes += part.length;
    this.#hold(part.length);
    if (end === 'never' || this.#bytes > settings.requestBytesMax) this.#refuse();
    else if (held.isFull) void this.#answer(this.#take(), () => Promise.resolve(overloaded));
    else if (end !== 'more') this.#handle(this.#take());
  }

  /** The client has nothing more to say. */
  #ended(): void {
    if (this.#isWhole) return;
    if (this.#bytes > 0) this.#refuse();
    else this.#socket.end();
  }

  /** The request as far as it came; from now on nothing more is taken. */
  #take(): Buffer {
    clearTimeout(this.#timer);
    this.#isWhole = true;
    const request = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [];
    return request;
  }

  /** What is no request, too long or too late. */
  #refuse(): void {
    void this.#answer(this.#take(), () => Promise.resolve(invalidJson));
  }

  #handle(bytes: Buffer): void {
    const request = decodeRequest(bytes);
    if (request === 'invalidJson') void this.#answer(bytes, () => Promise.resolve(invalidJson));
    else if (request === 'invalidAction') void this.#answer(bytes, () => Promise.resolve(invalidAction));
    else void this.#answer(bytes, () => this.#context.perform(request, this));
  }

  async #answer(request: Buffer, perform: () => Promise<Reply>): Promise<void> {
    const { settings, transcript } = this.#context;
    transcript.received(request);
    let reply: Reply;
    try {
      reply = await perform();
    } catch (error) {
      // A defect is nobody's answer.
      if (!(error instanceof LogError)) throw error;
      if (silentCodes.has(error.code)) return this.destroy();
      reply = error.message;
    }
    if (this.#isClosed) return transcript.say('The client has gone before it was answered');
    this.#timer = setTimeout(() => this.destroy(), settings.answerTimeoutMs);
    this.#socket.setTimeout(settings.answerIdleMs, () => this.destroy());
    if (typeof reply !== 'string') return await this.#writeParts(reply);
    transcript.answered(reply);
    this.#hold(reply.length);
    this.#socket.end(reply);
  }

  /** The next part is asked for when the one before it has left. */
  async #writeParts(parts: AsyncGenerator<string>): Promise<void> {
    const { held, transcript } = this.#context;
    let begin = '';
    let length = 0;
    try {
      for await (const part of parts) {
        if (begin.length < shownLengthMax) begin += part.slice(0, shownLengthMax);
        length += part.length;
        this.#hold(part.length);
        await new Promise<void>((resolve) => void this.#socket.write(part, () => resolve()));
        if (this.#isClosed) return transcript.say('The client has gone before it had the whole answer');
        // Without its end nobody takes it for whole.
        if (held.isFull) return this.destroy();
        this.#hold(-part.length);
      }
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      transcript.say(`The answer ends before its end: ${error.message}`);
      return this.destroy();
    }
    transcript.answered(begin, length);
    this.#socket.end();
  }

  #hold(bytes: number): void {
    if (this.#isClosed) return;
    this.#heldBytes += bytes;
    this.#context.held.add(bytes);
  }

  #close(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#hold(-this.#heldBytes);
    this.#isClosed = true;
    this.#isWhole = true;
    this.#chunks = [];
    this.#context.closed(this);
  }
}
