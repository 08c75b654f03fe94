/**
 * What was done to one broker's disk, so that ST3 can tell a broker that stopped for it from one that lost something itself. Damage is remembered by the
 * place that it is in, for as long as the disk is; a full disk for a moment only, and a call that failed too, but by its name for the life that it failed in.
 */
import type { DiskOperation } from './disk.ts';
import { catalogGroup, logGroup } from '../broker/index.ts';

/** Whoever hears of a failed call, or of a full disk, stops within this. */
const momentMs = 1000;

/** What ST3 asks, at one moment. */
export interface DiskPastNow {
  /** Whether bytes at this place, or the whole disk, were changed behind the broker's back. A place is what `placeOf` gives. */
  isDamaged(place: string): boolean;
  /** The call that was made to fail a moment ago, or is failing; else null. */
  readonly failed: { readonly operation: DiskOperation; readonly path: string } | null;
  /** Whether this is said of a call that was made to fail in this life: a broker that opens many logs may say so late. */
  hasFailed(message: string): boolean;
  /** A write met a full disk a moment ago. */
  readonly isFull: boolean;
}

/** The folder of a log, or the file's own name: `groups/log`, `votes`, `identity`, `peers`. */
export function placeOf(path: string): string {
  const [first = '', second] = path.split('/');
  return first === 'groups' && second !== undefined ? `${first}/${second}` : first;
}

/** The folder that holds a group's log. */
export const folderOf = (group: number): string => `groups/${group === logGroup ? 'log' : group === catalogGroup ? 'catalog' : group}`;

export class DiskPast {
  readonly #damaged = new Set<string>();
  #isReplaced = false;
  #failed: DiskPastNow['failed'] = null;
  /** As errors name them. */
  readonly #failedInLife = new Set<string>();
  /** When the caller was told; null while it is not. */
  #toldMs: number | null = null;
  #fullMs = Number.NEGATIVE_INFINITY;

  /** Null: the whole disk is another one. */
  damaged(path: string | null): void {
    if (path === null) this.#isReplaced = true;
    else this.#damaged.add(placeOf(path));
  }

  failing(operation: DiskOperation, path: string): void {
    this.#failed = { operation, path };
    this.#failedInLife.add(`${operation} of ${path} failed: `);
    this.#toldMs = null;
  }

  told(atMs: number): void {
    this.#toldMs = atMs;
  }

  /** A life begins: what failed in an earlier one is nothing to it. */
  started(): void {
    this.#failed = null;
    this.#failedInLife.clear();
  }

  /** A write met a full disk. */
  full(nowMs: number): void {
    this.#fullMs = nowMs;
  }

  at(nowMs: number): DiskPastNow {
    const isRecent = this.#toldMs === null || nowMs - this.#toldMs <= momentMs;
    return {
      isDamaged: (place) => this.#isReplaced || this.#damaged.has(place),
      failed: isRecent ? this.#failed : null,
      hasFailed: (message) => [...this.#failedInLife].some((call) => message.includes(call)),
      isFull: nowMs - this.#fullMs <= momentMs,
    };
  }
}
