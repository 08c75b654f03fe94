import type { EventLog, LogError } from '../../eventlog/index.ts';
import type { Bytes } from '../../host/index.ts';
import type { Diagnostics } from './diagnostics.ts';
import { createTimeMs } from './event.ts';
import type { LineSource } from './line-sink.ts';
import type { LineSettings } from './settings.ts';
import { TopicStream } from './topic-stream.ts';

export interface TopicStoreOptions {
  readonly log: EventLog;
  readonly bytes: Bytes;
  readonly topic: string;
  readonly settings: LineSettings;
  /** What happens to lines of plain connections for which there is no room: a logger has printed them, a broker has nothing else to do than wait. */
  readonly whenFull: 'drop' | 'wait';
  readonly diagnostics: Diagnostics;
  readonly wallMs: () => number;
  readonly newId: () => string;
}

export interface SessionHandlers {
  /** Everything below this number is stored. */
  stored(sequence: number): void;
  /** It comes to an end; the agent will be told where to go on when it asks again. */
  failed(error: LogError): void;
}

/** Plain connections share these; more would make batches small, fewer would leave brokers idle between two. */
const plainStreamCount = 4;
/** A stream's numbers have 31 bits. */
const sequenceMax = 2 ** 30;

/** Lines -> records of a topic: the line as it came is the value, the name the key, the event's own time the create time. */
export class TopicStore {
  readonly #options: TopicStoreOptions;
  readonly #plain: (TopicStream | null)[] = Array.from({ length: plainStreamCount }, () => null);
  readonly #sessions = new Set<TopicStream>();
  readonly #waiting = new Set<() => void>();
  /** Milliseconds until which new trouble with the topic is not told again. */
  #quietUntilMs = 0;
  #isDelayed = false;
  #isTopicThere = false;
  #isClosed = false;
  #stored = 0;
  #unstored = 0;
  /** Of the read under way: they are told together. */
  #leftOut = 0;

  constructor(options: TopicStoreOptions) {
    this.#options = options;
  }

  /** Lines on a majority's disks. */
  get stored(): number {
    return this.#stored;
  }

  /** Lines of plain connections that were given up. */
  get unstored(): number {
    return this.#unstored;
  }

  get pendingCount(): number {
    let count = 0;
    for (const stream of [...this.#plain, ...this.#sessions]) count += stream?.pendingCount ?? 0;
    return count;
  }

  /** No room for lines of plain connections. */
  get isFull(): boolean {
    let bytes = 0;
    for (const stream of this.#plain) bytes += stream?.pendingBytes ?? 0;
    return bytes >= this.#options.settings.pendingBytesMax;
  }

  /** Whether who sends has to wait while it is full. */
  get makesWait(): boolean {
    return this.#options.whenFull === 'wait';
  }

  /** Runs once, when there is room again. */
  whenRoom(run: () => void): void {
    this.#waiting.add(run);
  }

  /** Until then lines wait: a topic that is not known is a definite refusal, and they would be given up. */
  topicIsThere(): void {
    this.#isTopicThere = true;
    this.#flushAll();
  }

  addPlain(source: LineSource, bytes: Uint8Array, from: number, to: number, seconds: number): void {
    if (this.#options.whenFull === 'drop' && this.isFull) {
      this.#leftOut++;
      return;
    }
    this.#plainStream(source.id % plainStreamCount).add(this.#timeOf(seconds), source.name, bytes, from, to);
  }

  flushPlain(source: LineSource): void {
    if (this.#leftOut > 0) this.#giveUp(this.#leftOut, 'the topic does not keep up');
    this.#leftOut = 0;
    if (this.#isTopicThere) this.#plain[source.id % plainStreamCount]?.flush();
  }

  /** How many events of a session are stored, once that is certain. Rejects with a LogError. */
  sequenceOf(session: string): Promise<number> {
    return this.#options.log.nextSequence({ topic: this.#options.topic, requestId: requestIdOf(session) });
  }

  openSession(session: string, sequence: number, handlers: SessionHandlers): SessionStream {
    const { log, bytes, topic, settings } = this.#options;
    const stream = new TopicStream({
      log,
      bytes,
      topic,
      requestId: requestIdOf(session),
      sequence,
      onStored: (count, _bytes, next) => {
        this.#noteStored(count);
        handlers.stored(next);
      },
      onFailed: (error) => handlers.failed(error),
      onDelayed: (error) => this.#noteDelayed(error),
    });
    this.#sessions.add(stream);
    return {
      get isFull() {
        return stream.pendingBytes >= settings.sessionBytesMax;
      },
      get pendingCount() {
        return stream.pendingCount;
      },
      add: (source, lineBytes, from, to, seconds) => stream.add(this.#timeOf(seconds), source.name, lineBytes, from, to),
      flush: () => stream.flush(),
      close: () => {
        stream.close();
        this.#sessions.delete(stream);
      },
    };
  }

  /** Trouble with the topic that a person should know of, told once while it lasts. */
  noteTrouble(error: LogError): void {
    this.#noteDelayed(error);
  }

  /** Waits until what plain connections have sent is stored, or the time is over; what is left counts as unstored. */
  async close(graceMs: number): Promise<void> {
    const untilMs = performance.now() + graceMs;
    this.#flushAll();
    while (performance.now() < untilMs && this.#plain.some((stream) => (stream?.pendingCount ?? 0) > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#isClosed = true;
    for (const stream of this.#plain) {
      if (stream === null) continue;
      stream.close();
      if (stream.pendingCount > 0) this.#giveUp(stream.pendingCount, 'the logger was stopped');
    }
    for (const stream of this.#sessions) stream.close();
  }

  #flushAll(): void {
    if (this.#isTopicThere) for (const stream of this.#plain) stream?.flush();
  }

  #plainStream(index: number): TopicStream {
    const existing = this.#plain[index] ?? null;
    const isWornOut = existing !== null && existing.sequence >= sequenceMax && existing.pendingCount === 0;
    if (existing !== null && !isWornOut) return existing;
    const { log, bytes, topic, newId } = this.#options;
    const stream: TopicStream = new TopicStream({
      log,
      bytes,
      topic,
      requestId: `cairn-lines:${newId()}`,
      sequence: 0,
      onStored: (count) => {
        this.#noteStored(count);
        this.#tellRoom();
      },
      onFailed: (error) => {
        // Its outcome is definite: these lines are not in the topic. What comes begins under another id.
        if (this.#plain[index] === stream) this.#plain[index] = null;
        if (!this.#isClosed) this.#giveUp(stream.pendingCount, error.message);
        this.#tellRoom();
      },
      onDelayed: (error) => this.#noteDelayed(error),
    });
    this.#plain[index] = stream;
    return stream;
  }

  #timeOf(seconds: number): number {
    return (Number.isNaN(seconds) ? null : createTimeMs(seconds)) ?? this.#options.wallMs();
  }

  #noteStored(count: number): void {
    this.#stored += count;
    if (!this.#isDelayed) return;
    this.#isDelayed = false;
    this.#options.diagnostics.tell('stored', `Topic "${this.#options.topic}" takes lines again`);
  }

  #noteDelayed(error: LogError): void {
    this.#isDelayed = true;
    const nowMs = performance.now();
    if (nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = nowMs + 10_000;
    this.#options.diagnostics.tell('topic', `Cannot store in topic "${this.#options.topic}" now, trying again: ${error.message}`);
  }

  #giveUp(count: number, reason: string): void {
    this.#unstored += count;
    const lines = count === 1 ? 'A line is' : `${count} lines are`;
    this.#options.diagnostics.tell('unstored', `${lines} not stored in topic "${this.#options.topic}": ${reason}`);
  }

  #tellRoom(): void {
    if (this.#waiting.size === 0 || this.isFull) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const run of waiting) run();
  }
}

export interface SessionStream {
  /** So much waits that its agent should not be read. */
  readonly isFull: boolean;
  readonly pendingCount: number;
  add(source: LineSource, bytes: Uint8Array, from: number, to: number, seconds: number): void;
  flush(): void;
  close(): void;
}

const requestIdOf = (session: string): string => `cairn-agent:${session}`;
