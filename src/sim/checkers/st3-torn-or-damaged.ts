// ST3 torn or damaged
import type { LogError } from '../../eventlog/index.ts';
import { type DiskPastNow, folderOf, placeOf } from '../disk-past.ts';
import { Findings } from './verdict.ts';

/** Files that every start reads as a whole. */
const startFiles = ['identity', 'peers', 'votes'] as const;

/**
 * A torn tail is cut and goes on; only what was damaged behind the broker's back is called damage. So a broker that finds damage in a log that was never
 * touched, or stops for a disk to which nothing was done at that moment, has lost something itself.
 */
export class TornOrDamaged {
  readonly findings = new Findings('ST3');

  opened(): void {
    this.findings.checked++;
  }

  fenced(broker: number, atMs: number, group: number, reason: string, past: DiskPastNow): void {
    this.findings.checked++;
    if (past.isDamaged(folderOf(group)) || wasRefused(group, past)) return;
    this.findings.violate(`broker ${broker} fenced group ${group} at ${atMs.toFixed(3)} ms, whose log nobody had touched: ${reason}`);
  }

  /** It stopped by itself or could not open. */
  failed(broker: number, atMs: number, how: string, error: LogError, past: DiskPastNow): void {
    this.findings.checked++;
    if (isExpected(error, past)) return;
    this.findings.violate(`broker ${broker} ${how} at ${atMs.toFixed(3)} ms: ${error.code}: ${error.message}`);
  }
}

/** What the disk refuses to read, once or for long, fences as damage does. */
function wasRefused(group: number, { failed }: DiskPastNow): boolean {
  return failed !== null && failed.operation === 'read' && placeOf(failed.path) === folderOf(group);
}

function isExpected({ code, message }: LogError, past: DiskPastNow): boolean {
  switch (code) {
    case 'diskFailed':
      if (past.hasFailed(message) && !message.includes('read of groups/')) return true;
      // What cannot be read of a log is fenced, and ends nobody.
      if (past.failed !== null && past.failed.operation === 'read' && past.failed.path.startsWith('groups/')) return false;
      // Damage that is met while a log is cut is as final as a failed write, and named by its place.
      return past.failed !== null || past.isFull || (message.includes('failed: damaged at ') && past.isDamaged(placeIn(message)));
    case 'diskFull':
    case 'dataUnusable':
      // A new disk, and a full one; whatever a start writes on one that it knows has its space.
      return past.isFull && past.isDamaged('identity');
    case 'corruptData':
    case 'wrongIdentity':
      return startFiles.some((file) => past.isDamaged(file));
    default:
      return false;
  }
}

/** The log's folder that a message names. */
const placeIn = (message: string): string => /groups\/[^/]+/.exec(message)?.[0] ?? '';
