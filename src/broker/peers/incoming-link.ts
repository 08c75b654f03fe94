import { type BrokerId, brokerId } from '../../base/branded.ts';
import type { Life } from '../../base/life.ts';
import type { Link, LinkHandlers } from '../../host/index.ts';
import * as wire from '../../wire/index.ts';
import type { CausalLink } from '../causal-ring.ts';
import { DelayLine } from './delay-line.ts';
import { cutOffReason } from './faults-by-hand.ts';
import { connectionOf, type LinkContext } from './link-context.ts';
import type { Meeting } from './peer-lives.ts';

/** What becomes of a link. */
export interface IncomingEvents {
  /** The peer has proven who it is. */
  accepted(peer: BrokerId, life: Life): void;
  /** `peer` is null where nobody has. `isIdle`: it was for bulk and has brought nothing for so long that its other end needs it no more: nothing is lost. */
  closed(peer: BrokerId | null, isIdle: boolean): void;
}

const handshakeMs = 2000;
/** While bytes come, the other end is told so this often: a large frame on a slow line takes its time. */
const pongMs = 1000;
/** Of answers to pings so much waits where they are delayed: whoever floods a broker with pings needs no more of them. */
const pongBytesMax = 16 * 1024;

/** One way in: answers the challenge and response of whoever dialled, then hands on frames. It sends nothing but the handshake and answers to pings. */
export class IncomingLink {
  readonly #context: LinkContext;
  readonly #link: Link;
  readonly #line: DelayLine;
  readonly #reader: wire.FrameReader;
  readonly #events: IncomingEvents;
  #hello: wire.Hello | null = null;
  #own: wire.Participant | null = null;
  #peer: BrokerId | null = null;
  /** Once the peer has proven itself. */
  #causal: CausalLink = { peer: 0, connection: 0 };
  /** Something is being written down that must be durable before this link goes on. */
  #isWaiting = false;
  #isClosed = false;
  #sequence = 0;
  /** The highest link sequence that came. */
  #lastSequence = 0;
  #pongMs = 0;
  /** When something came. */
  #heardMs = 0;

  readonly handlers: LinkHandlers;

  constructor(context: LinkContext, link: Link, events: IncomingEvents) {
    this.#context = context;
    this.#link = link;
    this.#line = new DelayLine(context, link);
    this.#events = events;
    this.#reader = new wire.FrameReader(context.bytes, wire.handshakeFrameBytesMax);
    const timer = context.startTimer(handshakeMs, () => {
      if (this.#peer === null) this.close('no handshake in time');
    });
    this.handlers = {
      opened: () => undefined,
      received: (bytes) => this.#received(bytes),
      closed: (reason) => {
        timer.cancel();
        this.#closed(reason);
      },
    };
  }

  /** Who is there, once proven. */
  get peer(): BrokerId | null {
    return this.#peer;
  }

  get incarnation(): number {
    return this.#hello?.life.incarnation ?? 0;
  }

  get lane(): 'consensus' | 'bulk' {
    return this.#hello?.lane ?? 'consensus';
  }

  /** What was done to links by hand has changed. */
  release(): void {
    this.#line.release();
  }

  close(reason: string): void {
    if (this.#isClosed) return;
    this.#link.close(reason);
    this.#closed(reason);
  }

  #closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#line.drop();
    if (this.#peer !== null) this.#context.logger.log('debug', 'linkClosed', { peer: this.#peer, reason });
    // The other end closes it by its own clock, after twice that.
    const isIdle = this.lane === 'bulk' && this.#context.nowMs() - this.#heardMs >= this.#context.linkIdleMs / 2;
    this.#events.closed(this.#peer, isIdle);
  }

  #received(bytes: Uint8Array): void {
    if (this.#isClosed || this.#context.isClosed()) return;
    this.#context.counters.bytesReceived += bytes.length;
    this.#heardMs = this.#context.nowMs();
    this.#reader.push(bytes, (frame) => {
      this.#receive(frame);
      return !this.#isClosed;
    });
    if (this.#reader.damage !== null) {
      const { damage } = this.#reader;
      if (this.#peer === null) this.#context.strangers.note(damage);
      else this.#context.logger.log('warn', 'linkDamaged', { peer: this.#peer, damage });
      this.close(`received ${this.#reader.damage}`);
    } else if (this.#peer !== null && this.#context.nowMs() - this.#pongMs >= pongMs) {
      this.#pong();
    }
  }

  #pong(): void {
    this.#pongMs = this.#context.nowMs();
    this.#send(wire.encodePong(this.#lastSequence));
  }

  #receive(frame: wire.WireFrame): void {
    if (this.#context.conditions.isPaused) return;
    if (this.#peer !== null) {
      const isInOrder = frame.sequence > this.#lastSequence;
      if (isInOrder) this.#lastSequence = frame.sequence;
      this.#context.counters.framesReceived++;
      this.#context.onFrame(this.#peer, frame, isInOrder, this.#causal);
      if (frame.kind === wire.handshakeKinds.ping) this.#pong();
      return;
    }
    if (this.#isWaiting) return;
    if (frame.kind === wire.handshakeKinds.hello && this.#hello === null) this.#answerHello(frame.body);
    else if (frame.kind === wire.handshakeKinds.proof && this.#hello !== null) this.#checkProof(this.#hello, frame.body);
    else if (frame.kind !== wire.handshakeKinds.hello) this.close('spoke before it had proven itself');
  }

  #answerHello(body: Uint8Array): void {
    const hello = wire.decodeHello(body, this.#context.bytes);
    if (hello === null) return this.close('sent a malformed hello');
    const problem = this.#problemOf(hello);
    if (problem !== null) return this.#refuse(problem, false, hello.broker);
    this.#hello = hello;
    const { secret, bytes, self, random, lives } = this.#context;
    const peer = brokerId(hello.broker);
    const own = { broker: self, life: lives.shownTo(peer), nonce: random.bytes(wire.nonceBytes) };
    this.#own = own;
    const proof = wire.makeProof(secret, { ...this.#proofInput(hello, own), role: 'accepter' }, bytes);
    this.#wait(
      (then) => lives.show(peer, then),
      () => this.#send(wire.encodeChallenge({ ...own, proof })),
    );
  }

  #problemOf(hello: wire.Hello): string | null {
    const { clusterId, self, brokers } = this.#context;
    if (idsOf(hello.brokers) !== idsOf(brokers)) return listsDiffer(hello, self, brokers);
    if (hello.clusterId !== clusterId) {
      // Where nobody gave it an id, that is derived from the list.
      return hello.brokers === brokers ? `this is cluster ${clusterId}, not ${hello.clusterId}` : listsDiffer(hello, self, brokers);
    }
    if (hello.wanted !== self) return `this is broker ${self}, not ${hello.wanted}`;
    if (hello.broker === self || !this.#context.isPeer(hello.broker)) return `broker ${hello.broker} is not configured here`;
    return null;
  }

  #checkProof(hello: wire.Hello, body: Uint8Array): void {
    const proof = wire.decodeProof(body);
    const { secret, bytes } = this.#context;
    const input = { ...this.#proofInput(hello, this.#own as wire.Participant), role: 'dialler' as const };
    if (proof === null || !wire.proofHolds(secret, input, proof, bytes))
      return this.#refuse(`its token is not that of broker ${this.#context.self}`);
    const peer = brokerId(hello.broker);
    this.#wait(
      (then) => this.#context.lives.meet(peer, hello.life, then),
      () => {
        // It is told nothing: whoever is cut off hears nothing.
        if (this.#context.conditions.isCutOff(peer)) return this.close(cutOffReason);
        this.#peer = peer;
        this.#causal = { peer, connection: connectionOf(hello.nonce) };
        this.#pongMs = this.#context.nowMs();
        this.#reader.allow(wire.wireFrameBytesMax);
        this.#events.accepted(peer, hello.life);
        // Addresses may change; who takes part may not.
        const { self, brokers, problems } = this.#context;
        if (hello.brokers === brokers) problems.forget(peer, 'listsDiffer');
        else problems.note(peer, 'listsDiffer', listsDiffer(hello, self, brokers));
        this.#send(wire.encodeWelcome());
      },
    );
  }

  #wait(until: (then: (meeting: Meeting) => void) => void, goOn: () => void): void {
    this.#isWaiting = true;
    until((meeting) => {
      this.#isWaiting = false;
      if (this.#isClosed || this.#context.isClosed()) return;
      if (meeting.kind === 'known') goOn();
      else this.#refuse(meeting.reason, meeting.kind === 'refused');
    });
  }

  #proofInput(hello: wire.Hello, own: wire.Participant): Omit<wire.ProofInput, 'role'> {
    return { lane: hello.lane, clusterId: this.#context.clusterId, dialler: hello, accepter: own };
  }

  #refuse(reason: string, isOfLife = false, claimedBy: number | null = null): void {
    const claimed = this.#hello?.broker ?? claimedBy;
    this.#context.problems.note(claimed, 'refused', reason);
    this.#send(wire.encodeRefusal({ reason, isOfLife }, this.#context.bytes));
    // Whoever was refused closes; if it does not, the handshake timer does.
  }

  #send(message: wire.Draft): void {
    const chunks: Uint8Array[] = [];
    const { causes, bytes } = this.#context;
    wire.sealFrame(message, ++this.#sequence, this.#context.stamp(), bytes, chunks);
    // The welcome is no event yet: the other end learns by it that it is one.
    if (this.#peer !== null && message.kind !== wire.handshakeKinds.welcome)
      causes.sent(this.#causal, message.kind, message.group, this.#sequence, message.lengthBytes, this.#context.wallMs());
    const delayMs = this.#peer === null || message.kind === wire.handshakeKinds.welcome ? 0 : this.#context.conditions.delayMs(this.#peer);
    if (delayMs > 0 && this.#line.bytesQueued > pongBytesMax) return;
    this.#line.send(chunks, delayMs);
  }
}

const idsOf = (brokers: string): string => brokers.replaceAll(/=[^,]*/g, '');
const listsDiffer = ({ broker, brokers }: wire.Hello, self: number, own: string): string =>
  `the lists of brokers differ: broker ${broker} has "${brokers}", broker ${self} has "${own}"`;
