// ST7 directory sync
import { Findings } from './verdict.ts';

/** Nothing relies on a name that a loss of power would take away: when a write is reported as synced, the files that hold it have their names on the disk. */
export class DirectorySync {
  readonly findings = new Findings('ST7');

  /** `unsynced`: files below a broker's data directory whose names are not on the disk yet, of those that the write needs. */
  persisted(broker: number, what: string, unsynced: readonly string[]): void {
    this.findings.checked++;
    if (unsynced.length > 0)
      this.findings.violate(`broker ${broker} reported ${what} as synced while the name of ${unsynced.join(', ')} was not`);
  }
}
