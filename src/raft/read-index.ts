import type { Offset } from '../base/branded.ts';

export interface CurrentRead {
  readonly context: number;
  readonly highWatermark: Offset;
}

/**
 * Linearizable reads without the log (thesis §6.4): a read may be answered from the state at the high watermark of the moment when it began, once
 * a quorum has confirmed the leader in a round of messages sent after that moment, and once the leader has committed something in its own term.
 * A round is never reused (R18): its number rises and travels in every message to a peer.
 */
export class ReadIndex {
  /** Begun and not yet in a round. */
  #begun: number[] = [];
  /** In a round, oldest first. */
  #asked: { readonly context: number; readonly round: number; readonly highWatermark: Offset }[] = [];

  get isWaitingForRound(): boolean {
    return this.#begun.length > 0;
  }

  get isWaitingForAnswers(): boolean {
    return this.#asked.length > 0;
  }

  begin(context: number): void {
    this.#begun.push(context);
  }

  /** All reads begun so far ride on `round`, whose messages have not been sent yet. */
  startRound(round: number, highWatermark: Offset): void {
    for (const context of this.#begun) this.#asked.push({ context, round, highWatermark });
    this.#begun = [];
  }

  /** Takes the reads out that a quorum has confirmed with `round` or a later one. */
  confirm(round: number): CurrentRead[] {
    let count = 0;
    while (count < this.#asked.length && (this.#asked[count] as { round: number }).round <= round) count++;
    if (count === 0) return [];
    return this.#asked.splice(0, count).map(({ context, highWatermark }) => ({ context, highWatermark }));
  }

  /** Takes out all reads: this leader can no longer confirm them. */
  fail(): number[] {
    const contexts = [...this.#asked.map(({ context }) => context), ...this.#begun];
    this.#asked = [];
    this.#begun = [];
    return contexts;
  }
}
