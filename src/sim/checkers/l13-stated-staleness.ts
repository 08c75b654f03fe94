// L13 stated staleness
import { committedEndAt, type GroupLedger } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** The clocks of brokers may run wrong by a tenth. However long a message was held up, or a process slept, the age that is stated counts that. */
const clockFactor = 1.15;

export interface LocalRead {
  readonly topic: string;
  readonly broker: number;
  readonly highWatermark: number;
  /** How far the high watermark that was heard is beyond what is shown. */
  readonly lag: number;
  readonly asOfMs: number;
}

/** A local read tells how old its knowledge is, and that is true: it knows what was committed that long ago. */
export class StatedStaleness {
  readonly findings = new Findings('L13');

  answered({ topic, broker, highWatermark, lag, asOfMs }: LocalRead, ledger: GroupLedger, nowMs: number): void {
    if (asOfMs > nowMs) return;
    this.findings.checked++;
    const heard = highWatermark + lag;
    const committed = committedEndAt(ledger, nowMs - asOfMs * clockFactor);
    if (heard < committed) {
      this.findings.violate(
        `a local read of "${topic}" at broker ${broker} knew of ${heard} and said that this was ${asOfMs} ms old, but ${committed} was committed before`,
      );
    }
  }
}
