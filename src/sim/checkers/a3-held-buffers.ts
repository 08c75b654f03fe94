// A3 held buffers
import { Findings } from './verdict.ts';

/** What was handed to a disk or a link does not change while the host still holds it: it may leave at any time until it is told to be gone. */
export class HeldBuffers {
  readonly findings = new Findings('A3');

  /** A write ended, or what was sent arrived. */
  released(broker: number, atMs: number, where: string, isUnchanged: boolean): void {
    this.findings.checked++;
    if (!isUnchanged) this.findings.violate(`broker ${broker} changed bytes that it had handed to ${where}, before ${atMs.toFixed(3)} ms`);
  }
}
