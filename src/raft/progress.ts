import { type BrokerId, firstOffset, type Offset, offset } from '../base/branded.ts';
import type { ProbePoint } from './log.ts';
import type { AppendEntriesResponse } from './messages.ts';
import type { LoadRequest, PeerStatus, RaftConfig } from './types.ts';

type Limits = Pick<RaftConfig, 'bulkBytesMin' | 'inFlightBytesMax'>;

/**
 * How far a leader has brought one peer, within one term.
 *
 * `probe`: it is not known where the peer's log meets ours; one message is out, and the next leaves after its answer or with the next round.
 * `replicate`: the logs meet at or above `matchOffset`; messages leave one after another, `nextOffset` runs ahead, and the bytes in flight are bounded.
 *
 * What is in flight is sent again only when it is known to be lost, for on a slow line it is much. A heartbeat may overtake it, so it stands at
 * `matchOffset`, where nobody refuses it. Entries keep to one way (quick or bulk) until none are in flight, so they are refused only behind a loss; and where
 * nothing has come back for a while an empty message follows them the same way, for there may be a loss with nothing behind it.
 *
 * Invariant: matchOffset <= nextOffset; what counts as in flight ends at or below `nextOffset`.
 */
export class Progress {
  readonly peer: BrokerId;
  state: 'probe' | 'replicate' | 'rolledBack' = 'probe';
  /** Known to be equal to our log and synced there. */
  matchOffset: Offset = firstOffset;
  nextOffset: Offset;
  /** Probing: false while the batch around `nextOffset` has to be loaded to learn where it begins. */
  isAtBoundary = true;
  /** Probing: the logs most likely meet at `nextOffset`, so that the probe may bring what comes behind it. */
  isCertain = true;
  /** When it last answered, in ticks of this leadership. */
  heardAt = 0;
  /** Highest round sent to it, and answered by it. */
  roundSent = -1;
  roundAnswered = -1;
  /** What it had answered when the newest round began that a quorum has confirmed; 0 for nothing. */
  asOfContext = 0;
  highWatermarkSent: Offset = firstOffset;
  /** The one outstanding request for older batches. */
  load: LoadRequest | null = null;
  /** No load before a round above this one: the last could not be read. */
  loadAfterRound = -1;

  /** Of the last message sent to it. */
  #number = 0;
  /** The first message since it was last decided where to go on: refusals of earlier ones were dealt with then. */
  #firstNumber = 1;
  /** Probing: the end and number of the probe that is out; null when none is. Number 0: none is to leave before the next round. */
  #probe: { readonly to: Offset; readonly number: number } | null = null;
  /** Entries go by the way for bulk: decided when none are in flight. */
  #isBulk = false;
  /** More wanted to go by the quick way than may: the next entries go by the other. */
  #wantsBulk = false;
  /** May be in flight by the way for bulk; at least `bulkBytesMin` all the same. */
  #windowBytes = 0;
  /** When what is in flight last moved on, or was asked for, in ticks of this leadership. */
  #movedAt = 0;
  /** Ends and sizes of the messages in flight, oldest first. */
  #inFlight: { readonly offsetTo: Offset; readonly bytes: number }[] = [];
  #inFlightBytes = 0;
  /** Every message of this round or later was sent when the peer had synced at least this much. */
  #fence: { readonly round: number; readonly matchOffset: Offset } = { round: 0, matchOffset: firstOffset };

  constructor(peer: BrokerId, nextOffset: Offset) {
    this.peer = peer;
    this.nextOffset = nextOffset;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  get isProbeOut(): boolean {
    return this.#probe !== null;
  }

  get status(): PeerStatus {
    return {
      peer: this.peer,
      matchOffset: this.matchOffset,
      nextOffset: this.nextOffset,
      state: this.state,
      inFlightBytes: this.#inFlightBytes,
    };
  }

  /** The number of the message that leaves now. */
  nextNumber(): number {
    return ++this.#number;
  }

  /**
   * Whether entries of so many bytes may leave now. By the quick way little may be in flight, because heartbeats go there too: what is more waits until
   * nothing is, and then goes by the other, as far as its window allows.
   */
  mayTake(bytes: number, { bulkBytesMin, inFlightBytesMax }: Limits): boolean {
    if (this.#inFlightBytes >= inFlightBytesMax) return false;
    if (this.#inFlight.length === 0) {
      this.#isBulk = this.#wantsBulk || bytes >= bulkBytesMin;
      return true;
    }
    if (this.#isBulk) return this.#inFlightBytes < this.#bulkWindow(bulkBytesMin);
    this.#wantsBulk = this.#inFlightBytes + bytes > bulkBytesMin;
    return !this.#wantsBulk;
  }

  /** Bytes in one message by the way for bulk: few on a slow line, so that little is lost with a connection. */
  bulkMessageBytes({ bulkBytesMin }: Limits): number {
    return Math.max(bulkBytesMin, this.#bulkWindow(bulkBytesMin) / 8);
  }

  #bulkWindow(bulkBytesMin: number): number {
    return Math.max(this.#windowBytes, bulkBytesMin);
  }

  /** The window of the way for bulk opens as long as what it is given leaves this host at once, and closes while it piles up here (`bytesQueued`). */
  #moveWindow(acknowledgedBytes: number, bytesQueued: number, { bulkBytesMin, inFlightBytesMax }: Limits): void {
    const window = this.#bulkWindow(bulkBytesMin);
    if (bytesQueued === 0) this.#windowBytes = Math.min(inFlightBytesMax, window + acknowledgedBytes);
    else if (bytesQueued > bulkBytesMin) this.#windowBytes = Math.max(bulkBytesMin, window - acknowledgedBytes);
  }

  /** Entries leave by the way for bulk. */
  get isBulk(): boolean {
    return this.#isBulk;
  }

  /** A message with these entries leaves. While probing, `nextOffset` waits for the answer. */
  sentEntries(offsetTo: Offset, bytes: number, now: number): void {
    if (this.#inFlight.length === 0) {
      this.#movedAt = now;
      this.#wantsBulk = false;
    }
    this.#inFlight.push({ offsetTo, bytes });
    this.#inFlightBytes += bytes;
    if (this.state === 'replicate') this.nextOffset = offsetTo;
  }

  /** The message just sent asks whether the logs meet at `nextOffset`. One that asks again leaves the first as it was. */
  sentProbe(offsetTo: Offset): void {
    if (this.#probe === null || this.#probe.number === 0) this.#probe = { to: offsetTo, number: this.#number };
  }

  /** Whether nothing in flight has moved on for so long that an empty message is to follow it; then counts anew. */
  isStuck(now: number, ticks: number): boolean {
    if (this.#inFlight.length === 0 || now - this.#movedAt < ticks) return false;
    this.#movedAt = now;
    return true;
  }

  /** Goes back to asking where the logs meet; nothing in flight is counted on. */
  probeFrom(nextOffset: Offset, isBoundary = true, isCertain = true): void {
    this.#ask(nextOffset, isBoundary, isCertain);
    this.#inFlight = [];
    this.#inFlightBytes = 0;
  }

  #ask(nextOffset: Offset, isBoundary: boolean, isCertain: boolean): void {
    this.state = 'probe';
    this.nextOffset = nextOffset;
    this.isAtBoundary = isBoundary;
    this.isCertain = isCertain;
    this.#probe = null;
    this.#firstNumber = this.#number + 1;
    this.#windowBytes = 0;
  }

  /** What it had acknowledged is gone from its disk: it counts for nothing any more, and is sent nothing (design, D11). */
  rolledBack(): void {
    this.probeFrom(firstOffset);
    this.state = 'rolledBack';
    this.matchOffset = firstOffset;
  }

  /**
   * The link broke: what is in flight may be lost. How much of it, the peer tells when it is asked for all of it; until then nothing is sent again. The next
   * probe leaves with the next round, so that a dead link is not flooded.
   */
  lostLink(): void {
    if (this.state === 'rolledBack') return;
    this.#ask(this.nextOffset, this.state === 'replicate' || this.isAtBoundary, false);
    if (this.isAtBoundary) this.#probe = { to: this.nextOffset, number: 0 };
  }

  /** A link stands again: what was asked before it can have no answer, so ask at once. */
  foundLink(): void {
    if (this.state === 'probe') this.#probe = null;
  }

  /** Takes a positive answer; `bytesQueued` wait in this host for the way for bulk. */
  acknowledged(response: AppendEntriesResponse, now: number, bytesQueued: () => number, limits: Limits): void {
    if (response.matchOffset > this.matchOffset) {
      this.matchOffset = response.matchOffset;
      this.#movedAt = now;
    }
    const before = this.#inFlightBytes;
    while ((this.#inFlight[0]?.offsetTo ?? Number.POSITIVE_INFINITY) <= this.matchOffset) {
      this.#inFlightBytes -= (this.#inFlight.shift() as { bytes: number }).bytes;
    }
    if (this.#isBulk && this.#inFlightBytes < before) this.#moveWindow(before - this.#inFlightBytes, bytesQueued(), limits);
    if (this.state === 'probe') {
      const probe = this.#probe;
      if (probe !== null && probe.number > 0 && response.number >= probe.number) this.#replicateFrom(probe.to);
      else if (this.matchOffset >= this.nextOffset) this.#replicateFrom(this.matchOffset);
    }
    if (this.nextOffset < this.matchOffset) this.nextOffset = this.matchOffset;
  }

  /** Takes a refusal; `backUp` finds where to go on. Late answers to what was settled since change nothing. */
  refused(response: AppendEntriesResponse, backUp: () => ProbePoint): void {
    const { requestOffset } = response;
    const isLate = response.number < this.#firstNumber || (this.state === 'probe' && this.#probe === null);
    if (isLate || requestOffset <= this.matchOffset) return;
    const point = backUp();
    // A correct peer's hint leads below what it has refused; another's must not make us go up.
    if (point.offset >= requestOffset || point.offset <= this.matchOffset) this.probeFrom(this.matchOffset);
    else this.probeFrom(point.offset, point.isBoundary, point.isCertain);
  }

  /**
   * Remembers what the peer has synced now: messages of `round` and later are sent with this knowledge. The fence moves on only when it was
   * answered, so that it works however slow the answers are.
   */
  raiseFence(round: number): void {
    if (this.roundAnswered >= this.#fence.round) this.#fence = { round, matchOffset: this.matchOffset };
  }

  /**
   * Whether this answer shows a log that ends below what the peer had synced before the request was sent. A request sent then stood at or above
   * the match, where a log that still holds the match cannot give a lower hint; a late answer carries an older round.
   */
  showsRollback(response: AppendEntriesResponse): boolean {
    const shown = response.success ? response.matchOffset : response.hintOffset;
    return response.readContext >= this.#fence.round && shown < this.#fence.matchOffset;
  }

  #replicateFrom(nextOffset: Offset): void {
    this.state = 'replicate';
    this.isAtBoundary = true;
    this.#probe = null;
    this.nextOffset = offset(Math.max(this.matchOffset, nextOffset));
    // Batches of a probe that somebody's late answer has settled: they are sent again, so they are not counted twice.
    while ((this.#inFlight.at(-1)?.offsetTo ?? 0) > this.nextOffset)
      this.#inFlightBytes -= (this.#inFlight.pop() as { bytes: number }).bytes;
  }
}
