import type { BrokerId } from '../base/branded.ts';
import type { Life, ShownLife } from '../base/life.ts';
import type { Lane, Link, Timer } from '../host/index.ts';
import * as wire from '../wire/index.ts';
import type { LinkContext } from './links.ts';

const backOffMsMin = 20;
/** To a peer that was alive a moment ago: it is most likely on its way back. */
const backOffMsRecent = 100;
const backOffMsMax = 1000;
const recentMs = 30_000;
const handshakeMs = 1000;
const pingMs = 1000;
/**
 * So many pings without an answer, and the link leads nowhere. Many: where one message in ten is lost and one in three is late, three in a row go
 * unanswered every few minutes, and a handshake there rarely succeeds at once.
 */
const unansweredMax = 10;

/**
 * One way out, to one peer on one lane: dials, proves itself, sends, and dials again after a break. What was on the way when it broke is lost; consensus
 * and requests know how to live with that.
 */
export class OutgoingLink {
  readonly peer: BrokerId;
  readonly lane: Lane;
  readonly #context: LinkContext;
  #link: Link | null = null;
  #isReady = false;
  /** The peer's, once it has proven itself. */
  #life: Life | null = null;
  #sequence = 0;
  #outbox: wire.Draft[] = [];
  #outboxBytes = 0;
  #backOffMs = backOffMsMin;
  #timer: Timer | null = null;
  #pingTimer: Timer | null = null;
  #unanswered = 0;
  /** Something was not taken since the queue was empty. */
  #isFull = false;
  /** Something was sent since the last ping: a link that nobody uses is not looked at. */
  #isUsed = false;
  /** Counts dials: what an older one still reports is ignored. */
  #generation = 0;

  constructor(context: LinkContext, peer: BrokerId, lane: Lane) {
    this.#context = context;
    this.peer = peer;
    this.lane = lane;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Of the peer's life that this link leads to. */
  get incarnation(): number {
    return this.#life?.incarnation ?? 0;
  }

  get bytesQueued(): number {
    return (this.#link?.bytesQueued ?? 0) + this.#outboxBytes;
  }

  /** Dials at once unless a link is up or under way. */
  dial(): void {
    if (this.#link !== null || this.#context.isClosed()) return;
    this.#stopTimer();
    const generation = ++this.#generation;
    const isCurrent = (): boolean => generation === this.#generation && this.#link !== null;
    const reader = new wire.FrameReader(this.#context.bytes, wire.handshakeFrameBytesMax);
    const { self, lives, random } = this.#context;
    const own = { broker: self, life: lives.shownTo(this.peer), nonce: random.bytes(wire.nonceBytes) };
    this.#sequence = 0;
    this.#link = this.#context.network.dial(this.peer, this.lane, {
      opened: () => {
        if (isCurrent()) this.#sendNow(this.#hello(own));
      },
      received: (bytes) => {
        if (!isCurrent()) return;
        reader.push(bytes, (frame) => isCurrent() && this.#receive(frame, own));
        if (reader.damage !== null && isCurrent()) this.#break(`received ${reader.damage}`);
      },
      closed: (reason) => {
        if (isCurrent()) this.#lost(reason);
      },
    });
    this.#timer = this.#context.startTimer(handshakeMs, () => {
      this.#timer = null;
      if (!this.#isReady && isCurrent()) this.#break('no handshake in time');
    });
  }

  /**
   * Queues a message for the end of the turn. False when there is no way out now: it is not sent, then or later. What does not fit is as good as lost,
   * and what waits stays: with a link that is dropped for being full, a peer that lacks much would be sent the same again for ever. Where nothing waits
   * one message of any length goes.
   */
  send(message: wire.Draft): boolean {
    if (!this.#isReady) return false;
    const { bytesQueued } = this;
    if (bytesQueued > 0 && bytesQueued + message.lengthBytes > this.#context.linkBytesMax) {
      if (!this.#isFull) this.#context.logger.log('info', 'linkFull', { peer: this.peer, lane: this.lane, bytesQueued });
      this.#isFull = true;
      return false;
    }
    if (this.#isFull && bytesQueued === 0) this.#isFull = false;
    this.#outbox.push(message);
    this.#outboxBytes += message.lengthBytes;
    return true;
  }

  /** Everything of this turn in one call. */
  flush(): void {
    if (this.#outbox.length === 0) return;
    const outbox = this.#outbox;
    const bytes = this.#outboxBytes;
    this.#outbox = [];
    this.#outboxBytes = 0;
    if (this.#link === null) return;
    this.#isUsed = true;
    const chunks: Uint8Array[] = [];
    const stamp = this.#context.stamp();
    for (const message of outbox) wire.sealFrame(message, ++this.#sequence, stamp, this.#context.bytes, chunks);
    this.#context.counters.framesSent += outbox.length;
    this.#context.counters.bytesSent += bytes;
    this.#link.send(chunks);
  }

  /** Closes and stays closed until the next `dial`. */
  close(reason: string): void {
    this.#stopTimer();
    const link = this.#link;
    const wasReady = this.#forget();
    this.#backOffMs = backOffMsMin;
    link?.close(reason);
    if (wasReady) this.#context.onLost(this.peer, this.lane);
  }

  #hello(own: wire.Participant): wire.Draft {
    const { clusterId, version, bytes } = this.#context;
    return wire.encodeHello({ ...own, lane: this.lane, wanted: this.peer, clusterId, version }, bytes);
  }

  #receive(frame: wire.WireFrame, own: wire.Participant): boolean {
    const { bytes } = this.#context;
    if (frame.kind === wire.handshakeKinds.challenge) {
      const challenge = wire.decodeChallenge(frame.body);
      if (challenge === null || challenge.broker !== this.peer) return this.#break('answered by somebody else');
      const input = { lane: this.lane, clusterId: this.#context.clusterId, dialler: own, accepter: challenge };
      if (!wire.proofHolds(this.#context.secret, { ...input, role: 'accepter' }, challenge.proof, bytes)) {
        return this.#break('the peer does not know the secret');
      }
      this.#life = challenge.life;
      this.#meet(challenge.life, wire.encodeProof(wire.makeProof(this.#context.secret, { ...input, role: 'dialler' }, bytes)));
    } else if (frame.kind === wire.handshakeKinds.welcome && this.#life !== null) {
      this.#isReady = true;
      this.#backOffMs = backOffMsMin;
      this.#stopTimer();
      this.#unanswered = 0;
      this.#startPinging();
      this.#context.onReady(this.peer, this.#life, this.lane);
    } else if (frame.kind === wire.handshakeKinds.pong) {
      this.#unanswered = 0;
    } else if (frame.kind === wire.handshakeKinds.refusal) {
      const { reason, isOfLife } = wire.decodeRefusal(frame.body, bytes) ?? { reason: 'no reason given', isOfLife: false };
      // Whoever has not proven itself cannot make this broker end.
      this.#context.onRefused(this.peer, reason, isOfLife && this.#life !== null);
      return this.#break(`refused: ${reason}`);
    }
    return true;
  }

  /** Proves itself to the peer unless that is not the broker that it was. */
  #meet(life: ShownLife, proof: wire.Draft): void {
    const generation = this.#generation;
    this.#context.lives.meet(this.peer, life, (meeting) => {
      if (generation !== this.#generation || this.#context.isClosed()) return;
      if (meeting.kind === 'known') return this.#sendNow(proof);
      this.#context.logger.log('warn', 'peerRefused', { peer: this.peer, reason: meeting.reason });
      this.#break(meeting.reason);
    });
  }

  /**
   * A connection whose other end has vanished without a word (loss of power, a router that forgot it) takes bytes for a quarter of an hour before
   * the machine gives it up, and what a follower is sent meanwhile never arrives. A peer from which nothing comes on its own link either is cut off
   * or asleep: then a new connection would be no better.
   */
  #startPinging(): void {
    this.#pingTimer?.cancel();
    this.#pingTimer = this.#context.startTimer(pingMs, () => {
      if (!this.#isReady) return;
      const heardMs = this.#context.sinceHeardMs(this.peer);
      if (heardMs === null || heardMs > pingMs) this.#unanswered = 0;
      if (this.#unanswered >= unansweredMax) {
        this.#break('the peer is there, but this link does not reach it');
        return;
      }
      if (this.#isUsed || this.#unanswered > 0) {
        this.#isUsed = false;
        this.#unanswered++;
        this.#sendNow(wire.encodePing());
      }
      this.#startPinging();
    });
  }

  #sendNow(message: wire.Draft): void {
    const chunks: Uint8Array[] = [];
    wire.sealFrame(message, ++this.#sequence, this.#context.stamp(), this.#context.bytes, chunks);
    this.#link?.send(chunks);
  }

  #break(reason: string): false {
    const link = this.#link;
    this.#lost(reason);
    link?.close(reason);
    return false;
  }

  #lost(reason: string): void {
    const wasReady = this.#forget();
    this.#stopTimer();
    if (wasReady) {
      this.#context.logger.log('info', 'linkLost', { peer: this.peer, lane: this.lane, reason });
      this.#context.onLost(this.peer, this.lane);
    }
    if (this.#context.isClosed()) return;
    const heardMs = this.#context.sinceHeardMs(this.peer);
    const limit = heardMs !== null && heardMs < recentMs ? backOffMsRecent : backOffMsMax;
    const delayMs = Math.min(this.#backOffMs, limit);
    this.#backOffMs = Math.min(this.#backOffMs * 2, backOffMsMax);
    this.#timer = this.#context.startTimer(delayMs, () => {
      this.#timer = null;
      this.dial();
    });
  }

  #forget(): boolean {
    const wasReady = this.#isReady;
    this.#pingTimer?.cancel();
    this.#pingTimer = null;
    this.#generation++;
    this.#link = null;
    this.#life = null;
    this.#isReady = false;
    this.#outbox = [];
    this.#outboxBytes = 0;
    return wasReady;
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
