// ST8 stop after a failed sync
import type { DiskOperation } from '../disk.ts';
import { Findings } from './verdict.ts';

/** What can be made again at any time (a log keeps the records that a state file would have covered), and a segment that nothing stands in yet. */
const dispensable = /(\.index|\.state)(\.tmp)?$|\/prepared$/;

/** A broker that hears of a failed write or sync of its log, its votes or its identity does not go on (design, D5). */
export class StopAfterAFailedSync {
  readonly findings = new Findings('ST8');

  /** A call failed a moment ago. */
  failed(broker: number, operation: DiskOperation, path: string, isServing: boolean): void {
    if ((operation !== 'write' && operation !== 'sync') || dispensable.test(path)) return;
    this.findings.checked++;
    if (isServing) this.findings.violate(`broker ${broker} went on after the ${operation} of ${path} had failed`);
  }
}
