import { assert } from '../base/assert.ts';
import { concatBytes, noBytes } from '../base/bytes.ts';
import { connectionsPerLife, HybridClock, stampedLinesMax, writeLineStamp } from '../clocks/index.ts';
import type { Clock, Link, LinkHandlers, Random, Timer } from '../host/index.ts';
import type { OpenFailure } from '../storage/index.ts';
import { AnswerReader, type GatewayAnswer, type ProtocolVersion } from './answers.ts';
import type { Spool, SpoolCursor, SpoolHost, SpoolLines } from './spool.ts';
import { encodeNotes, frameLinesBytesMax, frameNotesBytesMax, hexOf, type Note } from './spool-format.ts';

export interface AgentHost extends SpoolHost {
  readonly clock: Clock;
  readonly random: Random;
}

/** Why an agent cannot go on. Its spool stays as it is. */
export type AgentFailure =
  | { readonly kind: 'notAcknowledged' }
  /** The gateway ends the session, in its words. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The topic has more events of this session than were ever in this spool: it is a copy of an older state. */
  | { readonly kind: 'behind'; readonly topicHas: number; readonly spoolHas: number }
  /** The topic has events under numbers that this spool has never sent: another agent sends under its session. */
  | { readonly kind: 'foreign'; readonly topicHas: number; readonly sent: number }
  | { readonly kind: 'storage'; readonly failure: OpenFailure };

interface AgentEvents {
  /** The spool is full: nothing more is read until there is room. Told once, until it has been empty for a while. */
  full(): void;
  /** There is room again after `push` said no. */
  room(): void;
  /** The logger cannot be reached, or was lost; told once, until it answers again. */
  lost(reason: string): void;
  /** It answers again. */
  found(): void;
  /** Its stamps are this far ahead of the clock here, and are not followed; told once. */
  ahead(byMs: number): void;
  /** The input has ended and every event is stored. */
  done(): void;
  failed(failure: AgentFailure): void;
}

export interface AgentOptions {
  readonly host: AgentHost;
  readonly spool: Spool;
  readonly dial: (handlers: LinkHandlers) => Link;
  readonly events: AgentEvents;
  readonly spoolBytesMax: number;
  /** Events of one session; a test makes it small. */
  readonly sessionEventsMax?: number;
}

export interface AgentCounters {
  /** Events taken in by this process. */
  readonly taken: number;
  /** Stored and acknowledged to this process. */
  readonly acknowledged: number;
  /** In the spool, not acknowledged. */
  readonly waiting: number;
  readonly spoolBytes: number;
  /** How often that was told. */
  readonly timesFull: number;
  readonly connections: number;
  /** Stamps of the logger that were too far ahead to be followed. */
  readonly stampsAhead: number;
}

interface Pending {
  readonly lines: Uint8Array;
  readonly count: number;
  readonly notes: readonly Note[];
}

const answerMs = 2_000;
/** A gateway says something every five seconds. */
const silenceMs = 20_000;
const againMsFirst = 50;
const againMsMax = 2_000;
const noSpaceAgainMs = 1_000;
const fullAgainMs = 10_000;
/** Sent and not yet acknowledged. */
const inFlightBytesMax = 2 * 1024 * 1024;
/** How often it is noted how much is stored, while that changes. */
const progressEveryMs = 1_000;
/** Taken in and not yet on the disk. */
const pendingBytesMax = 1024 * 1024;
const sessionEventsMaxDefault = 2 ** 30;
/** Stamps that the gateway does not take are not heaped up. */
const queuedBytesMax = 4 * inFlightBytesMax;
const newline = 0x0a;

/**
 * Takes events in, keeps them in its spool, sends them, and forgets them when they are stored (docs/decisions/0008). Invariant: acknowledged <= sent <=
 * synced: nothing is sent before the spool has it on disk, so that a number never means two events.
 */
export class Agent {
  readonly #host: AgentHost;
  readonly #spool: Spool;
  readonly #options: AgentOptions;
  readonly #pending: Pending[] = [];
  #pendingBytes = 0;
  #isWriting = false;
  #isFull = false;
  #fullSinceMs = 0;
  #wantsRoom = false;
  #hasEnded = false;
  #isOver = false;

  #link: Link | null = null;
  #version: ProtocolVersion = 2;
  #answers = new AnswerReader(2);
  #state: 'away' | 'dialling' | 'asking' | 'sending' = 'away';
  #timer: Timer | null = null;
  #againMs = againMsFirst;
  /** The gateway has spoken our protocol to this process. */
  #hasHeard = false;
  /** It has spoken on this connection. */
  #hasHeardHere = false;
  /** When the first of several connections without any answer was opened. */
  #unansweredSinceMs: number | null = null;
  #isLost = false;

  /** All numbers count from the spool's beginning; those of the session from its base. */
  #acknowledged: number;
  #cursor: SpoolCursor | null = null;
  #sent = 0;
  #isReading = false;
  #inFlight: { readonly end: number; readonly bytes: number }[] = [];
  #inFlightBytes = 0;
  #isForgetting = false;
  /** Events below this number may have been sent, by this process or an earlier one. */
  #mayBeSentTo: number;
  /** It is noted that events are being sent: none is before. */
  #isSendingNoted = false;
  #noteTimer: Timer | null = null;
  #spaceTimer: Timer | null = null;
  #progressTimer: Timer | null = null;
  /** Counts connections: what was begun for an earlier one is not sent on this. */
  #connections = 0;

  readonly #clock: HybridClock;
  /** 24 bits that name this life of the agent in traces. */
  readonly #life: number;
  #stampsAhead = 0;

  #taken = 0;
  #acknowledgedHere = 0;
  #timesFull = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#host = options.host;
    this.#spool = options.spool;
    this.#clock = new HybridClock(options.host.clock);
    this.#life = options.host.random.below(2 ** 24);
    const { acknowledged, sentTo } = options.spool.progress.current;
    // The spool forgets by files: what it still has of an earlier session is acknowledged.
    this.#acknowledged = Math.max(options.spool.first, options.spool.session.base, acknowledged);
    this.#mayBeSentTo = Math.max(this.#acknowledged, sentTo ?? options.spool.end);
  }

  get counters(): AgentCounters {
    return {
      taken: this.#taken,
      acknowledged: this.#acknowledgedHere,
      waiting: Math.max(0, this.#spool.end - this.#acknowledged),
      spoolBytes: this.#spool.sizeBytes,
      timesFull: this.#timesFull,
      connections: this.#connections,
      stampsAhead: this.#stampsAhead,
    };
  }

  start(): void {
    this.#dial();
  }

  /**
   * Takes whole lines, each with its \n, and what is to be noted of their input together with them: all of it or nothing is in the spool. False: no more until
   * `room`. The lines are the agent's from now on. Notes may come without lines.
   */
  push(lines: Uint8Array, count: number, notes: readonly Note[] = []): boolean {
    assert(!this.#hasEnded, 'nothing comes after the end');
    assert(lines.length <= frameLinesBytesMax, 'lines fit a frame');
    assert(encodeNotes(notes, this.#host.bytes).length <= frameNotesBytesMax, 'notes fit a frame');
    this.#pending.push({ lines, count, notes });
    this.#pendingBytes += lines.length;
    this.#taken += count;
    this.#write();
    this.#wantsRoom = !this.#hasRoom();
    if (this.#spool.sizeBytes + this.#pendingBytes >= this.#options.spoolBytesMax) this.#noteFull();
    return !this.#wantsRoom;
  }

  /** The input is at its end: `done` follows when everything is stored. */
  end(): void {
    this.#hasEnded = true;
    this.#finishIfDone();
  }

  /** Ends the connection; what is taken in is still brought to the disk, then `closed` runs. */
  stop(closed: () => void): void {
    this.#isOver = true;
    this.#cancelTimers();
    this.#link?.close('stopped');
    const { progress } = this.#spool;
    const close = (): void => {
      if (this.#isWriting || this.#isReading || this.#isForgetting || progress.isWriting) this.#host.clock.startTimer(1, close);
      else this.#spool.close(closed);
    };
    this.#write();
    // Nothing more is sent. A disk that does not take it leaves what was noted before, which is less.
    progress.save({ acknowledged: this.#acknowledged, sentTo: this.#mayBeSentTo }, () => undefined);
    close();
  }

  // ------------------------------------------------------------------------------------------------------------- taking in

  #hasRoom(): boolean {
    return this.#pendingBytes < pendingBytesMax && this.#spool.sizeBytes + this.#pendingBytes < this.#options.spoolBytesMax;
  }

  #write(): void {
    if (this.#isWriting || this.#pending.length === 0) return;
    if (this.#isOver ? false : this.#isSpoolFull()) return;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let count = 0;
    const notes = new Map<string, string>();
    let notesBytes = 0;
    let taken = 0;
    for (const next of this.#pending) {
      const noteBytes = encodeNotes(next.notes, this.#host.bytes).length;
      if (taken > 0 && (bytes + next.lines.length > frameLinesBytesMax || notesBytes + noteBytes > frameNotesBytesMax)) break;
      parts.push(next.lines);
      bytes += next.lines.length;
      count += next.count;
      for (const note of next.notes) notes.set(...note);
      notesBytes += noteBytes;
      taken++;
    }
    this.#isWriting = true;
    this.#spool.append(concatBytes(parts), count, [...notes], (result) => {
      this.#isWriting = false;
      if (result.ok) {
        this.#pending.splice(0, taken);
        this.#pendingBytes -= bytes;
        this.#send();
        this.#write();
        this.#tellRoom();
        this.#finishIfDone();
      } else if (isNoSpace(result.error)) {
        this.#noteFull();
        if (!this.#isOver) this.#spaceTimer = this.#host.clock.startTimer(noSpaceAgainMs, () => this.#write());
      } else {
        this.#fail({ kind: 'storage', failure: result.error });
      }
    });
  }

  #isSpoolFull(): boolean {
    if (this.#spool.sizeBytes < this.#options.spoolBytesMax) return false;
    this.#noteFull();
    return true;
  }

  #noteFull(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#fullSinceMs = this.#host.clock.monotonicMs();
    this.#timesFull++;
    this.#options.events.full();
  }

  /** A spool that fills as fast as it empties is one piece of news, not one for each time. */
  #noteEmpty(): void {
    const isEmpty = this.#acknowledged >= this.#spool.end && this.#pendingBytes === 0;
    if (isEmpty && this.#host.clock.monotonicMs() - this.#fullSinceMs >= fullAgainMs) this.#isFull = false;
  }

  #tellRoom(): void {
    if (this.#isOver || !this.#wantsRoom || !this.#hasRoom()) return;
    this.#wantsRoom = false;
    this.#options.events.room();
  }

  // ------------------------------------------------------------------------------------------------------------- connecting

  #dial(): void {
    if (this.#isOver) return;
    this.#state = 'dialling';
    const connection = ++this.#connections;
    const isCurrent = (): boolean => connection === this.#connections && !this.#isOver;
    this.#link = this.#options.dial({
      opened: () => {
        if (isCurrent()) this.#ask();
      },
      received: (bytes) => {
        for (const answer of this.#answers.push(bytes)) if (isCurrent() && this.#link !== null) this.#answered(answer);
      },
      closed: (reason) => {
        if (isCurrent()) this.#closed(reason);
      },
    });
  }

  #ask(): void {
    const { name, session, base } = this.#spool.session;
    this.#state = 'asking';
    this.#answers = new AnswerReader(this.#version);
    this.#hasHeardHere = false;
    this.#unansweredSinceMs ??= this.#host.clock.monotonicMs();
    const words = ` cairn/${this.#version} ${session} ${this.#acknowledged - base}`;
    const connection = this.#version === 1 ? '' : ` ${this.#connectionText}`;
    this.#link?.send([name, this.#host.bytes.utf8Encode(`${words}${connection}\n`)]);
    this.#watch(this.#hasHeard ? silenceMs : answerMs);
  }

  /** 48 bits in hex: of one life, and which of its connections. */
  get #connectionText(): string {
    const hex = (value: number): string => value.toString(16).padStart(6, '0');
    return hex(this.#life) + hex(this.#connections % connectionsPerLife);
  }

  #watch(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#host.clock.startTimer(ms, () => {
      if (this.#hasHeard) this.#link?.close(`it has said nothing for ${ms / 1000} s`);
      else this.#fail({ kind: 'notAcknowledged' });
    });
  }

  #closed(reason: string): void {
    const wasAsking = this.#state === 'asking';
    const isRefused = wasAsking && !this.#hasHeardHere;
    // A gateway of before `cairn/2` takes it for a name with spaces and closes without a word; so may one that is killed at that moment, or a proxy whose
    // logger is away. It is asked in the other version then, and the time after that in this one again.
    if (isRefused) this.#version = this.#version === 1 ? 2 : 1;
    else if (this.#hasHeardHere) this.#version = 2;
    const isOtherVersionNext = isRefused && this.#version === 1;
    this.#state = 'away';
    this.#link = null;
    this.#cursor = null;
    this.#inFlight = [];
    this.#inFlightBytes = 0;
    this.#timer?.cancel();
    // What comes while nobody listens is not sent: a copy that is made now, and sent first, can be told by that.
    if (this.#spool.progress.current.sentTo === null) this.#saveProgress(this.#mayBeSentTo);
    this.#isSendingNoted = false;
    if (!wasAsking) this.#unansweredSinceMs = null;
    const sinceMs = this.#unansweredSinceMs;
    if (!this.#hasHeard && sinceMs !== null && this.#host.clock.monotonicMs() - sinceMs >= answerMs) {
      this.#fail({ kind: 'notAcknowledged' });
      return;
    }
    // One that closes at once without a word may have been killed at that moment; it is asked again for the two seconds that it has.
    if (!this.#isLost && !(wasAsking && !this.#hasHeard) && !isOtherVersionNext) {
      this.#isLost = true;
      this.#options.events.lost(reason);
    }
    const random = this.#host.random.below(1024) / 1024;
    const againMs = isOtherVersionNext ? againMsFirst : this.#againMs;
    this.#timer = this.#host.clock.startTimer(againMs * (0.5 + random / 2), () => this.#dial());
    if (!isOtherVersionNext) this.#againMs = Math.min(this.#againMs * 2, againMsMax);
  }

  #answered(answer: GatewayAnswer | null): void {
    if (answer === null) {
      // Somebody else's protocol. A logger that is silent is no worse.
      if (!this.#hasHeard) this.#fail({ kind: 'notAcknowledged' });
      else this.#link?.close('it does not speak as a logger does');
      return;
    }
    this.#hasHeard = true;
    this.#hasHeardHere = true;
    this.#unansweredSinceMs = null;
    this.#watch(silenceMs);
    this.#follow(answer);
    if (answer.kind === 'wait') {
      // At once: it tells the gateway how long the way is, and how far the clocks are apart.
      if (this.#version === 2) this.#sendStamped(noBytes, 0);
      return;
    }
    if (answer.kind === 'no') {
      this.#fail({ kind: 'refused', reason: answer.reason });
      return;
    }
    const index = this.#spool.session.base + answer.sequence;
    if (index > this.#spool.end) {
      this.#fail({ kind: 'behind', topicHas: answer.sequence, spoolHas: this.#spool.end - this.#spool.session.base });
      return;
    }
    if (this.#state === 'asking' && index > this.#mayBeSentTo) {
      const { base } = this.#spool.session;
      this.#fail({ kind: 'foreign', topicHas: answer.sequence, sent: this.#mayBeSentTo - base });
      return;
    }
    this.#againMs = againMsFirst;
    if (this.#isLost) {
      this.#isLost = false;
      this.#options.events.found();
    }
    if (this.#state === 'asking') {
      this.#acknowledge(index);
      // Nothing may be left although nothing was acknowledged: a session that began with the last event.
      this.#finishIfDone();
      this.#beginSending(index);
    } else if (index > this.#sent) {
      // Of what an earlier connection had sent: asked again, it will be told from where on.
      this.#link?.close('it acknowledges more than it was sent');
    } else {
      this.#acknowledge(index);
      this.#send();
    }
  }

  #follow({ stamp }: GatewayAnswer): void {
    if (stamp === null || this.#clock.observe(stamp)) return;
    this.#stampsAhead++;
    if (this.#stampsAhead === 1) this.#options.events.ahead(stamp.ms - this.#host.clock.wallMs());
  }

  // ------------------------------------------------------------------------------------------------------------- sending

  #beginSending(index: number): void {
    this.#state = 'sending';
    this.#cursor = null;
    this.#sent = index;
    const connection = this.#connections;
    this.#saveProgress(null, () => {
      if (connection !== this.#connections || this.#state !== 'sending') return;
      this.#isSendingNoted = true;
      this.#send();
    });
  }

  /** Notes how far it has come; `sentTo` null says that all that comes may be sent from now on. */
  #saveProgress(sentTo: number | null, done: () => void = () => undefined): void {
    if (this.#isOver) return;
    this.#spool.progress.save({ acknowledged: this.#acknowledged, sentTo }, (result) => {
      if (result.ok) done();
      else if (isNoSpace(result.error)) {
        // Written in place it needs none on most file systems; on the others it waits, and nothing is sent before.
        this.#noteFull();
        if (!this.#isOver) this.#progressTimer = this.#host.clock.startTimer(noSpaceAgainMs, () => this.#saveProgress(sentTo, done));
      } else this.#fail({ kind: 'storage', failure: result.error });
    });
  }

  /** One reading of the spool at a time: an earlier connection's may still be under way, and is then for nothing. */
  #send(): void {
    if (this.#state !== 'sending' || !this.#isSendingNoted || this.#isReading || this.#isOver) return;
    if (this.#sent >= Math.min(this.#spool.end, this.#sessionEnd) || this.#inFlightBytes >= inFlightBytesMax) return;
    const connection = this.#connections;
    const isCurrent = (): boolean => connection === this.#connections && this.#state === 'sending';
    this.#isReading = true;
    if (this.#cursor === null) {
      this.#spool.seek(this.#sent, (result) => {
        this.#isReading = false;
        if (!result.ok) return this.#fail({ kind: 'storage', failure: result.error });
        if (isCurrent()) this.#cursor = result.value;
        this.#send();
      });
      return;
    }
    this.#spool.read(this.#cursor, (result) => {
      this.#isReading = false;
      if (!result.ok) return this.#fail({ kind: 'storage', failure: result.error });
      if (isCurrent()) {
        this.#cursor = result.value.next;
        for (const lines of result.value.found) this.#sendLines(lines);
      }
      this.#send();
    });
  }

  /** Sends what of these lines has not been sent, up to the end of the session. */
  #sendLines({ first, count, lines }: Pick<SpoolLines, 'first' | 'count' | 'lines'>): void {
    const end = Math.min(first + count, this.#sessionEnd);
    if (end <= this.#sent) return;
    const to = Math.min(end, this.#sent + stampedLinesMax);
    const part = lines.subarray(this.#after(lines, this.#sent - first), to < first + count ? this.#after(lines, to - first) : lines.length);
    if (this.#version === 1) this.#link?.send([part]);
    else this.#sendStamped(part, to - this.#sent);
    this.#sent = to;
    this.#mayBeSentTo = Math.max(this.#mayBeSentTo, to);
    this.#inFlight.push({ end: to, bytes: part.length });
    this.#inFlightBytes += part.length;
    if (to < end) this.#sendLines({ first, count, lines });
  }

  #sendStamped(lines: Uint8Array, count: number): void {
    if ((this.#link?.bytesQueued ?? 0) > queuedBytesMax) {
      this.#link?.close('it asks more than it reads');
      return;
    }
    const stamp = writeLineStamp(this.#clock.next(), count, this.#host.clock.wallMs());
    this.#link?.send(count === 0 ? [stamp] : [stamp, lines]);
  }

  /** Position behind so many lines. */
  #after(lines: Uint8Array, count: number): number {
    let at = 0;
    for (let left = count; left > 0; left--) at = this.#host.bytes.indexOf(lines, newline, at) + 1;
    return at;
  }

  get #sessionEnd(): number {
    return this.#spool.session.base + (this.#options.sessionEventsMax ?? sessionEventsMaxDefault);
  }

  #acknowledge(index: number): void {
    if (index <= this.#acknowledged) return;
    const isFirst = this.#acknowledged === this.#spool.session.base;
    this.#acknowledgedHere += index - this.#acknowledged;
    this.#acknowledged = index;
    // Once the topic has events of a session, one that knows none has forgotten it: that must be noted soon. How many may come later.
    if (isFirst) this.#noteAcknowledged();
    else this.#noteTimer ??= this.#host.clock.startTimer(progressEveryMs, () => this.#noteAcknowledged());
    let done = 0;
    for (const { end, bytes } of this.#inFlight) {
      if (end > index) break;
      this.#inFlightBytes -= bytes;
      done++;
    }
    this.#inFlight.splice(0, done);
    this.#forget();
    if (index >= this.#sessionEnd) this.#changeSession();
    this.#finishIfDone();
  }

  #noteAcknowledged(): void {
    this.#noteTimer = null;
    const { current } = this.#spool.progress;
    if (current.acknowledged < this.#acknowledged) this.#saveProgress(current.sentTo);
  }

  #forget(): void {
    if (this.#isForgetting) return;
    this.#isForgetting = true;
    const index = this.#acknowledged;
    this.#spool.forget(index, (result) => {
      this.#isForgetting = false;
      if (!result.ok) return this.#fail({ kind: 'storage', failure: result.error });
      this.#noteEmpty();
      this.#write();
      this.#tellRoom();
      if (this.#acknowledged > index) this.#forget();
    });
  }

  /** Every event of the old session is acknowledged, so none is in two. */
  #changeSession(): void {
    const session = hexOf(this.#host.random.bytes(16));
    this.#spool.startSession(session, this.#acknowledged, (result) => {
      if (!result.ok) return this.#fail({ kind: 'storage', failure: result.error });
      this.#link?.close('a new session begins');
    });
  }

  // ------------------------------------------------------------------------------------------------------------- the end

  #finishIfDone(): void {
    if (this.#isOver || !this.#hasEnded || this.#pending.length > 0 || this.#isWriting || this.#acknowledged < this.#spool.end) return;
    // Nothing to send is no reason not to ask: somebody must be there who acknowledges.
    if (!this.#hasHeard) return;
    this.#isOver = true;
    this.#cancelTimers();
    this.#link?.close('everything is stored');
    this.#options.events.done();
  }

  #cancelTimers(): void {
    for (const timer of [this.#timer, this.#noteTimer, this.#spaceTimer, this.#progressTimer]) timer?.cancel();
  }

  #fail(failure: AgentFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimers();
    this.#link?.close('the agent ends');
    this.#options.events.failed(failure);
  }
}

const isNoSpace = (failure: OpenFailure): boolean => failure.kind === 'disk' && failure.error.code === 'noSpace';
