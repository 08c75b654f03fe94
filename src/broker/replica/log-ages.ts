/**
 * How old a log was when: where in it an attempt can lie that was made so long ago. What was tried at some moment and is in the log was committed after
 * that moment, when the log was at least as old as it was known to be here just before. Only this broker's monotonic clock is asked; wall clocks, which log
 * time comes from, may have jumped since.
 */

/** Between two notes; and what an attempt may have been on its way without counting it. */
const everyMs = 1000;
const transitMs = 1000;
const notesMax = 64;
/** Before the first note only log time itself says anything, and clocks that differ may have made it run faster than time. */
const doubtMs = 60_000;

export class LogAges {
  /** Ascending; the older, the further apart. */
  #notes: { readonly atMs: number; readonly ageMs: number }[];

  constructor(nowMs: number, ageMs: number) {
    this.#notes = [{ atMs: nowMs, ageMs }];
  }

  note(nowMs: number, ageMs: number): void {
    const last = this.#notes.at(-1);
    if (last !== undefined && nowMs - last.atMs < everyMs) return;
    if (this.#notes.length >= notesMax) {
      const half = notesMax / 2;
      this.#notes = this.#notes.filter((_, index) => index >= half || index % 2 === 0);
    }
    this.#notes.push({ atMs: nowMs, ageMs });
  }

  /** The log was at least so old when something was first tried that is tried again now, `triedForMs` later. Negative where that is not known. */
  before(nowMs: number, triedForMs: number): number {
    const atMs = nowMs - triedForMs - transitMs;
    const known = this.#notes.findLast((note) => note.atMs <= atMs);
    if (known !== undefined) return known.ageMs;
    const first = this.#notes[0] as { readonly atMs: number; readonly ageMs: number };
    return first.ageMs - (first.atMs - atMs) - doubtMs;
  }
}
