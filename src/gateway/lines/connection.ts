import type { Socket } from 'node:net';
import { formatHostPort } from '../../base/host-port.ts';
import type { Diagnostics } from './diagnostics.ts';
import { EventReader } from '../../ingest/event.ts';
import type { SessionPlace, SessionStream, TopicStore } from '../../ingest/index.ts';
import { LineSplitter } from '../../ingest/line-splitter.ts';
import { type AgentAnswer, type AgentCauses, lifeOfConnection } from '../../clocks/agent-causes.ts';
import { lineStampBytes } from '../../clocks/line-stamp.ts';
import { type Hello, helloBytesMax, parseHello } from './hello.ts';
import type { LineSink, LineSource } from './line-sink.ts';
import { SessionStamps } from './session-stamps.ts';
import type { LineSettings } from './settings.ts';
import type { UnfinishedLines } from './unfinished-lines.ts';

/** What a connection needs of its gateway. */
export interface ConnectionContext {
  readonly settings: LineSettings;
  readonly sink: LineSink | null;
  readonly store: TopicStore | null;
  readonly diagnostics: Diagnostics;
  readonly unfinished: UnfinishedLines;
  /** Of agents with acknowledgements. */
  readonly causes: AgentCauses;
  /** The wall clock, seconds since 1970, fine enough for tenths of a millisecond. */
  readonly nowS: () => number;
  /** It has said its name. */
  named(connection: Connection): void;
  closed(connection: Connection): void;
  /**
   * Takes over a session: a connection that had it before is closed. False when another agent has taken it from this life of its agent (null: not known), and
   * both cannot have it.
   */
  takeSession(session: string, connection: Connection, life: number | null): boolean;
  /** Lines of a session below this number have been given to the sink by this process. */
  givenTo(session: string): number;
  setGivenTo(session: string, sequence: number): void;
}

const newline = 0x0a;
/** How often an agent that waits for its topic hears that we are there. */
const waitEveryMs = 500;
/** How often every spooling agent hears it: silence means that the connection is dead. */
const liveEveryMs = 5_000;
const askAgainMs = 200;
/** Answers that the agent does not take are not heaped up: a later one says more. */
const answerBytesMax = 16 * 1024;
const tooEarly = 'it sent lines before it was told where to begin';

const reader = new EventReader();

/** One connection: first its name, then lines. A spooling agent gets its lines acknowledged (docs/decisions/0008). */
export class Connection {
  readonly id: number;
  readonly address: string;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #acceptedS: number;
  #splitter: LineSplitter;
  #hello: Buffer | null = null;
  #helloBytes = 0;
  #source: LineSource | null = null;
  #session: {
    readonly id: string;
    /** Null in `cairn/1`. */
    readonly stamps: SessionStamps | null;
    stream: SessionStream | null;
    sequence: number;
    stored: number;
    told: number;
  } | null = null;
  #waitTimer: NodeJS.Timeout | null = null;
  #nameTimer: NodeJS.Timeout | null;
  #askTimer: NodeJS.Timeout | null = null;
  #isClosed = false;
  #hasToldCut = false;

  constructor(id: number, socket: Socket, context: ConnectionContext) {
    this.id = id;
    this.address = addressOf(socket);
    this.#socket = socket;
    this.#context = context;
    this.#acceptedS = context.nowS();
    this.#splitter = new LineSplitter(context.settings.lineBytesMax, (bytes, from, to) => this.#line(bytes, from, to));
    context.sink?.accepted(this.#acceptedS);
    const { nameTimeoutMs } = context.settings;
    this.#nameTimer = setTimeout(() => this.#refuse(`it gave no name in ${nameTimeoutMs / 1000} s`), nameTimeoutMs);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('drain', () => this.#tellStored());
    // A reset is the end of a connection like any other; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#close());
  }

  get isNamed(): boolean {
    return this.#source !== null;
  }

  /** For diagnostics, where what others sent is escaped by whoever prints it. */
  get #nameText(): string {
    return this.#source?.nameText ?? 'a connection without a name';
  }

  /** Of an agent that sends stamps. */
  get stamps(): SessionStamps | null {
    return this.#session?.stamps ?? null;
  }

  get sessionId(): string | null {
    return this.#session?.id ?? null;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    const { sink } = this.#context;
    sink?.received(chunk.length);
    let from = 0;
    if (this.#source === null) {
      from = this.#takeHello(chunk);
      if (this.#source === null) return;
      sink?.receivedFrom(this.#source, this.#helloBytes + chunk.length);
    } else {
      sink?.receivedFrom(this.#source, chunk.length);
    }
    // An agent sends no event before it is told where to begin; with stamps it answers.
    if (this.#session !== null && this.#session.stream === null && this.#session.stamps === null) {
      if (from < chunk.length) this.#end(tooEarly);
      return;
    }
    this.#splitter.push(chunk, from);
    this.#endOfRead();
    if (!this.#isClosed) this.#context.unfinished.note(this, this.#splitter.heldBytes);
  }

  /** There is no more room for unfinished lines. An agent will send its line again. */
  cutLine(): void {
    if (this.#session !== null) return this.#end('unfinished lines take more memory than they may');
    this.#splitter.cut();
    this.#endOfRead();
  }

  /** Collects the first line. Gives where the rest of the chunk begins once the name is known. */
  #takeHello(chunk: Buffer): number {
    const end = chunk.indexOf(newline);
    const taken = end === -1 ? chunk.length : end;
    if (this.#helloBytes + taken > helloBytesMax) {
      this.#refuse(`its first line is longer than ${helloBytesMax} bytes`);
      return chunk.length;
    }
    const part = chunk.subarray(0, taken);
    const line = this.#hello === null ? part : Buffer.concat([this.#hello, part]);
    if (end === -1) {
      // At most 512 bytes, so joining is cheap; a copy, since the chunk is a part of something larger.
      this.#hello = Buffer.from(line);
      this.#helloBytes += chunk.length;
      return chunk.length;
    }
    this.#hello = null;
    this.#begin(parseHello(line));
    return end + 1;
  }

  #begin(hello: Hello): void {
    const { sink, store, diagnostics } = this.#context;
    if (hello.kind === 'refused') return this.#refuse(hello.reason);
    const nameText = Buffer.from(hello.name).toString('utf8');
    if (hello.kind === 'session' && store === null) {
      diagnostics.tell(
        'noAcknowledgement',
        `Closed the connection of ${nameText} (${this.address}): it keeps a spool and wants acknowledgements, which only a logger with --topic can give`,
      );
      return this.#destroyQuietly();
    }
    if (this.#nameTimer !== null) clearTimeout(this.#nameTimer);
    this.#nameTimer = null;
    this.#source = { id: this.id, name: hello.name, nameText, address: this.address, acceptedS: this.#acceptedS };
    this.#context.named(this);
    sink?.connected(this.#source);
    if (hello.kind === 'session') this.#beginSession(hello.session, hello.sequence, hello.connection);
  }

  #line(bytes: Uint8Array, from: number, to: number): void {
    const source = this.#source as LineSource;
    const { sink, store } = this.#context;
    const session = this.#session;
    // What a connection had brought before it was ended is of no use.
    if (session !== null && this.#socket.destroyed) return;
    if (session !== null && session.stamps !== null) {
      const what = session.stamps.take(bytes, from, to);
      if (what === null) return this.#end('it sent something else where a stamp belongs');
      if (what === 'stamp') return;
      if (session.stream === null) return this.#end(tooEarly);
    }
    reader.read(bytes, from, to);
    if (session === null) {
      sink?.event(source, bytes, from, to, reader.seconds, reader.timeTo);
      store?.addPlain(source, bytes, from, to, reader.seconds);
      return;
    }
    const isGiven = session.sequence < this.#context.givenTo(session.id);
    session.sequence++;
    if (!isGiven && sink !== null) {
      sink.event(source, bytes, from, to, reader.seconds, reader.timeTo);
      this.#context.setGivenTo(session.id, session.sequence);
    }
    session.stream?.add(source, bytes, from, to, reader.seconds);
  }

  #endOfRead(): void {
    const { sink, store, diagnostics, settings } = this.#context;
    sink?.flush();
    if (this.#splitter.cutCount > 0 && !this.#hasToldCut) {
      this.#hasToldCut = true;
      const why = `it is longer than ${settings.lineBytesMax} bytes, or unfinished lines take more memory than they may`;
      diagnostics.tell('cut', `Cut a line of ${this.#nameText} (${this.address}): ${why}`);
    }
    const stream = this.#session?.stream ?? null;
    if (stream !== null) {
      stream.flush();
      if (stream.isFull) this.#socket.pause();
    } else if (store !== null && this.#source !== null && this.#session === null) {
      store.flushPlain(this.#source);
      if (store.makesWait && store.isFull) {
        this.#socket.pause();
        store.whenRoom(() => this.#socket.resume());
      }
    }
  }

  #beginSession(id: string, sequenceFrom: number, connection: number | null): void {
    const { causes, nowS, settings } = this.#context;
    const wallMs = (): number => Math.floor(nowS() * 1000);
    const stamps = connection === null ? null : new SessionStamps(causes, this.#nameText, connection, wallMs);
    this.#session = { id, stamps, stream: null, sequence: 0, stored: 0, told: 0 };
    if (stamps !== null && settings.lineBytesMax < lineStampBytes) {
      // Stamps are not cut.
      this.#splitter = new LineSplitter(lineStampBytes, (bytes, from, to) => this.#line(bytes, from, to));
    }
    if (!this.#context.takeSession(id, this, connection === null ? null : lifeOfConnection(connection))) {
      const reason = 'another agent has gone on with this session: the spool of one of them is a copy';
      this.#say('no', reason);
      this.#context.diagnostics.tell('session', `Closed the session of ${this.#nameText} (${this.address}): ${reason}`);
      this.#socket.end();
      return;
    }
    this.#say('wait');
    this.#waitTimer = setInterval(() => this.#say('wait'), waitEveryMs);
    this.#askWhereToBegin(id, sequenceFrom);
  }

  #askWhereToBegin(id: string, sequenceFrom: number): void {
    const store = this.#context.store as TopicStore;
    store.placeOf(id, this.#source as LineSource, (outcome) => {
      if (this.#isClosed) return;
      if (outcome.ok) {
        this.#startSession(outcome.value, sequenceFrom);
        return;
      }
      // Whatever it is, the agent's events are safe in its spool: it is told to wait.
      store.noteTrouble(outcome.error);
      this.#askTimer = setTimeout(() => this.#askWhereToBegin(id, sequenceFrom), askAgainMs);
    });
  }

  #startSession(place: SessionPlace, sequenceFrom: number): void {
    const session = this.#session;
    if (this.#isClosed || session === null) return;
    this.#stopWaiting();
    const { store, diagnostics } = this.#context;
    const { sequence } = place;
    if (sequence < sequenceFrom) {
      const reason = `the topic knows ${sequence} events of this session, and ${sequenceFrom} were acknowledged`;
      this.#say('no', reason);
      diagnostics.tell('session', `Closed the session of ${this.#nameText} (${this.address}): ${reason}`);
      this.#socket.end();
      return;
    }
    session.sequence = sequence;
    session.stored = sequence;
    session.told = sequence;
    session.stream = (store as TopicStore).openSession(session.id, place, {
      stored: (next) => {
        session.stored = next;
        this.#tellStored();
        if (this.#socket.isPaused() && session.stream?.isFull === false) this.#socket.resume();
      },
      failed: (error) => this.#end(error.message),
    });
    this.#say('ok', sequence);
    this.#waitTimer = setInterval(() => this.#sayAlive(session.told), liveEveryMs);
  }

  #tellStored(): void {
    const session = this.#session;
    if (session === null || session.stored === session.told || this.#socket.writableLength > answerBytesMax) return;
    session.told = session.stored;
    this.#say('ok', session.stored);
  }

  /** An agent that is not read, because the topic is full, does not answer either; it is told all the same that somebody is there. */
  #sayAlive(told: number): void {
    if (this.stamps?.mayAsk === false) this.#say('ok', told);
    else this.#say('wait');
  }

  #say(answer: AgentAnswer, what: number | string = ''): void {
    if (this.#isClosed || !this.#socket.writable) return;
    const stamps = this.stamps;
    const words = what === '' ? answer : `${answer} ${what}`;
    if (stamps === null) this.#socket.write(`cairn/1 ${words}\n`);
    else if (answer !== 'wait' || stamps.mayAsk) this.#socket.write(`cairn/2 ${stamps.next(answer, Number(what) || 0)} ${words}\n`);
  }

  #stopWaiting(): void {
    if (this.#waitTimer !== null) clearInterval(this.#waitTimer);
    this.#waitTimer = null;
    if (this.#askTimer !== null) clearTimeout(this.#askTimer);
    this.#askTimer = null;
  }

  #refuse(reason: string): void {
    this.#context.diagnostics.tell('badName', `Closed the connection from ${this.address}: ${reason}`);
    this.#destroyQuietly();
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.#context.diagnostics.tell('session', `Closed the session of ${this.#nameText} (${this.address}), it will come again: ${reason}`);
    this.#destroyQuietly();
  }

  #destroyQuietly(): void {
    this.#socket.destroy();
  }

  #close(): void {
    if (this.#isClosed) return;
    // What an agent had not finished is no event: it will send it whole.
    if (this.#session === null && this.#source !== null) {
      this.#splitter.end();
      this.#endOfRead();
    }
    this.#isClosed = true;
    this.#context.unfinished.note(this, 0);
    if (this.#nameTimer !== null) clearTimeout(this.#nameTimer);
    this.#stopWaiting();
    this.#session?.stream?.close();
    this.#context.closed(this);
    if (this.#source !== null) this.#context.sink?.disconnected(this.#source, this.#context.nowS());
  }
}

/** An IPv4 address reached through a socket of both kinds is written as what it is. */
function addressOf({ remoteAddress = 'unknown', remotePort = 0 }: Socket): string {
  const host = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  return formatHostPort({ host, port: remotePort });
}
