import type { BrokerId } from '../../base/branded.ts';
import type { Life } from '../../base/life.ts';
import type { Lane, Timer } from '../../host/index.ts';
import * as wire from '../../wire/index.ts';
import type { LinkContext } from './link-context.ts';
import { OutgoingConnection } from './outgoing-connection.ts';

const backOffMsMin = 20;
/** To a peer that was alive a moment ago: it is most likely on its way back. */
const backOffMsRecent = 100;
const backOffMsMax = 1000;
const recentMs = 30_000;
const pingMs = 1000;
/** So many pings without an answer, and a new connection is tried beside this one. */
const unansweredMax = 10;

/**
 * One way out, to one peer on one lane: dials, sends, and dials again after a break. What was on the way when it broke is lost; consensus and requests
 * know how to live with that.
 *
 * A connection whose other end has vanished without a word (loss of power, a router that forgot it) takes bytes for a quarter of an hour before the machine
 * gives it up, and what a follower is sent meanwhile never arrives. So it is pinged while it is used, and where no answer comes a second one is dialled, which
 * takes its place once it is welcomed. Until then the first goes on being used: the peer may be cut off or asleep, and where messages are lost and late a
 * handshake rarely succeeds at once.
 */
export class OutgoingLink {
  readonly peer: BrokerId;
  readonly lane: Lane;
  readonly #context: LinkContext;
  /** What is sent goes here. */
  #current: OutgoingConnection | null = null;
  /** On its way to become the current one. */
  #next: OutgoingConnection | null = null;
  #outbox: wire.Draft[] = [];
  /** Messages that leave as the last frame of the outbox: heartbeats of a thousand groups are one. */
  #joined: wire.Draft[] = [];
  #outboxBytes = 0;
  #backOffMs = backOffMsMin;
  #redialTimer: Timer | null = null;
  #pingTimer: Timer | null = null;
  #unanswered = 0;
  /** Something was not taken since the queue was empty. */
  #isFull = false;
  /** Something was sent since the last ping: a link that nobody uses is not looked at. */
  #isUsed = false;
  #usedMs = 0;

  constructor(context: LinkContext, peer: BrokerId, lane: Lane) {
    this.#context = context;
    this.peer = peer;
    this.lane = lane;
  }

  get isReady(): boolean {
    return this.#current !== null;
  }

  /** Of the peer's life that this link leads to. */
  get incarnation(): number {
    return this.#current?.incarnation ?? 0;
  }

  /** Link sequence of what was queued last, on the present connection. */
  get placeQueued(): number {
    return (this.#current?.sequence ?? 0) + this.#outbox.length;
  }

  get placeArrived(): number {
    return this.#current?.sequenceArrived ?? 0;
  }

  get bytesQueued(): number {
    return (this.#current?.bytesQueued ?? 0) + this.#outboxBytes;
  }

  /** Dials at once unless a connection is up or under way. */
  dial(): void {
    if (this.#current === null) this.#connect();
  }

  #connect(): void {
    const { conditions } = this.#context;
    if (this.#next !== null || this.#context.isClosed() || conditions.isPaused || conditions.isCutOff(this.peer)) return;
    this.#stopRedialling();
    this.#next = new OutgoingConnection(this.#context, this.peer, this.lane, {
      ready: (connection, life) => this.#ready(connection, life),
      pong: (connection) => {
        if (connection === this.#current) this.#unanswered = 0;
      },
      lost: (connection, reason) => this.#lost(connection, reason),
    });
  }

  /**
   * Queues a message for the end of the turn. False when there is no way out now: it is not sent, then or later. What does not fit is as good as lost,
   * and what waits stays: with a link that is dropped for being full, a peer that lacks much would be sent the same again for ever. Where nothing waits
   * one message of any length goes.
   */
  send(message: wire.Draft): boolean {
    if (this.#current === null) {
      // Bulk is rare: its connection is dialled when it is first wanted, and what wants it waits.
      if (this.lane !== 'bulk') return false;
      this.dial();
      if (this.#next === null) return false;
    }
    const { bytesQueued } = this;
    if (bytesQueued > 0 && bytesQueued + message.lengthBytes > this.#context.linkBytesMax) {
      if (!this.#isFull) this.#context.logger.log('info', 'linkFull', { peer: this.peer, lane: this.lane, bytesQueued });
      this.#isFull = true;
      return false;
    }
    if (this.#isFull && bytesQueued === 0) this.#isFull = false;
    this.#outboxBytes += message.lengthBytes;
    if (!wire.isJoinable(message)) {
      this.#join();
      this.#outbox.push(message);
      return true;
    }
    if (this.#joined.length === 0) this.#outbox.push(message);
    this.#joined.push(message);
    return true;
  }

  /** What comes after it leaves in a frame of its own. */
  #join(): void {
    if (this.#joined.length > 1) {
      const joined = wire.joinMessages(this.#joined);
      for (const { lengthBytes } of this.#joined) this.#outboxBytes -= lengthBytes;
      this.#outboxBytes += joined.lengthBytes;
      this.#outbox[this.#outbox.length - 1] = joined;
    }
    this.#joined = [];
  }

  /** Everything of this turn in one call. */
  flush(): void {
    if (this.#outbox.length === 0 || this.#current === null) return;
    this.#join();
    const outbox = this.#outbox;
    const bytes = this.#outboxBytes;
    this.#emptyOutbox();
    this.#isUsed = true;
    this.#context.counters.framesSent += outbox.length;
    this.#context.counters.bytesSent += bytes;
    this.#current.send(outbox);
  }

  /** What was done to links by hand has changed. */
  release(): void {
    this.#current?.release();
  }

  /** Closes and stays closed until the next `dial`. */
  close(reason: string): void {
    this.#stopRedialling();
    this.#backOffMs = backOffMsMin;
    this.#next?.close(reason);
    this.#next = null;
    const current = this.#forgetCurrent();
    current?.close(reason);
    if (current !== null) this.#context.onLost(this.peer, this.lane);
  }

  #ready(connection: OutgoingConnection, life: Life): void {
    this.#next = null;
    this.#join();
    const isFirst = this.#current === null;
    const waiting = isFirst ? this.#outbox : [];
    const waitingBytes = isFirst ? this.#outboxBytes : 0;
    const before = this.#forgetCurrent();
    if (before !== null) {
      before.close('another connection has taken its place');
      this.#tellLost('the peer answers on a new connection only');
    }
    this.#current = connection;
    this.#usedMs = this.#context.nowMs();
    this.#context.counters.linksOpened++;
    this.#outbox = waiting;
    this.#outboxBytes = waitingBytes;
    this.#backOffMs = backOffMsMin;
    this.#unanswered = 0;
    this.#startPinging();
    this.flush();
    this.#context.onReady(this.peer, life, this.lane);
  }

  #startPinging(): void {
    this.#pingTimer = this.#context.startTimer(pingMs, () => {
      if (this.#isIdle()) return this.#closeIdle();
      if (this.#unanswered >= unansweredMax) this.#connect();
      if (this.#isUsed || this.#unanswered > 0) {
        this.#isUsed = false;
        this.#unanswered++;
        this.#current?.send([wire.encodePing()]);
      }
      this.#startPinging();
    });
  }

  /** For so long that it is closed, and all that was ever sent on it has arrived. What consensus says goes by a link that stays. */
  #isIdle(): boolean {
    const { lane } = this;
    const nowMs = this.#context.nowMs();
    if (this.#isUsed) this.#usedMs = nowMs;
    if (lane !== 'bulk' || nowMs - this.#usedMs < this.#context.linkIdleMs || this.bytesQueued > 0) return false;
    return this.#current !== null && this.#current.sequenceArrived >= this.#current.sequence;
  }

  /** Nothing is lost: nobody is told. It is dialled when it is wanted again. */
  #closeIdle(): void {
    this.#next?.close('nobody needs it');
    this.#next = null;
    this.#forgetCurrent()?.close('nobody needs it');
    this.#context.counters.linksClosedIdle++;
  }

  #lost(connection: OutgoingConnection, reason: string): void {
    if (connection === this.#next) {
      this.#next = null;
      this.#context.problems.note(this.peer, 'unreachable', reason);
      if (this.#current === null && this.#outbox.length > 0) {
        this.#emptyOutbox();
        this.#tellLost(reason);
      }
    } else {
      this.#forgetCurrent();
      this.#tellLost(reason);
    }
    if (this.#current === null && this.#next === null) this.#redialLater();
  }

  #tellLost(reason: string): void {
    this.#context.logger.log('info', 'linkLost', { peer: this.peer, lane: this.lane, reason });
    this.#context.onLost(this.peer, this.lane);
  }

  #redialLater(): void {
    if (this.#context.isClosed()) return;
    const heardMs = this.#context.sinceHeardMs(this.peer);
    const limit = heardMs !== null && heardMs < recentMs ? backOffMsRecent : backOffMsMax;
    const delayMs = Math.min(this.#backOffMs, limit);
    this.#backOffMs = Math.min(this.#backOffMs * 2, backOffMsMax);
    this.#redialTimer = this.#context.startTimer(delayMs, () => {
      this.#redialTimer = null;
      // What is for bulk is opened when it is wanted.
      if (this.lane === 'consensus' || this.#outbox.length > 0) this.dial();
    });
  }

  #forgetCurrent(): OutgoingConnection | null {
    const current = this.#current;
    this.#pingTimer?.cancel();
    this.#pingTimer = null;
    this.#current = null;
    this.#emptyOutbox();
    return current;
  }

  #emptyOutbox(): void {
    this.#outbox = [];
    this.#joined = [];
    this.#outboxBytes = 0;
  }

  #stopRedialling(): void {
    this.#redialTimer?.cancel();
    this.#redialTimer = null;
  }
}
