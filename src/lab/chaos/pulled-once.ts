/** What subscribers were given while brokers and workers died, compared with what was acknowledged to whoever published it. Pure. */

/** A partition, as `topic/partition`, and an offset there. */
interface RecordPlace {
  readonly place: string;
  readonly offset: number;
}

/** One record, as a puller has processed it. */
export interface Processed extends RecordPlace {
  /** Which puller: one process, or one life of a subscriber alone. */
  readonly puller: number;
  readonly value: string;
}

export interface PullersOf {
  readonly subscriber: string;
  /** In the order in which they were processed. */
  readonly processed: readonly Processed[];
  /** Those that were killed, or crashed, and how much had been processed by then: what one of them had not acknowledged comes again. */
  readonly killed: ReadonlyMap<number, number>;
}

interface PulledDamage {
  /** Acknowledged to its publisher, and never given. */
  readonly missing: number;
  /** Given again though whoever had processed it lived on. */
  readonly doubled: number;
  /** Given to one puller below what it had been given. */
  readonly back: number;
  /** Given while one that was acknowledged to its publisher before it had not been. */
  readonly jumped: number;
  /** Another value than was published. */
  readonly wrong: number;
}

export interface PulledFigures extends PulledDamage {
  /** Records that were given, each once. */
  readonly given: number;
  /** Given again because whoever had processed them was killed first. */
  readonly againAfterKill: number;
}

export const noFigures: PulledFigures = { missing: 0, doubled: 0, back: 0, jumped: 0, wrong: 0, given: 0, againAfterKill: 0 };

/** Offsets are dense but for what Cairn writes for itself, so gaps are told by what was published. */
export function checkPulled(published: ReadonlyMap<string, ReadonlyMap<number, string>>, { processed, killed }: PullersOf): PulledFigures {
  const found = { missing: 0, doubled: 0, back: 0, jumped: 0, wrong: 0, given: 0, againAfterKill: 0 };
  /** By place: who has processed an offset last. */
  const by = new Map<string, Map<number, number>>();
  /** By puller and place: the highest offset. */
  const heights = new Map<string, number>();
  /** By place: offsets that were published, in order, and how many of the first of them have been given. */
  const fronts = new Map([...published].map(([place, values]) => [place, { order: [...values.keys()].toSorted((a, b) => a - b), at: 0 }]));
  for (const [index, { place, offset, puller, value }] of processed.entries()) {
    const known = published.get(place)?.get(offset);
    if (known !== undefined && known !== value) found.wrong++;
    const height = `${puller} ${place}`;
    if (offset <= (heights.get(height) ?? -1)) found.back++;
    heights.set(height, Math.max(offset, heights.get(height) ?? -1));
    let offsets = by.get(place);
    if (offsets === undefined) by.set(place, (offsets = new Map()));
    const before = offsets.get(offset);
    if (before === undefined) found.given++;
    else if ((killed.get(before) ?? Number.POSITIVE_INFINITY) <= index) found.againAfterKill++;
    else found.doubled++;
    offsets.set(offset, puller);
    const front = fronts.get(place);
    if (front === undefined) continue;
    while (front.at < front.order.length && offsets.has(front.order[front.at] as number)) front.at++;
    // The next one that is not given must stand behind this one.
    if (front.at < front.order.length && (front.order[front.at] as number) < offset) found.jumped++;
  }
  for (const [place, values] of published) for (const offset of values.keys()) if (by.get(place)?.has(offset) !== true) found.missing++;
  return found;
}

export const addPulled = (a: PulledFigures, b: PulledFigures): PulledFigures => ({
  missing: a.missing + b.missing,
  doubled: a.doubled + b.doubled,
  back: a.back + b.back,
  jumped: a.jumped + b.jumped,
  wrong: a.wrong + b.wrong,
  given: a.given + b.given,
  againAfterKill: a.againAfterKill + b.againAfterKill,
});
