/** Who of a subscriber's workers has which of its cursors: a function of what was applied before, as all of the state is. */
import { takeBack } from './retries.ts';
import type { Cursor, Subscriber, Worker } from './subscriber.ts';

/** A worker that is to have more, and how many. */
interface Short {
  readonly worker: string;
  lacks: number;
}

/** Cursors that the same workers pull from, by topic and partition. */
interface Wanted {
  readonly by: ReadonlySet<string>;
  readonly cursors: Cursor[];
}

/**
 * Divides the cursors anew among the workers that pull from their topics, among all where none does: each is to have as many as any other, or one more, as far as
 * these go, and as few as can be are moved. What nobody holds goes to its worker at once, by the command at `at`; whoever holds one that is to go elsewhere is
 * asked for it.
 */
export function divide(subscriber: Subscriber, at: number, timeMs: number): void {
  const { cursors, workers } = subscriber;
  if (workers.size === 0) {
    for (const cursor of cursors.values()) if (cursor.held !== null) put(cursor, at);
    return;
  }
  /** How many each is to have of those that were divided already. */
  const had = new Map<string, number>();
  for (const wanted of wantedOf(subscriber)) divideAmong(wanted, had, workers, at, timeMs);
}

/** Those that fewer pull from first: the others make up for what these leave uneven. */
function wantedOf({ cursors, workers }: Subscriber): Wanted[] {
  const byAll = [...workers.values()].filter(({ topics }) => topics === null);
  const named = new Map<string, Set<string>>();
  for (const { name, topics } of workers.values())
    for (const topic of topics ?? []) {
      const by = named.get(topic) ?? new Set(byAll.map((one) => one.name));
      named.set(topic, by.add(name));
    }
  const others: Wanted = { by: new Set(byAll.length > 0 ? byAll.map(({ name }) => name) : workers.keys()), cursors: [] };
  const all = new Map<string, Wanted>();
  for (const cursor of [...cursors.values()].sort((a, b) => a.topicId - b.topicId || a.partition - b.partition)) {
    const by = named.get(cursor.topic);
    const key = by === undefined ? '' : JSON.stringify([...by].sort());
    const wanted = all.get(key) ?? (by === undefined ? others : { by, cursors: [] });
    all.set(key, wanted);
    wanted.cursors.push(cursor);
  }
  return [...all.values()].sort((a, b) => a.by.size - b.by.size);
}

function divideAmong(
  { by, cursors }: Wanted,
  had: Map<string, number>,
  workers: ReadonlyMap<string, Worker>,
  at: number,
  timeMs: number,
): void {
  const free: Cursor[] = [];
  const coming: { readonly to: string; readonly cursor: Cursor }[] = [];
  /** Held by whoever does not pull from them any more. */
  const unwanted: Cursor[] = [];
  /** What each has or is to have: first what it holds, then what it is still to be given. In the order in which they have come. */
  const meant = new Map<string, Cursor[]>();
  for (const name of workers.keys()) if (by.has(name)) meant.set(name, []);
  for (const cursor of cursors) {
    const { held } = cursor;
    if (held !== null && held.next !== null && !by.has(held.next.worker)) held.next = null;
    const to = held?.next?.worker ?? null;
    if (to !== null) coming.push({ to, cursor });
    else if (held === null || !workers.has(held.worker)) free.push(cursor);
    else (meant.get(held.worker) ?? unwanted).push(cursor);
  }
  for (const { to, cursor } of coming) meant.get(to)?.push(cursor);
  const { short, over } = compare(meant, had, cursors.length);
  const places = inTurn(short);
  for (const [index, cursor] of [...free, ...unwanted, ...over].entries()) send(cursor, places[index] as string, workers, at, timeMs);
  // What was to come from one who is gone.
  for (const { cursor } of coming) {
    const { held } = cursor;
    if (held !== null && held.next !== null && !workers.has(held.worker)) give(cursor, held.next.worker, at, timeMs);
  }
}

/** The command at `at` takes it from whoever has it. */
export function give(cursor: Cursor, worker: string, at: number, timeMs: number): void {
  put(cursor, at);
  cursor.held = { worker, sinceMs: timeMs, next: null };
}

function put(cursor: Cursor, at: number): void {
  cursor.generation = at;
  cursor.pulledTo = cursor.offset;
  cursor.held = null;
  takeBack(cursor);
}

/** Those that have most keep one more, where it does not come out even. What each is to have is added to what it had. */
function compare(meant: ReadonlyMap<string, Cursor[]>, had: Map<string, number>, count: number) {
  const hadOf = (worker: string): number => had.get(worker) ?? 0;
  const { level, rest } = levelOf(
    [...meant.keys()].map((worker) => hadOf(worker)),
    count,
  );
  let more = rest;
  const short: Short[] = [];
  const over: Cursor[] = [];
  const byCount = [...meant].sort(([a, ofA], [b, ofB]) => hadOf(b) + ofB.length - hadOf(a) - ofA.length);
  for (const [worker, mine] of byCount) {
    const before = hadOf(worker);
    const isBelow = before <= level;
    const share = isBelow ? level - before + (more > 0 ? 1 : 0) : 0;
    if (isBelow) more--;
    had.set(worker, before + share);
    if (mine.length < share) short.push({ worker, lacks: share - mine.length });
    // From behind: what has not come yet is moved before what is held.
    else over.push(...mine.splice(share));
  }
  return { short, over };
}

/** Up to which level these can all be filled with so many more, and how many are left then for one more each. */
function levelOf(had: readonly number[], count: number): { readonly level: number; readonly rest: number } {
  const sorted = had.toSorted((a, b) => a - b);
  let sum = count;
  for (const [index, size] of sorted.entries()) {
    sum += size;
    const filled = index + 1;
    const next = sorted[filled];
    if (next === undefined || sum < next * filled) return { level: Math.floor(sum / filled), rest: sum % filled };
  }
  return { level: 0, rest: 0 };
}

/** One after another, so that the partitions of a topic do not fall to one worker. */
function inTurn(short: readonly Short[]): string[] {
  const names: string[] = [];
  for (let left = short; left.length > 0; left = left.filter(({ lacks }) => lacks > 0)) {
    for (const one of left) {
      one.lacks--;
      names.push(one.worker);
    }
  }
  return names;
}

function send(cursor: Cursor, worker: string, workers: ReadonlyMap<string, Worker>, at: number, timeMs: number): void {
  const { held } = cursor;
  if (held === null || !workers.has(held.worker)) return give(cursor, worker, at, timeMs);
  held.next = held.worker === worker ? null : { worker, sinceMs: held.next?.sinceMs ?? timeMs };
}
