/**
 * What a search may take of a core: all of it while the broker stores nothing; else less the more of its time the broker's loop is busy, down to a fifth. The loop
 * alone does not say it: it is busy with what searches find, too.
 */
export const shareMin = 0.2;
/** Of the loop's time: from here on a search has the least. */
const busyFrom = 0.25;

/** @param syncs of the disk since the last look; `busy`: part of the time since then in which the loop was */
export function leftShare(syncs: number, busy: number): number {
  return syncs === 0 ? 1 : Math.max(shareMin, 1 - (busy / busyFrom) * (1 - shareMin));
}
