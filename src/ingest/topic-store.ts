import type { Answer, LogError, RecordService } from '../eventlog/index.ts';
import type { Bytes, Clock } from '../host/index.ts';
import { divideBatch } from '../partitions/index.ts';
import { partitionOfKey } from '../placement/index.ts';
import { TopicStream } from './topic-stream.ts';

/** Whose lines they are. */
export interface LineOrigin {
  /** Lines of one origin keep their order. */
  readonly id: number;
  /** The key of their records. */
  readonly name: Uint8Array;
}

interface TopicStoreLimits {
  /** Lines of plain connections that wait for the topic. */
  readonly pendingBytesMax: number;
  /** Lines of one session that wait for the topic: beyond it whoever sends them is not read. */
  readonly sessionBytesMax: number;
  /** Of all sessions together, each an equal part. */
  readonly sessionsBytesMax: number;
}

export interface TopicStoreOptions {
  readonly log: Pick<RecordService, 'append' | 'nextSequence'>;
  readonly clock: Clock;
  readonly bytes: Bytes;
  readonly topic: string;
  readonly limits: TopicStoreLimits;
  /** What happens to lines of plain connections for which there is no room: a logger has printed them, a broker has nothing else to do than wait. */
  readonly whenFull: 'drop' | 'wait';
  /** For people: `unstored` lines were given up; the `topic` takes none for now; it takes them again, they are `stored`. */
  readonly tell: (kind: 'unstored' | 'topic' | 'stored', sentence: string) => void;
  /** The topic is not there any more. Whoever makes it again says so by `topicIsThere`; lines wait until then. */
  readonly topicIsGone: () => void;
  readonly newId: () => string;
}

export interface SessionHandlers {
  /** Everything below this number is stored. */
  stored(sequence: number): void;
  /** It comes to an end; the agent will be told where to go on when it asks again. */
  failed(error: LogError): void;
}

/** Where a session goes on. */
export interface SessionPlace {
  /** Events of it that are stored. */
  readonly sequence: number;
  /** That all of them are in. */
  readonly partition: number;
}

/** Plain connections share these; more would make batches small, fewer would leave brokers idle between two. Of several partitions each has one. */
const plainStreamCount = 4;
/** However many sessions there are: batches of less are all overhead. */
const sessionBytesMin = 16 * 1024;
const quietMs = 10_000;
/** A stream's numbers have 31 bits. */
const sequenceMax = 2 ** 30;

/** Lines -> records of a topic: the line as it came is the value, the name the key, the event's own time the create time. */
export class TopicStore {
  readonly #options: TopicStoreOptions;
  #plain: (TopicStream | null)[] = Array.from({ length: plainStreamCount }, () => null);
  /** Plain lines go to their streams by their key, as to partitions: the topic has several, or had. */
  #isByKey = false;
  /** Streams that get no more lines and have some under way. */
  readonly #leaving = new Set<TopicStream>();
  /** How many partitions the topic has, once it is there, and the numbers that it had before. */
  #partitions = 1;
  #partitionsBefore: readonly number[] = [];
  readonly #sessions = new Set<TopicStream>();
  readonly #waiting = new Set<() => void>();
  /** Milliseconds until which new trouble with the topic is not told again. */
  #quietUntilMs = 0;
  #isDelayed = false;
  #isTopicThere = false;
  #isClosed = false;
  /** Set while it is being closed. */
  #whenIdle: (() => void) | null = null;
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
    for (const stream of [...this.#plain, ...this.#leaving, ...this.#sessions]) count += stream?.pendingCount ?? 0;
    return count;
  }

  /** No room for lines of plain connections. */
  get isFull(): boolean {
    let bytes = 0;
    for (const stream of this.#plain) bytes += stream?.pendingBytes ?? 0;
    for (const stream of this.#leaving) bytes += stream.pendingBytes;
    return bytes >= this.#options.limits.pendingBytesMax;
  }

  /** Whether who sends has to wait while it is full. */
  get makesWait(): boolean {
    return this.#options.whenFull === 'wait';
  }

  /** Runs once, when there is room again. */
  whenRoom(run: () => void): void {
    this.#waiting.add(run);
  }

  /**
   * Until then lines wait: a topic that is not known is a definite refusal, and they would be given up. Said again where there are more partitions: lines that
   * come from then on go among all of them, while a batch that is on its way stays where it goes. Sessions stay where they are.
   * @param partitions how many the topic has had, the last is how many it has
   */
  topicIsThere(partitions: readonly number[] = [1]): void {
    this.#isTopicThere = true;
    const before = this.#partitions;
    this.#partitions = partitions.at(-1) ?? 1;
    this.#partitionsBefore = partitions.slice(0, -1);
    if (this.#partitions > 1) this.#isByKey = true;
    if (this.#partitions !== before) this.#spread();
    this.#flushAll();
  }

  #topicIsGone(): void {
    if (!this.#isTopicThere || this.#isClosed) return;
    this.#isTopicThere = false;
    this.#isDelayed = true;
    this.#options.tell('topic', `Topic "${this.#options.topic}" was deleted: lines wait until it is made again`);
    this.#options.topicIsGone();
  }

  /** What came for another number of partitions, or before it was known how many there are. */
  #spread(): void {
    const before = this.#plain;
    const count = this.#partitions > 1 ? this.#partitions : before.length;
    this.#plain = Array.from({ length: count }, () => null);
    for (const [index, stream] of before.entries()) {
      if (stream === null) continue;
      this.#place(stream.takeBack(), index);
      if (stream.pendingCount > 0) this.#leaving.add(stream);
      else stream.close();
    }
  }

  /** Batches that a stream has given back: behind what its successor has. */
  #place(batches: readonly Uint8Array[], index: number): void {
    const { bytes } = this.#options;
    for (const sealed of batches) {
      // A line's record has a key: nothing falls to those without.
      const parts = this.#partitions > 1 ? divideBatch(sealed, this.#partitions, 0, bytes) : [{ partition: index, batch: sealed }];
      for (const { partition, batch } of parts) this.#plainStream(partition % this.#plain.length).addBatch(batch);
    }
  }

  #plainIndex({ id, name }: LineOrigin): number {
    return this.#isByKey ? partitionOfKey(name, this.#plain.length) : id % plainStreamCount;
  }

  addPlain(source: LineOrigin, bytes: Uint8Array, from: number, to: number, seconds: number): void {
    if (this.#options.whenFull === 'drop' && this.isFull) {
      this.#leftOut++;
      return;
    }
    this.#plainStream(this.#plainIndex(source)).add(this.#timeOf(seconds), source.name, bytes, from, to);
  }

  flushPlain(source: LineOrigin): void {
    if (this.#leftOut > 0) this.#tellGivenUp(this.#leftOut, isNot, 'the topic does not keep up');
    this.#leftOut = 0;
    if (this.#isTopicThere) this.#plain[this.#plainIndex(source)]?.flush();
  }

  /**
   * How many events of a session are stored, and where, once that is certain. All of them have one key, the name of their origin, and stay where they began
   * when partitions are added.
   */
  placeOf(session: string, { name }: LineOrigin, answer: Answer<SessionPlace>): void {
    const { log, topic } = this.#options;
    const requestId = requestIdOf(session);
    const refused = (error: LogError): void => {
      if (error.code === 'unknownTopic') this.#topicIsGone();
      answer({ ok: false, error });
    };
    if (!this.#isTopicThere) {
      // Of a topic that turns out to have several it is refused, and asked again.
      return log.nextSequence({ topic, requestId }, (outcome) =>
        answer(outcome.ok ? { ok: true, value: { sequence: outcome.value, partition: 0 } } : outcome),
      );
    }
    const now = partitionOfKey(name, this.#partitions);
    const places = [...new Set([now, ...this.#partitionsBefore.map((count) => partitionOfKey(name, count))])];
    const attempt = (index: number): void => {
      const partition = places[index];
      if (partition === undefined) return answer({ ok: true, value: { sequence: 0, partition: now } });
      log.nextSequence({ topic, partition, requestId }, (outcome) => {
        if (!outcome.ok) refused(outcome.error);
        else if (outcome.value > 0) answer({ ok: true, value: { sequence: outcome.value, partition } });
        else attempt(index + 1);
      });
    };
    attempt(0);
  }

  openSession(session: string, { sequence, ...where }: SessionPlace, handlers: SessionHandlers): SessionStream {
    const { log, clock, bytes, topic, limits } = this.#options;
    const sessions = this.#sessions;
    const stream = new TopicStream({
      log,
      clock,
      bytes,
      topic,
      ...where,
      requestId: requestIdOf(session),
      sequence,
      onStored: (count, next) => {
        this.#noteStored(count);
        handlers.stored(next);
      },
      onFailed: (error) => {
        if (error.code === 'unknownTopic') this.#topicIsGone();
        handlers.failed(error);
      },
      onDelayed: (error) => this.#noteDelayed(error),
    });
    this.#sessions.add(stream);
    return {
      get isFull() {
        const part = Math.max(sessionBytesMin, limits.sessionsBytesMax / sessions.size);
        return stream.pendingBytes >= Math.min(limits.sessionBytesMax, part);
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

  /** `done` once what plain connections have sent is stored, or the time is over; what is left counts as unstored. */
  close(graceMs: number, done: () => void): void {
    this.#flushAll();
    const finish = (): void => {
      timer.cancel();
      this.#whenIdle = null;
      this.#isClosed = true;
      for (const stream of [...this.#plain, ...this.#leaving]) {
        if (stream === null) continue;
        stream.close();
        this.#giveUp(stream, 'the logger was stopped');
      }
      for (const stream of this.#sessions) stream.close();
      done();
    };
    const timer = this.#options.clock.startTimer(graceMs, finish);
    this.#whenIdle = finish;
    this.#lookIdle();
  }

  #lookIdle(): void {
    if (this.#leaving.size === 0 && this.#plain.every((stream) => (stream?.pendingCount ?? 0) === 0)) this.#whenIdle?.();
  }

  #flushAll(): void {
    if (this.#isTopicThere) for (const stream of this.#plain) stream?.flush();
  }

  #plainStream(index: number): TopicStream {
    const existing = this.#plain[index] ?? null;
    const isWornOut = existing !== null && existing.sequence >= sequenceMax && existing.pendingCount === 0;
    if (existing !== null && !isWornOut) return existing;
    const { log, clock, bytes, topic, newId } = this.#options;
    const stream: TopicStream = new TopicStream({
      log,
      clock,
      bytes,
      topic,
      // By its number where it is the only one too: there may be more at any time.
      partition: this.#partitions > 1 ? index : 0,
      requestId: `cairn-lines:${newId()}`,
      sequence: 0,
      onStored: (count) => {
        this.#noteStored(count);
        if (stream.pendingCount === 0) this.#leaving.delete(stream);
        this.#tellRoom();
        this.#lookIdle();
      },
      onFailed: (error) => {
        this.#plainFailed(stream, index, error);
        this.#tellRoom();
        this.#lookIdle();
      },
      onDelayed: (error) => this.#noteDelayed(error),
    });
    this.#plain[index] = stream;
    return stream;
  }

  /** What comes begins under another id. */
  #plainFailed(stream: TopicStream, index: number, error: LogError): void {
    if (this.#plain[index] === stream) this.#plain[index] = null;
    this.#leaving.delete(stream);
    if (this.#isClosed) return;
    if (error.code === 'unknownTopic') this.#topicIsGone();
    // Nothing is wrong with the lines: what a topic was deleted with, or has forgotten, is the id alone.
    if (error.code === 'unknownTopic' || error.code === 'unknownProducer') this.#place(stream.takeBack(), index);
    this.#giveUp(stream, error.message);
    this.#flushAll();
  }

  #timeOf(seconds: number): number {
    return Number.isNaN(seconds) ? this.#options.clock.wallMs() : Math.floor(seconds * 1000);
  }

  #noteStored(count: number): void {
    this.#stored += count;
    if (!this.#isDelayed) return;
    this.#isDelayed = false;
    this.#options.tell('stored', `Topic "${this.#options.topic}" takes lines again`);
  }

  #noteDelayed(error: LogError): void {
    this.#isDelayed = true;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = nowMs + quietMs;
    this.#options.tell('topic', `Cannot store in topic "${this.#options.topic}" now, trying again: ${error.message}`);
  }

  /** What it has not stored, and what it does not know to be stored, which is not the same. */
  #giveUp({ pendingCount, unknownCount }: TopicStream, reason: string): void {
    if (unknownCount > 0) this.#tellGivenUp(unknownCount, mayBe, `the outcome of an attempt is not known, and then: ${reason}`);
    if (pendingCount > unknownCount) this.#tellGivenUp(pendingCount - unknownCount, isNot, reason);
  }

  #tellGivenUp(count: number, [ofOne, ofMany]: readonly [string, string], reason: string): void {
    this.#unstored += count;
    const lines = count === 1 ? `A line ${ofOne}` : `${count} lines ${ofMany}`;
    this.#options.tell('unstored', `${lines} stored in topic "${this.#options.topic}": ${reason}`);
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
  add(source: LineOrigin, bytes: Uint8Array, from: number, to: number, seconds: number): void;
  flush(): void;
  close(): void;
}

const isNot = ['is not', 'are not'] as const;
const mayBe = ['may or may not be', 'may or may not be'] as const;

const requestIdOf = (session: string): string => `cairn-agent:${session}`;
