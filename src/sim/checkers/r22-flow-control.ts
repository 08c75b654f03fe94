// R22 flow control
import type { ReplicaView } from '../../broker/contract.ts';
import { endOf, type GroupLedger, type ReplicaTrack } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** One batch may be taken when the limit is nearly reached, and control batches pass it. */
const slackBytes = 128 * 1024;

/** What a leader has taken and nobody has committed is bounded, so a log does not grow without end behind a partition. */
export class FlowControl {
  readonly findings = new Findings('R22');
  readonly #bytesMax: number;

  constructor(uncommittedBytesMax: number) {
    this.#bytesMax = uncommittedBytesMax + slackBytes;
  }

  changed(ledger: GroupLedger, track: ReplicaTrack, replica: ReplicaView): void {
    if (replica.role !== 'leader') return;
    this.findings.checked++;
    // What anybody knows: a leader that has just been elected does not know yet what is committed.
    const committed = endOf(ledger.committed);
    let bytes = 0;
    for (let i = track.log.length - 1; i >= 0; i--) {
      const batch = track.log[i];
      if (batch === undefined || batch.offsetTo <= committed) break;
      bytes += batch.bytes;
    }
    if (bytes > this.#bytesMax) {
      this.findings.violate(
        `group ${track.group}: leader ${track.broker} holds ${bytes} bytes that are not committed; ${this.#bytesMax} are allowed`,
      );
    }
  }
}
