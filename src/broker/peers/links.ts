import { type BrokerId, brokerId } from '../../base/branded.ts';
import type { Life } from '../../base/life.ts';
import type { Stamp } from '../../clocks/index.ts';
import type { Bytes, Clock, Lane, Logger, Network, Random } from '../../host/index.ts';
import type { AppendEntries, Message } from '../../raft/index.ts';
import * as wire from '../../wire/index.ts';
import type { CausalLink, CausalRing } from '../causal-ring.ts';
import type { Counters } from '../counters.ts';
import type { LogSpans } from '../log-spans.ts';
import { ClocksAhead } from './clocks-ahead.ts';
import { cutOffReason, type FaultsByHand } from './faults-by-hand.ts';
import { IncomingLink } from './incoming-link.ts';
import type { LinkContext } from './link-context.ts';
import { OutgoingLink } from './outgoing-link.ts';
import type { PeerLives } from './peer-lives.ts';
import { PeerProblems } from './peer-problems.ts';
import { Strangers } from './strangers.ts';

/** What the broker makes of the links. */
export interface LinkEvents {
  /** `isInOrder` is false for a frame that came twice or late. */
  frame(peer: BrokerId, frame: wire.WireFrame, isInOrder: boolean): void;
  /** A stamp of this peer has come, before anything is done because of it. */
  stamped(peer: BrokerId, stamp: Stamp): void;
  /** What was on the way to or from this peer may be lost. */
  lost(peer: BrokerId): void;
  /** There is a way to this peer again. */
  ready(peer: BrokerId): void;
  /** A link to or from this life of a peer is taken into use. */
  met(peer: BrokerId, life: Life): void;
  /** This peer does not take this data directory for that of this broker. */
  disowned(peer: BrokerId, reason: string): void;
}

export interface LinksOptions {
  readonly clock: Clock;
  readonly bytes: Bytes;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly causes: CausalRing;
  /** Which batches that leave for followers are traced. */
  readonly logSpans: Pick<LogSpans, 'isActive' | 'tracesOf'>;
  readonly self: BrokerId;
  readonly peers: readonly BrokerId[];
  readonly clusterId: string;
  readonly version: string;
  /** The configured list as text, by which peers find that theirs differs. */
  readonly brokers: string;
  readonly lives: Pick<PeerLives, 'shownTo' | 'show' | 'meet' | 'confirmed'>;
  readonly secret: Uint8Array | null;
  readonly linkBytesMax: number;
  readonly linkIdleMs: number;
  readonly faults: FaultsByHand;
  stamp(): Stamp;
}

interface News {
  readonly group: number;
  readonly message: AppendEntries;
  /** It has waited for a turn already. */
  isDue: boolean;
}

/** Ids of groups have 32 bits, those of brokers 20. */
const keyOf = (group: number, peer: BrokerId): number => group * 0x10_0000 + peer;

/** All links of a broker: two ways out to every peer (`OutgoingLink`), and whatever peers have dialled (`IncomingLink`). */
export class Links {
  readonly #options: LinksOptions;
  readonly #context: LinkContext;
  readonly #problems: PeerProblems;
  readonly clocksAhead: ClocksAhead;
  readonly #outgoing = new Map<BrokerId, { readonly consensus: OutgoingLink; readonly bulk: OutgoingLink }>();
  readonly #incoming = new Set<IncomingLink>();
  readonly #heardMs = new Map<BrokerId, number>();
  /** Group and peer -> news of the high watermark alone, held back for one turn: a batch that follows at once brings it as well. */
  readonly #news = new Map<number, News>();
  #isClosed = true;
  /** When it last began to dial. */
  openedMs = Number.NEGATIVE_INFINITY;

  constructor(options: LinksOptions, events: LinkEvents) {
    this.#options = options;
    this.#problems = new PeerProblems(options.logger, options.counters, options.peers, () => options.clock.monotonicMs());
    this.clocksAhead = new ClocksAhead(this.#problems, options.counters, () => options.clock.monotonicMs());
    /** Whatever follows from a frame comes after it in the trace, and has a later stamp. */
    const took = ({ kind, group, sequence, lengthBytes, stamp }: wire.WireFrame, link: CausalLink): void => {
      // What is left of a handshake may come twice.
      if (kind < wire.handshakeKinds.ping) return;
      events.stamped(brokerId(link.peer), stamp);
      options.causes.received(link, kind, group, sequence, lengthBytes, options.clock.wallMs());
    };
    this.#context = {
      ...options,
      problems: this.#problems,
      strangers: new Strangers(options.logger, () => options.clock.monotonicMs()),
      conditions: options.faults,
      startTimer: (delayMs, fire) => options.clock.startTimer(delayMs, fire),
      nowMs: () => options.clock.monotonicMs(),
      wallMs: () => options.clock.wallMs(),
      stamp: () => options.stamp(),
      isClosed: () => this.#isClosed,
      isPeer: (id) => options.peers.includes(brokerId(id)),
      sinceHeardMs: (peer) => this.sinceHeardMs(peer),
      onReady: (peer, life, lane) => {
        options.lives.confirmed(peer);
        this.#problems.linked(peer, 'out');
        events.met(peer, life);
        if (lane !== 'consensus') return;
        options.causes.linkUp(peer);
        events.ready(peer);
      },
      onLost: (peer, lane) => {
        if (lane === 'consensus') options.causes.linkLost(peer);
        events.lost(peer);
      },
      onRefused: (peer, reason, isOfLife) => {
        this.#problems.note(peer, 'refusedByPeer', reason);
        if (isOfLife) events.disowned(peer, reason);
      },
      onFrame: (peer, frame, isInOrder, link) => {
        this.#heardMs.set(peer, options.clock.monotonicMs());
        took(frame, link);
        events.frame(peer, frame, isInOrder);
      },
      onBack: (frame, link) => took(frame, link),
    };
    for (const peer of options.peers) {
      const link = (lane: Lane): OutgoingLink => new OutgoingLink(this.#context, peer, lane);
      this.#outgoing.set(peer, { consensus: link('consensus'), bulk: link('bulk') });
    }
    options.network.accept(
      (link) => {
        const incoming = new IncomingLink(this.#context, link, {
          accepted: (peer, life) => {
            options.lives.confirmed(peer);
            this.#problems.linked(peer, 'in');
            events.met(peer, life);
            this.#accepted(peer, life, incoming);
          },
          closed: (peer, isIdle) => {
            if (!this.#incoming.delete(incoming)) return;
            // Answers of that peer travel here: what was asked of it may stay unanswered.
            if (peer !== null && !isIdle) events.lost(peer);
          },
        });
        this.#incoming.add(incoming);
        if (this.#isClosed) options.clock.defer(() => incoming.close('not taking part'));
        return incoming.handlers;
      },
      (by, reason) => this.#distrusted(by, reason),
    );
  }

  /** Dials every peer at once. */
  open(): void {
    this.#isClosed = false;
    this.openedMs = this.#options.clock.monotonicMs();
    for (const { consensus } of this.#outgoing.values()) consensus.dial();
  }

  /** Whoever says so has proven nothing; a peer that is linked here has dialled, so it was not that one. */
  #distrusted(by: number, reason: string): void {
    for (const { peer } of this.#incoming) if (peer === by) return;
    this.#problems.note(by, 'distrustedByPeer', reason);
  }

  /** Nothing more leaves or comes in until `open`. */
  close(reason: string): void {
    this.#isClosed = true;
    for (const { consensus, bulk } of this.#outgoing.values()) {
      consensus.close(reason);
      bulk.close(reason);
    }
    for (const link of this.#incoming) link.close(reason);
    this.#incoming.clear();
    this.#news.clear();
  }

  /** Faults were made by hand, or healed: connections that are cut off close, what a delay held leaves, and what may be dialled is. */
  faultsChanged(): void {
    const { faults } = this.#options;
    for (const [peer, { consensus, bulk }] of this.#outgoing) {
      for (const link of [consensus, bulk]) {
        if (faults.isCutOff(peer)) link.close(cutOffReason);
        else link.release();
      }
      if (!this.#isClosed) consensus.dial();
    }
    for (const link of this.#incoming) {
      if (link.peer !== null && faults.isCutOff(link.peer)) link.close(cutOffReason);
      else link.release();
    }
  }

  /** Milliseconds since the last frame of this peer, null if there was none. */
  sinceHeardMs(peer: BrokerId): number | null {
    const heardMs = this.#heardMs.get(peer);
    return heardMs === undefined ? null : Math.round(this.#options.clock.monotonicMs() - heardMs);
  }

  /** All configured brokers but this one. */
  get peers(): readonly BrokerId[] {
    return this.#options.peers;
  }

  /** Why there is no link to or from a peer, or what is wrong with the one that there is, as a sentence; null when nothing is known to be. */
  problemOf(peer: BrokerId): string | null {
    return this.#problems.of(peer);
  }

  isReady(peer: BrokerId): boolean {
    return this.#outgoing.get(peer)?.consensus.isReady ?? false;
  }

  bytesQueued(peer: BrokerId): number {
    const links = this.#outgoing.get(peer);
    return links === undefined ? 0 : links.consensus.bytesQueued + links.bulk.bytesQueued;
  }

  /** Links that stand to other brokers. */
  get openCount(): number {
    let count = 0;
    for (const { consensus, bulk } of this.#outgoing.values()) count += Number(consensus.isReady) + Number(bulk.isReady);
    return count;
  }

  /** Of the way for bulk alone. */
  bulkBytesQueued(peer: BrokerId): number {
    return this.#outgoing.get(peer)?.bulk.bytesQueued ?? 0;
  }

  /** The place of what was last queued on the way to a peer; `hasArrived` tells of it. */
  placeOf(peer: BrokerId): number {
    return this.#outgoing.get(peer)?.consensus.placeQueued ?? 0;
  }

  /** What was queued up to this place of the present connection has reached the peer, or was lost where messages are lost one by one. */
  hasArrived(peer: BrokerId, place: number): boolean {
    return (this.#outgoing.get(peer)?.consensus.placeArrived ?? 0) >= place;
  }

  /** False when there is no way to the peer now. */
  send(peer: BrokerId, message: wire.Draft): boolean {
    if (this.#isClosed) return false;
    return this.#outgoing.get(peer)?.consensus.send(message) ?? false;
  }

  /** What is long and may wait: it does not hold up what consensus says. */
  sendBulk(peer: BrokerId, message: wire.Draft): boolean {
    if (this.#isClosed) return false;
    return this.#outgoing.get(peer)?.bulk.send(message) ?? false;
  }

  /** Consensus never learns that a message was not sent: a lost one and an unsent one are the same to it. */
  sendRaft(group: number, message: Message): void {
    if (this.#isClosed) return;
    if (message.type === 'appendEntries') {
      const key = keyOf(group, message.to);
      if (message.isNews) {
        this.#news.set(key, { group, message, isDue: this.#news.get(key)?.isDue ?? false });
        return;
      }
      this.#news.delete(key);
    }
    this.#sendNow(group, message);
  }

  #sendNow(group: number, message: Message): void {
    const links = this.#outgoing.get(message.to);
    if (links === undefined) return;
    const link = message.type === 'appendEntries' && message.isBulk === true ? links.bulk : links.consensus;
    const encoded = wire.encodeRaftMessage(group, message);
    link.send(this.#options.logSpans.isActive ? this.#traced(group, message, encoded) : encoded);
  }

  #traced(group: number, message: Message, encoded: wire.Draft): wire.Draft {
    const last = message.type === 'appendEntries' ? message.batches.at(-1) : undefined;
    if (message.type !== 'appendEntries' || last === undefined) return encoded;
    const traces = this.#options.logSpans.tracesOf(group, message.offsetFrom, last.offsetTo);
    return traces.length === 0 ? encoded : wire.withTraces(encoded, null, traces);
  }

  /** The end of a turn: what it queued leaves, in one call a link. True when something waits for the end of the next. */
  flush(): boolean {
    let isLeft = false;
    for (const [key, news] of this.#news) {
      if (news.isDue) {
        this.#news.delete(key);
        this.#sendNow(news.group, news.message);
      } else {
        news.isDue = true;
        isLeft = true;
      }
    }
    for (const { consensus, bulk } of this.#outgoing.values()) {
      consensus.flush();
      bulk.flush();
    }
    return isLeft;
  }

  #accepted(peer: BrokerId, { incarnation }: Life, link: IncomingLink): void {
    this.#heardMs.set(peer, this.#options.clock.monotonicMs());
    for (const other of this.#incoming) {
      if (other !== link && other.peer === peer && other.incarnation < incarnation) other.close('the peer has started anew');
    }
    const links = this.#outgoing.get(peer);
    if (links === undefined) return;
    // A link to its earlier life leads nowhere, whatever the socket says.
    for (const outgoing of [links.consensus, links.bulk]) {
      if (outgoing.isReady && outgoing.incarnation < incarnation) outgoing.close('the peer has started anew');
    }
    // It is there: do not wait for the back-off.
    links.consensus.dial();
  }
}
