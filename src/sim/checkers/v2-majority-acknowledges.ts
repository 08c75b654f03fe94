// V2 majority acknowledges
import { Findings } from './verdict.ts';

/** So long after the last trouble everything must have settled: dials are tried again, dead connections noticed, a leader elected. */
const settledAfterMs = 10_000;
/** Ten election timeouts and more. */
const gapMsMax = 5000;

/** With nothing wrong for a while, appends are acknowledged again. */
export class MajorityAcknowledges {
  readonly findings = new Findings('V2');

  /** Looked at every now and then while clients append. `calmSinceMs` is null while something is wrong. False while there is nothing to look at. */
  look(nowMs: number, calmSinceMs: number | null, lastAckMs: number): boolean {
    if (calmSinceMs === null || nowMs - calmSinceMs < settledAfterMs) return false;
    this.findings.checked++;
    if (nowMs - lastAckMs > gapMsMax) {
      this.findings.violate(
        `no append was acknowledged for ${(nowMs - lastAckMs).toFixed(0)} ms at ${nowMs.toFixed(0)} ms, though nothing has been wrong for ${(nowMs - calmSinceMs).toFixed(0)} ms`,
      );
    }
    return true;
  }
}
