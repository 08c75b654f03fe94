import type { Bytes, Clock, DiskError } from '../host/index.ts';
import type { ReadableDisk } from './log-folder.ts';
import type { KnownFile, Place } from './place.ts';

/** What is told of a file beside its bytes. */
export type FollowNews =
  /**
   * It was cut, or is gone, and no copy of what it held is there: what was written to it and not read yet is lost. Nobody can say how much; `count` is how often
   * that was so.
   */
  | { readonly kind: 'lost'; readonly why: 'cut' | 'gone'; readonly count: number }
  /** It has less than before and begins as it did: what is left was read, and what comes behind it is read. */
  | { readonly kind: 'shortened'; readonly from: number; readonly to: number }
  /** Another file has its name, and it is not there under another one: it was read to its end, and the other one is read from its beginning. */
  | { readonly kind: 'replaced' };

export interface Piece {
  /** Which file it is of. Bytes of one source follow one another; a line does not go on in another. */
  readonly source: number;
  readonly identity: string;
  /** Valid until `next` is called. */
  readonly bytes: Uint8Array;
  /** The place behind the first `to` of these bytes, for `take`. Before `next` is called. */
  readonly placeAt: (to: number) => Place;
}

/** Where the taking stands, as it outlives the process. */
export interface FollowState {
  /** The file that is read; null when all that was there is read, and what comes is another one. */
  readonly current: Place | null;
  /** Of files that were read before it and may grow. */
  readonly late: readonly Place[];
}

export interface FollowEvents {
  /** Bytes in order, any split: nothing more is read before `next`. */
  bytes(piece: Piece, next: () => void): void;
  /** No more comes of that source: a line without its end ends here. */
  sourceEnded(source: number): void;
  told(news: FollowNews): void;
  /** Cannot be read just now, told once; null when it can again. A file that is not there is waited for, and is no trouble. */
  trouble(error: DiskError | null): void;
  /** What is known of the files beside it has changed. */
  knownChanged?(): void;
}

export interface FollowOptions {
  readonly files: ReadableDisk;
  readonly clock: Pick<Clock, 'startTimer' | 'monotonicMs'>;
  readonly bytes: Pick<Bytes, 'crc32c'>;
  /** As `files` names it. Rotated ones are looked for in its folder. */
  readonly path: string;
  /** Where the first look begins: of the file that has the name then, or with the oldest of those that were rotated before. */
  readonly from: 'begin' | 'end' | 'oldest' | { readonly state: FollowState; readonly known: readonly KnownFile[] };
  /** How often is looked while nothing comes. */
  readonly pollMs: number;
  /** How long a file that was read to its end and lost its name is looked at for late lines. */
  readonly lateMs: number;
  readonly events: FollowEvents;
  /**
   * What other followers know of a file that may be there under several names: one reads it, or has read it so far. Null where none does: the usual.
   */
  readonly elsewhere?: (identity: string) => 'open' | KnownFile | null;
}
