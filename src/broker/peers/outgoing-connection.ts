import type { BrokerId } from '../../base/branded.ts';
import type { Life, ShownLife } from '../../base/life.ts';
import type { Lane, Link, Timer } from '../../host/index.ts';
import * as wire from '../../wire/index.ts';
import type { CausalLink } from '../causal-ring.ts';
import { DelayLine } from './delay-line.ts';
import { connectionOf, type LinkContext } from './link-context.ts';

const handshakeMs = 1000;

/** What becomes of a connection. */
export interface ConnectionEvents {
  /** Both sides have proven themselves; `life` is the peer's. */
  ready(connection: OutgoingConnection, life: Life): void;
  pong(connection: OutgoingConnection): void;
  /** It is of no use any more; told once, and not after `close`. */
  lost(connection: OutgoingConnection, reason: string): void;
}

/** One connection to a peer on one lane, from its dialling on: proves itself within a second or is lost. */
export class OutgoingConnection {
  readonly #context: LinkContext;
  readonly #peer: BrokerId;
  readonly #lane: Lane;
  readonly #events: ConnectionEvents;
  readonly #link: Link;
  readonly #line: DelayLine;
  /** What this side shows of itself, with a nonce for this connection alone. */
  readonly #own: wire.Participant;
  readonly #causal: CausalLink;
  /** The peer's, once it has proven itself. */
  #life: Life | null = null;
  #isReady = false;
  #isEnded = false;
  #sequence = 0;
  #sequenceArrived = 0;
  #handshakeTimer: Timer | null;

  constructor(context: LinkContext, peer: BrokerId, lane: Lane, events: ConnectionEvents) {
    this.#context = context;
    this.#peer = peer;
    this.#lane = lane;
    this.#events = events;
    this.#own = { broker: context.self, life: context.lives.shownTo(peer), nonce: context.random.bytes(wire.nonceBytes) };
    this.#causal = { peer, connection: connectionOf(this.#own.nonce) };
    const reader = new wire.FrameReader(context.bytes, wire.handshakeFrameBytesMax);
    this.#link = context.network.dial(peer, lane, {
      opened: () => {
        if (!this.#isEnded) this.send([this.#hello()]);
      },
      received: (bytes) => {
        if (this.#isEnded) return;
        reader.push(bytes, (frame) => !this.#isEnded && this.#receive(frame));
        if (reader.damage !== null) this.#end(`received ${reader.damage}`);
      },
      closed: (reason, isDistrusted) => {
        if (isDistrusted === true) this.#refuse('distrusted', reason);
        else this.#end(reason);
      },
    });
    this.#line = new DelayLine(context, this.#link);
    this.#handshakeTimer = context.startTimer(handshakeMs, () => {
      this.#handshakeTimer = null;
      this.#end('no handshake in time');
    });
  }

  /** Of the peer's life that this connection leads to; 0 before that is known. */
  get incarnation(): number {
    return this.#life?.incarnation ?? 0;
  }

  /** Of the last frame that was sent. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Of the last frame that the peer says has arrived. */
  get sequenceArrived(): number {
    return this.#sequenceArrived;
  }

  get bytesQueued(): number {
    return this.#line.bytesQueued;
  }

  /** All of them in one call. */
  send(messages: readonly wire.Draft[]): void {
    const chunks: Uint8Array[] = [];
    const { causes, bytes } = this.#context;
    const stamp = this.#context.stamp();
    // What the handshake sends is no event: whoever is there has not proven it yet.
    const atMs = this.#isReady ? this.#context.wallMs() : 0;
    for (const message of messages) {
      wire.sealFrame(message, ++this.#sequence, stamp, bytes, chunks);
      if (this.#isReady) causes.sent(this.#causal, message.kind, message.group, this.#sequence, message.lengthBytes, atMs);
    }
    // A link stands as soon as it can, however slow it is then.
    this.#line.send(chunks, this.#isReady ? this.#context.conditions.delayMs(this.#peer) : 0);
  }

  /** What was done to links by hand has changed. */
  release(): void {
    this.#line.release();
  }

  close(reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#handshakeTimer?.cancel();
    this.#line.drop();
    this.#link.close(reason);
  }

  #end(reason: string): false {
    if (this.#isEnded) return false;
    this.close(reason);
    this.#events.lost(this, reason);
    return false;
  }

  #refuse(kind: 'refused' | 'distrusted', reason: string): false {
    if (!this.#isEnded) this.#context.problems.note(this.#peer, kind, reason);
    return this.#end(reason);
  }

  #hello(): wire.Draft {
    const { clusterId, version, brokers, bytes } = this.#context;
    return wire.encodeHello({ ...this.#own, lane: this.#lane, wanted: this.#peer, clusterId, version, brokers }, bytes);
  }

  #receive(frame: wire.WireFrame): boolean {
    const { bytes, secret, clusterId } = this.#context;
    if (this.#context.conditions.isPaused) return true;
    if (this.#isReady) this.#context.onBack(frame, this.#causal);
    if (frame.kind === wire.handshakeKinds.challenge) {
      const challenge = wire.decodeChallenge(frame.body);
      if (challenge === null || challenge.broker !== this.#peer) return this.#end('answered by somebody else');
      const input = { lane: this.#lane, clusterId, dialler: this.#own, accepter: challenge };
      if (!wire.proofHolds(secret, { ...input, role: 'accepter' }, challenge.proof, bytes)) {
        return this.#refuse('refused', `its token is not that of broker ${this.#context.self}`);
      }
      this.#life = challenge.life;
      this.#meet(challenge.life, wire.encodeProof(wire.makeProof(secret, { ...input, role: 'dialler' }, bytes)));
    } else if (frame.kind === wire.handshakeKinds.welcome && this.#life !== null && !this.#isReady) {
      this.#isReady = true;
      this.#handshakeTimer?.cancel();
      this.#events.ready(this, this.#life);
    } else if (frame.kind === wire.handshakeKinds.pong) {
      this.#sequenceArrived = Math.max(this.#sequenceArrived, wire.decodePong(frame.body) ?? 0);
      this.#events.pong(this);
    } else if (frame.kind === wire.handshakeKinds.refusal) {
      const { reason, isOfLife } = wire.decodeRefusal(frame.body, bytes) ?? { reason: 'no reason given', isOfLife: false };
      // Whoever has not proven itself cannot make this broker end.
      this.#context.onRefused(this.#peer, reason, isOfLife && this.#life !== null);
      return this.#end(`refused: ${reason}`);
    }
    return true;
  }

  /** Proves itself to the peer unless that is not the broker that it was. */
  #meet(life: ShownLife, proof: wire.Draft): void {
    this.#context.lives.meet(this.#peer, life, (meeting) => {
      if (this.#isEnded || this.#context.isClosed()) return;
      if (meeting.kind === 'known') return this.send([proof]);
      this.#refuse('refused', meeting.reason);
    });
  }
}
