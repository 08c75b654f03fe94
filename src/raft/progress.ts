import { type BrokerId, firstOffset, type Offset, offset } from '../base/branded.ts';
import type { ProbePoint } from './log.ts';
import type { AppendEntriesResponse } from './messages.ts';
import type { LoadRequest, PeerStatus } from './types.ts';

/**
 * How far a leader has brought one peer, within one term.
 *
 * `probe`: it is not known where the peer's log meets ours; one message is out, and the next leaves after its answer or with the next round.
 * `replicate`: the logs meet at or above `matchOffset`; messages leave one after another, `nextOffset` runs ahead, and the bytes in flight are bounded.
 * A heartbeat stands at `nextOffset`: a peer that has lost something in between refuses it, and that is how a loss is noticed.
 *
 * Invariant: matchOffset <= nextOffset; replicating, what counts as in flight ends at or below `nextOffset`.
 */
export class Progress {
  readonly peer: BrokerId;
  state: 'probe' | 'replicate' | 'rolledBack' = 'probe';
  /** Known to be equal to our log and synced there. */
  matchOffset: Offset = firstOffset;
  nextOffset: Offset;
  /** Probing: false while the batch around `nextOffset` has to be loaded to learn where it begins. */
  isAtBoundary = true;
  /** When it last answered, in ticks of this leadership. */
  heardAt = 0;
  /** Highest round sent to it, and answered by it. */
  roundSent = -1;
  roundAnswered = -1;
  highWatermarkSent: Offset = firstOffset;
  /** The one outstanding request for older batches. */
  load: LoadRequest | null = null;
  /** No load before a round above this one: the last could not be read. */
  loadAfterRound = -1;

  /** Probing: `offsetFrom` and end of the probe that is out; null when none is. */
  #probe: { readonly from: Offset; readonly to: Offset } | null = null;
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

  /** A message with batches up to `offsetTo` leaves. While probing, `nextOffset` waits for the answer. */
  sent(offsetFrom: Offset, offsetTo: Offset, bytes: number): void {
    if (bytes > 0) {
      this.#inFlight.push({ offsetTo, bytes });
      this.#inFlightBytes += bytes;
    }
    if (this.state === 'probe') this.#probe = this.isAtBoundary ? { from: offsetFrom, to: offsetTo } : null;
    else this.nextOffset = offsetTo;
  }

  /** Goes back to asking where the logs meet. */
  probeFrom(nextOffset: Offset, isBoundary = true): void {
    this.state = 'probe';
    this.nextOffset = nextOffset;
    this.isAtBoundary = isBoundary;
    this.#probe = null;
    this.#inFlight = [];
    this.#inFlightBytes = 0;
  }

  /** What it had acknowledged is gone from its disk: it counts for nothing any more, and is sent nothing (design, D11). */
  rolledBack(): void {
    this.probeFrom(firstOffset);
    this.state = 'rolledBack';
    this.matchOffset = firstOffset;
  }

  /** The link broke: what is in flight may be lost. The next probe leaves with the next round, so that a dead link is not flooded. */
  lostLink(): void {
    if (this.state === 'rolledBack') return;
    if (this.state === 'replicate') this.probeFrom(this.matchOffset);
    else this.probeFrom(this.nextOffset, this.isAtBoundary);
    if (this.isAtBoundary) this.#probe = { from: this.nextOffset, to: this.nextOffset };
  }

  /** A link stands again: what was asked before it can have no answer, so ask at once. */
  foundLink(): void {
    if (this.state === 'probe') this.#probe = null;
  }

  /** Takes a positive answer. */
  acknowledged(response: AppendEntriesResponse): void {
    if (response.matchOffset > this.matchOffset) this.matchOffset = response.matchOffset;
    while ((this.#inFlight[0]?.offsetTo ?? Number.POSITIVE_INFINITY) <= this.matchOffset) {
      this.#inFlightBytes -= (this.#inFlight.shift() as { bytes: number }).bytes;
    }
    if (this.state === 'probe') {
      const probe = this.#probe;
      if (probe?.from === response.requestOffset) this.#replicateFrom(probe.to);
      else if (this.matchOffset >= this.nextOffset) this.#replicateFrom(this.matchOffset);
    }
    if (this.nextOffset < this.matchOffset) this.nextOffset = this.matchOffset;
  }

  /** Takes a refusal; `backUp` finds where to go on. Late answers to what was settled since change nothing. */
  refused(response: AppendEntriesResponse, backUp: () => ProbePoint): void {
    const { requestOffset } = response;
    const isLate = this.state === 'probe' ? this.#probe?.from !== requestOffset : requestOffset <= this.matchOffset;
    if (isLate || requestOffset <= this.matchOffset) return;
    const point = backUp();
    // A correct peer's hint leads below what it has refused; another's must not make us go up.
    if (point.offset >= requestOffset || point.offset <= this.matchOffset) this.probeFrom(this.matchOffset);
    else this.probeFrom(point.offset, point.isBoundary);
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
    // Batches of a probe that somebody's late answer or a repeated, empty probe has settled: they are sent again. Were they counted until an answer
    // that covers them and had they been lost, a full window would never open: a heartbeat at `nextOffset` is not refused.
    while ((this.#inFlight.at(-1)?.offsetTo ?? 0) > this.nextOffset)
      this.#inFlightBytes -= (this.#inFlight.pop() as { bytes: number }).bytes;
  }
}
