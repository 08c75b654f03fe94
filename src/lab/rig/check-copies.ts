/** One append of the load, from its first sending. */
export interface Attempt {
  /** No other append has it. */
  readonly value: string;
  readonly sentMs: number;
  readonly endedMs: number;
  /** When it was sent and when it was answered, by a running count that all operations of a run share. */
  readonly invoked: number;
  readonly completed: number;
  /** Where it was acknowledged, or null if it failed. */
  readonly offset: number | null;
  /** In which term, where acknowledged. */
  readonly term: number | null;
  /** Brokers that the acknowledgement names. */
  readonly ackedBy: readonly number[];
  /** Sent by a fault to look what happens; it may fail. */
  readonly isProbe: boolean;
  /** Why it failed; `definite` failures must never show up. */
  readonly failure: { readonly code: string; readonly definite: boolean } | null;
}

export interface Copy {
  readonly broker: number;
  readonly records: readonly { readonly offset: number; readonly value: string }[];
}

/** What is not as it was promised, counted over all brokers' copies. Every figure must be 0. */
export interface Damage {
  /** Acknowledged and not there. */
  readonly lost: number;
  /** Acknowledged at one offset and found at another. */
  readonly moved: number;
  /** In one log more than once. */
  readonly doubled: number;
  /** Acknowledged before another was sent, and yet behind it. */
  readonly reordered: number;
  /** Definitely refused, and there all the same; or never sent. */
  readonly ghosts: number;
  /** Copies that differ from that of the first broker. */
  readonly differing: number;
  /** The first few, in words. */
  readonly examples: readonly string[];
}

const EXAMPLES_MAX = 10;

/** Compares what clients were told with what every broker holds. Takes time in proportion to the number of records. */
export function checkCopies(attempts: readonly Attempt[], copies: readonly Copy[]): Damage {
  const examples: string[] = [];
  const note = (text: string): void => {
    if (examples.length < EXAMPLES_MAX) examples.push(text);
  };
  let lost = 0;
  let moved = 0;
  let doubled = 0;
  let ghosts = 0;

  const byValue = new Map(attempts.map((attempt) => [attempt.value, attempt]));
  for (const copy of copies) {
    const offsets = new Map<string, number>();
    for (const { offset, value } of copy.records) {
      const attempt = byValue.get(value);
      if (offsets.has(value)) {
        doubled++;
        note(`${value} stands twice on broker ${copy.broker}: at ${String(offsets.get(value))} and ${offset}`);
      } else if (attempt === undefined || attempt.failure?.definite === true) {
        ghosts++;
        note(
          `${value} is on broker ${copy.broker} at ${offset} although ${attempt === undefined ? 'nobody sent it' : `it was refused: ${attempt.failure?.code ?? ''}`}`,
        );
      } else {
        offsets.set(value, offset);
      }
    }
    for (const attempt of attempts) {
      if (attempt.offset === null) continue;
      const found = offsets.get(attempt.value);
      if (found === undefined) {
        lost++;
        note(`${attempt.value}, acknowledged at ${attempt.offset}, is not on broker ${copy.broker}`);
      } else if (found !== attempt.offset) {
        moved++;
        note(`${attempt.value}, acknowledged at ${attempt.offset}, is on broker ${copy.broker} at ${found}`);
      }
    }
  }

  const first = copies[0]?.records ?? [];
  let differing = 0;
  for (const copy of copies.slice(1)) {
    const isSame =
      copy.records.length === first.length &&
      copy.records.every((record, index) => record.offset === first[index]?.offset && record.value === first[index]?.value);
    if (isSame) continue;
    differing++;
    note(`broker ${copy.broker} holds ${copy.records.length} records, not the ${first.length} of broker ${copies[0]?.broker ?? 0}`);
  }
  return { lost, moved, doubled, reordered: countReordered(attempts, note), ghosts, differing, examples };
}

/** Real-time order: whatever was acknowledged before an append was sent has a lower offset than it. */
function countReordered(attempts: readonly Attempt[], note: (text: string) => void): number {
  const acknowledged = attempts.filter((attempt) => attempt.offset !== null);
  const bySending = acknowledged.toSorted((a, b) => a.sentMs - b.sentMs);
  const byAnswer = acknowledged.toSorted((a, b) => a.endedMs - b.endedMs);
  let reordered = 0;
  let answered = 0;
  let offsetMax = -1;
  for (const attempt of bySending) {
    for (let next = byAnswer[answered]; next !== undefined && next.endedMs < attempt.sentMs; next = byAnswer[++answered]) {
      offsetMax = Math.max(offsetMax, next.offset ?? -1);
    }
    if ((attempt.offset ?? 0) > offsetMax) continue;
    reordered++;
    note(`${attempt.value} was sent after ${offsetMax} had been acknowledged, and got offset ${String(attempt.offset)}`);
  }
  return reordered;
}
