/**
 * What of one file the disk has refused to read. A bad sector can cost a drive many seconds a try, and somebody lacks what stands there for as long as it
 * is bad: so it is asked once, and then not for a while. It is asked again later, because some disks recover, and a range must not be lost to a bad minute.
 */
import type { DiskError } from '../host/index.ts';
import type { StorageHost } from './host.ts';

const untilAskedAgainMs = 10_000;
/** With more than these the whole file counts as one. */
const rangesMax = 8;

interface UnreadableRange {
  readonly from: number;
  readonly to: number;
  readonly error: DiskError;
  untilMs: number;
}

export class UnreadableRanges {
  readonly #host: Pick<StorageHost, 'clock' | 'logger'>;
  readonly #ranges: UnreadableRange[] = [];

  constructor(host: Pick<StorageHost, 'clock' | 'logger'>) {
    this.#host = host;
  }

  /** How many it has refused since the segment was opened, asked for again or not. */
  get count(): number {
    return this.#ranges.length;
  }

  /** What the disk said about some of [from, to) not long ago, or null. */
  find(from: number, to: number): DiskError | null {
    if (this.#ranges.length === 0) return null;
    const nowMs = this.#host.clock.monotonicMs();
    return this.#ranges.find((range) => range.from < to && from < range.to && nowMs < range.untilMs)?.error ?? null;
  }

  /** What the disk said about the file as a whole not long ago, or null. */
  get wholeFile(): DiskError | null {
    return this.find(Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY);
  }

  /** Up to where a read that begins at `from` may go ahead. */
  endOfReadable(from: number): number {
    let end = Number.POSITIVE_INFINITY;
    for (const range of this.#ranges) if (range.to > from && range.from < end) end = Math.max(from, range.from);
    return end;
  }

  noteWholeFile(error: DiskError): void {
    this.note(0, Number.POSITIVE_INFINITY, error);
  }

  note(from: number, to: number, error: DiskError): void {
    const untilMs = this.#host.clock.monotonicMs() + untilAskedAgainMs;
    const known = this.#ranges.find((range) => range.from === from && range.to === to);
    if (known !== undefined) {
      known.untilMs = untilMs;
      return;
    }
    this.#host.logger.log('error', 'rangeUnreadable', {
      path: error.path,
      operation: error.operation,
      position: from,
      reason: error.reason,
    });
    if (this.#ranges.length < rangesMax) this.#ranges.push({ from, to, error, untilMs });
    else this.#ranges.splice(0, rangesMax, { from: 0, to: Number.POSITIVE_INFINITY, error, untilMs });
  }
}
