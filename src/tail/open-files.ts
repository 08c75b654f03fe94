import type { Task } from '../base/task.ts';
import type { Clock } from '../host/index.ts';
import { closingOnFailure } from '../storage/steps.ts';
import type { Opened } from './log-folder.ts';
import { beginAt, beginAtPlace, type Checksums, type OpenFile, type Place } from './place.ts';

/** The files that a follower has open: the one that it reads, and those that it read before, which may get late lines. */
export class OpenFiles {
  current: OpenFile | null = null;
  /** The oldest first. */
  late: OpenFile[] = [];
  /** The file that was read last as it was then, where it is gone: a copy of it may take its name. */
  gone: Place | null = null;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #bytes: Checksums;
  #sources = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>, bytes: Checksums) {
    this.#clock = clock;
    this.#bytes = bytes;
  }

  get all(): readonly OpenFile[] {
    return [...this.late, ...(this.current === null ? [] : [this.current])];
  }

  isOpen(identity: string): boolean {
    return identity === this.current?.identity || this.isLate(identity);
  }

  isLate(identity: string): boolean {
    return this.late.some((file) => file.identity === identity);
  }

  /** What is read from now on is of a source of its own. */
  nextSource(): number {
    return ++this.#sources;
  }

  *beginAt({ file, status }: Opened, offset: number): Task<OpenFile> {
    const begun = yield* closingOnFailure(file, beginAt(file, status, offset, this.nextSource(), this.#bytes));
    return this.#lookedAtAnew(begun);
  }

  /** Null, with the file still open, where it has not what was read there. */
  *beginAtPlace({ file, status }: Opened, place: Place, source = this.nextSource()): Task<OpenFile | null> {
    const begun = yield* closingOnFailure(file, beginAtPlace(file, status, place, source, this.#bytes));
    return begun === null ? null : this.#lookedAtAnew(begun);
  }

  /** What was written since it was opened is seen by its length. */
  #lookedAtAnew(file: OpenFile): OpenFile {
    file.modifiedMs = Number.NaN;
    file.quietSinceMs = this.#clock.monotonicMs();
    return file;
  }
}
