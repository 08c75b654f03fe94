// ST3 torn or damaged
import type { LogError } from '../../eventlog/index.ts';
import { Findings } from './verdict.ts';

/** What may have happened to a broker's disk, as far as it was injected. */
export interface DiskPast {
  /** Its bytes were changed behind its back. */
  readonly damaged: boolean;
  /** A write or a sync was made to fail. */
  readonly failed: boolean;
  /** It was full. */
  readonly full: boolean;
}

/**
 * A torn tail is cut and goes on; only what was damaged behind the broker's back is called damage. So a broker whose disk was never touched and that
 * finds damage, or does not start, has lost something itself.
 */
export class TornOrDamaged {
  readonly findings = new Findings('ST3');

  opened(): void {
    this.findings.checked++;
  }

  fenced(broker: number, atMs: number, group: string, reason: string, past: DiskPast): void {
    if (!past.damaged) this.findings.violate(`broker ${broker} fenced group ${group} at ${atMs.toFixed(3)} ms: ${reason}`);
  }

  /** It stopped by itself or could not open. */
  failed(broker: number, atMs: number, how: string, error: LogError, past: DiskPast): void {
    const { code } = error;
    const expected =
      (code === 'diskFailed' && (past.failed || past.full)) ||
      (code === 'diskFull' && past.full) ||
      (code === 'dataUnusable' && past.full) ||
      ((code === 'corruptData' || code === 'wrongIdentity') && past.damaged) ||
      // Met while a log is cut: as final as a failed write, and named by its place.
      (code === 'diskFailed' && past.damaged && error.message.includes('failed: damaged at '));
    if (!expected) this.findings.violate(`broker ${broker} ${how} at ${atMs.toFixed(3)} ms: ${code}: ${error.message}`);
  }
}
