import type { Bytes } from '../host/index.ts';
import { FieldReader, FieldWriter } from '../wire/index.ts';
import { decodeCommand, decodeSchedule } from './commands.ts';
import { type Entry, type Target, Waiting } from './waiting.ts';

/** `claimed`: too late to be cancelled. `unknown`: it does not wait, and was not among the last that were cancelled. */
export type ScheduledOutcome = 'done' | 'claimed' | 'unknown' | 'invalid';

/** A cancellation that is tried again is told that it was done, as long as it is among so many. */
const cancelledKept = 1000;
const version = 1;

/**
 * What waits in one group, as the commands of its log say: a function of the log alone. Who is first, a cancellation or the claim of whoever is about to deliver, is
 * decided by their order in it.
 */
export class ScheduledState {
  readonly #bytes: Bytes;
  #waiting = new Waiting();
  /** Places, the latest last. */
  #cancelledPlaces: number[] = [];
  #delivered = 0;
  #cancelled = 0;
  #dropped = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  get waiting(): Pick<Waiting, 'size' | 'bytes' | 'get' | 'forEach' | 'leastAt'> {
    return this.#waiting;
  }

  get counts(): { readonly delivered: number; readonly cancelled: number; readonly dropped: number } {
    return { delivered: this.#delivered, cancelled: this.#cancelled, dropped: this.#dropped };
  }

  /** The command that stands at offset `at`. */
  apply(value: Uint8Array | null, at: number): ScheduledOutcome {
    const command = value === null ? null : decodeCommand(value, this.#bytes);
    switch (command?.type) {
      case 'schedule': {
        const { deliverAtMs, topic, topicId, partition, records, recordCount } = command;
        const target: Target = { topic, topicId, partition };
        this.#waiting.add({ place: at, at, deliverAtMs, target, bytes: records.length, recordCount, isClaimed: false });
        return 'done';
      }
      case 'carry':
        if (decodeSchedule(command.schedule, this.#bytes) === null) return 'invalid';
        return this.#waiting.move(command.place, at) ? 'done' : 'unknown';
      case 'step':
        for (const place of command.claim) this.#waiting.claim(place);
        for (const place of command.done) if (this.#waiting.remove(place)) this.#delivered++;
        for (const place of command.drop) if (this.#waiting.remove(place)) this.#dropped++;
        return 'done';
      case 'cancel':
        return this.#cancel(command.place);
      default:
        return 'invalid';
    }
  }

  #cancel(place: number): ScheduledOutcome {
    const entry = this.#waiting.get(place);
    if (entry === undefined) return this.#cancelledPlaces.includes(place) ? 'done' : 'unknown';
    if (entry.isClaimed) return 'claimed';
    this.#waiting.remove(place);
    this.#cancelled++;
    this.#cancelledPlaces = [...this.#cancelledPlaces, place].slice(-cancelledKept);
    return 'done';
  }

  /** The whole state; equal where the same commands were applied. */
  snapshot(): Uint8Array {
    const targets = new Map<Target, number>();
    const entries: Entry[] = [];
    for (const entry of this.#waiting) {
      if (!targets.has(entry.target)) targets.set(entry.target, targets.size);
      entries.push(entry);
    }
    const names = new Map([...targets.keys()].map((target) => [target, this.#bytes.utf8Encode(target.topic)]));
    let length = 1 + 3 * 8 + 4 + 8 * this.#cancelledPlaces.length + 4 + 4 + entryBytes * entries.length;
    for (const name of names.values()) length += 8 + 4 + 2 + name.length;
    const writer = new FieldWriter(length).u8(version).u64(this.#delivered).u64(this.#cancelled).u64(this.#dropped);
    writer.u32(this.#cancelledPlaces.length);
    for (const place of this.#cancelledPlaces) writer.u64(place);
    writer.u32(targets.size);
    for (const [{ topicId, partition }, name] of names)
      writer
        .u64(topicId + 1)
        .u32(partition)
        .short(name);
    writer.u32(entries.length);
    for (const { place, at, deliverAtMs, target, bytes, recordCount, isClaimed } of entries)
      writer
        .u64(place)
        .u64(at)
        .u64(deliverAtMs)
        .u32(targets.get(target) ?? 0)
        .u32(bytes)
        .u32(recordCount)
        .u8(isClaimed ? 1 : 0);
    return writer.bytes;
  }

  /** Takes over the state of a snapshot. False, and nothing has changed, where it is none. */
  restore(snapshot: Uint8Array): boolean {
    const reader = new FieldReader(snapshot);
    if (reader.u8() !== version) return false;
    const counts = [reader.u64(), reader.u64(), reader.u64()] as const;
    const cancelledPlaces: number[] = [];
    for (let left = reader.u32(); left > 0 && reader.valid; left--) cancelledPlaces.push(reader.u64());
    const targets: Target[] = [];
    for (let left = reader.u32(); left > 0 && reader.valid; left--) {
      const topicId = reader.u64() - 1;
      const partition = reader.u32();
      targets.push({ topic: this.#bytes.utf8Decode(reader.short()), topicId, partition });
    }
    const waiting = new Waiting();
    for (let left = reader.u32(); left > 0 && reader.valid; left--) {
      const [place, at, deliverAtMs] = [reader.u64(), reader.u64(), reader.u64()];
      const target = targets[reader.u32()];
      const [bytes, recordCount] = [reader.u32(), reader.u32()];
      const isClaimed = reader.u8() === 1;
      if (target === undefined) return false;
      waiting.add({ place, at, deliverAtMs, target, bytes, recordCount, isClaimed });
    }
    if (!reader.complete) return false;
    [this.#delivered, this.#cancelled, this.#dropped] = counts;
    this.#cancelledPlaces = cancelledPlaces;
    this.#waiting = waiting;
    return true;
  }
}

/** Of one entry in a snapshot. */
const entryBytes = 3 * 8 + 3 * 4 + 1;
