/**
 * What waits in one group, in columns: some 40 bytes for each, whatever it holds, so that 1,000,000 are 40 MB. What it holds stays in the log, and is read when it is
 * delivered.
 */

/** Where records are to be appended. One object for each: the same one for all that are for there. */
export interface Target {
  readonly topic: string;
  /** Of the command that made it, -1 for `log`: another topic of the name is none of theirs. */
  readonly topicId: number;
  readonly partition: number;
}

export interface Entry {
  /** Offset of the command that scheduled it: its name for good. */
  readonly place: number;
  /** Offset at which it stands now. */
  readonly at: number;
  readonly deliverAtMs: number;
  readonly target: Target;
  readonly bytes: number;
  readonly recordCount: number;
  /** It is being delivered: nothing cancels it. */
  readonly isClaimed: boolean;
}

interface Counted {
  readonly target: Target;
  readonly index: number;
  count: number;
}

const claimedFlag = 1;
const goneFlag = 2;
const capacityMin = 64;

/** The same for equal ones. */
export const keyOf = ({ topic, topicId, partition }: Target): string => `${topicId}/${partition}/${topic}`;

/** In the order of their places, with gaps where some have gone; these are closed once they are the most. */
export class Waiting {
  #places = new Float64Array(capacityMin);
  #ats = new Float64Array(capacityMin);
  #times = new Float64Array(capacityMin);
  #targets = new Uint32Array(capacityMin);
  #bytes = new Uint32Array(capacityMin);
  #counts = new Uint32Array(capacityMin);
  #flags = new Uint8Array(capacityMin);
  /** Slots in use, gone ones among them. */
  #used = 0;
  #size = 0;
  #bytesInAll = 0;
  readonly #known = new Map<string, Counted>();
  readonly #byIndex: (Counted | null)[] = [];
  readonly #freeIndexes: number[] = [];

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytesInAll;
  }

  /** Places only rise. */
  add({ place, at, deliverAtMs, target, bytes, recordCount, isClaimed }: Entry): void {
    if (this.#used === this.#places.length) this.#grow();
    const slot = this.#used++;
    const counted = this.#counted(target);
    counted.count++;
    this.#places[slot] = place;
    this.#ats[slot] = at;
    this.#times[slot] = deliverAtMs;
    this.#targets[slot] = counted.index;
    this.#bytes[slot] = bytes;
    this.#counts[slot] = recordCount;
    this.#flags[slot] = isClaimed ? claimedFlag : 0;
    this.#size++;
    this.#bytesInAll += bytes;
  }

  get(place: number): Entry | undefined {
    const slot = this.#slotOf(place);
    return slot < 0 ? undefined : this.#entryAt(slot);
  }

  claim(place: number): void {
    const slot = this.#slotOf(place);
    if (slot >= 0) this.#flags[slot] = claimedFlag;
  }

  /** It stands elsewhere in the log from now on. */
  move(place: number, at: number): boolean {
    const slot = this.#slotOf(place);
    if (slot >= 0) this.#ats[slot] = at;
    return slot >= 0;
  }

  /** False where it does not wait. */
  remove(place: number): boolean {
    const slot = this.#slotOf(place);
    if (slot < 0) return false;
    this.#flags[slot] = goneFlag;
    this.#size--;
    this.#bytesInAll -= this.#bytes[slot] as number;
    const counted = this.#byIndex[this.#targets[slot] as number] as Counted;
    if (--counted.count === 0) this.#forget(counted);
    if (this.#used - this.#size > Math.max(capacityMin, this.#size)) this.#close();
    return true;
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (let slot = 0; slot < this.#used; slot++) if (this.#flags[slot] !== goneFlag) yield this.#entryAt(slot);
  }

  /** The same without an object for each that is passed over. */
  forEach(visit: (place: number, deliverAtMs: number, at: number, target: Target, isClaimed: boolean) => void): void {
    for (let slot = 0; slot < this.#used; slot++) {
      const flags = this.#flags[slot];
      if (flags === goneFlag) continue;
      const { target } = this.#byIndex[this.#targets[slot] as number] as Counted;
      visit(this.#places[slot] as number, this.#times[slot] as number, this.#ats[slot] as number, target, flags === claimedFlag);
    }
  }

  /** Nothing that waits stands below this offset of the log; infinite where nothing waits. */
  get leastAt(): number {
    let least = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.#used; slot++)
      if (this.#flags[slot] !== goneFlag && (this.#ats[slot] as number) < least) least = this.#ats[slot] as number;
    return least;
  }

  #entryAt(slot: number): Entry {
    return {
      place: this.#places[slot] as number,
      at: this.#ats[slot] as number,
      deliverAtMs: this.#times[slot] as number,
      target: (this.#byIndex[this.#targets[slot] as number] as Counted).target,
      bytes: this.#bytes[slot] as number,
      recordCount: this.#counts[slot] as number,
      isClaimed: this.#flags[slot] === claimedFlag,
    };
  }

  /** -1 where it does not wait. */
  #slotOf(place: number): number {
    let low = 0;
    let high = this.#used;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#places[middle] as number) < place) low = middle + 1;
      else high = middle;
    }
    return low < this.#used && this.#places[low] === place && this.#flags[low] !== goneFlag ? low : -1;
  }

  #counted(target: Target): Counted {
    const key = keyOf(target);
    let counted = this.#known.get(key);
    if (counted === undefined) {
      counted = { target, index: this.#freeIndexes.pop() ?? this.#byIndex.length, count: 0 };
      this.#known.set(key, counted);
      this.#byIndex[counted.index] = counted;
    }
    return counted;
  }

  #forget({ target, index }: Counted): void {
    this.#known.delete(keyOf(target));
    this.#byIndex[index] = null;
    this.#freeIndexes.push(index);
  }

  #close(): void {
    let to = 0;
    for (let from = 0; from < this.#used; from++) {
      if (this.#flags[from] === goneFlag) continue;
      for (const column of this.#columns()) column[to] = column[from] as number;
      to++;
    }
    this.#used = to;
    if (this.#places.length > 4 * Math.max(capacityMin, to)) this.#resize(2 * Math.max(capacityMin, to));
  }

  #grow(): void {
    this.#resize(this.#places.length * 2);
  }

  #resize(capacity: number): void {
    const kept = Math.min(this.#used, capacity);
    const floats = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const other = new Float64Array(capacity);
      other.set(column.subarray(0, kept));
      return other;
    };
    const words = (column: Uint32Array): Uint32Array<ArrayBuffer> => {
      const other = new Uint32Array(capacity);
      other.set(column.subarray(0, kept));
      return other;
    };
    this.#places = floats(this.#places);
    this.#ats = floats(this.#ats);
    this.#times = floats(this.#times);
    this.#targets = words(this.#targets);
    this.#bytes = words(this.#bytes);
    this.#counts = words(this.#counts);
    const flags = new Uint8Array(capacity);
    flags.set(this.#flags.subarray(0, kept));
    this.#flags = flags;
  }

  #columns(): readonly (Float64Array | Uint32Array | Uint8Array)[] {
    return [this.#places, this.#ats, this.#times, this.#targets, this.#bytes, this.#counts, this.#flags];
  }
}
