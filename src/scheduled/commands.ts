/**
 * What stands in the log of a group that keeps what is appended later: the value of each record is one command, a byte that says which and its fields, all
 * integers big endian.
 *
 *     1 schedule   u64 when it is due, u64 id of the topic + 1 (0 is `log`), u32 partition, u32 record count, u64 latest less first timestamp, the topic behind its
 *                  u16 length, then the records as they stand in a batch; the first timestamp is that of the record that holds the command
 *     2 carry      u64 place of one that waits, u64 its first timestamp + 1, then its schedule again: from now on it stands here
 *     3 step       three times u32 count and so many u64 places: what is being delivered from now on, what was delivered, what is given up
 *     4 cancel     u64 place
 *
 * A place is the offset of the command that scheduled it. So a schedule that is tried again has the same bytes, however much later.
 */
import type { Bytes } from '../host/index.ts';
import { FieldReader, FieldWriter } from '../wire/index.ts';

export type ScheduledCommand =
  | ({ readonly type: 'schedule' } & Schedule)
  | ({ readonly type: 'carry'; readonly place: number } & Carried)
  | { readonly type: 'step'; readonly claim: readonly number[]; readonly done: readonly number[]; readonly drop: readonly number[] }
  | { readonly type: 'cancel'; readonly place: number };

export interface Schedule {
  readonly deliverAtMs: number;
  readonly topic: string;
  readonly topicId: number;
  readonly partition: number;
  readonly recordCount: number;
  /** Latest less first timestamp of its records. */
  readonly spanMs: number;
  /** As they stand in a batch. */
  readonly records: Uint8Array;
}

/** The bytes of a schedule, and what stood beside them: the first timestamp of its records. */
export interface Carried {
  readonly schedule: Uint8Array;
  readonly timestampMs: number;
}

const kinds = { schedule: 1, carry: 2, step: 3, cancel: 4 } as const;

export function encodeCommand(command: ScheduledCommand, bytes: Bytes): Uint8Array {
  switch (command.type) {
    case 'schedule': {
      const topic = bytes.utf8Encode(command.topic);
      return new FieldWriter(1 + 8 + 8 + 4 + 4 + 8 + 2 + topic.length + command.records.length)
        .u8(kinds.schedule)
        .u64(command.deliverAtMs)
        .u64(command.topicId + 1)
        .u32(command.partition)
        .u32(command.recordCount)
        .u64(command.spanMs)
        .short(topic)
        .put(command.records).bytes;
    }
    case 'carry':
      return new FieldWriter(carriedFrom + command.schedule.length)
        .u8(kinds.carry)
        .u64(command.place)
        .u64(command.timestampMs + 1)
        .put(command.schedule).bytes;
    case 'step': {
      const lists = [command.claim, command.done, command.drop];
      const writer = new FieldWriter(1 + lists.reduce((sum, places) => sum + 4 + 8 * places.length, 0)).u8(kinds.step);
      for (const places of lists) {
        writer.u32(places.length);
        for (const place of places) writer.u64(place);
      }
      return writer.bytes;
    }
    case 'cancel':
      return new FieldWriter(9).u8(kinds.cancel).u64(command.place).bytes;
  }
}

/** Null for what is no command. */
export function decodeCommand(value: Uint8Array, bytes: Bytes): ScheduledCommand | null {
  const reader = new FieldReader(value.subarray(1));
  switch (value[0]) {
    case kinds.schedule: {
      const schedule = readSchedule(reader, bytes);
      return schedule === null ? null : { type: 'schedule', ...schedule };
    }
    case kinds.carry: {
      const place = reader.offset();
      const timestampMs = reader.u64() - 1;
      const schedule = reader.rest();
      return reader.valid && schedule[0] === kinds.schedule ? { type: 'carry', place, timestampMs, schedule } : null;
    }
    case kinds.step: {
      const [claim, done, drop] = [readPlaces(reader), readPlaces(reader), readPlaces(reader)];
      return reader.complete ? { type: 'step', claim, done, drop } : null;
    }
    case kinds.cancel: {
      const place = reader.offset();
      return reader.complete ? { type: 'cancel', place } : null;
    }
    default:
      return null;
  }
}

/** What a record holds that was scheduled, or carried on since. */
export function carriedOf(value: Uint8Array, timestampMs: number, bytes: Bytes): Carried | null {
  const command = decodeCommand(value, bytes);
  if (command?.type === 'carry') return command;
  return command?.type === 'schedule' ? { schedule: value, timestampMs } : null;
}

export function decodeSchedule(value: Uint8Array, bytes: Bytes): Schedule | null {
  const command = decodeCommand(value, bytes);
  return command?.type === 'schedule' ? command : null;
}

function readSchedule(reader: FieldReader, bytes: Bytes): Schedule | null {
  const deliverAtMs = reader.u64();
  const topicId = reader.u64() - 1;
  const partition = reader.u32();
  const recordCount = reader.u32();
  const spanMs = reader.u64();
  const topic = bytes.utf8Decode(reader.short());
  const records = reader.rest();
  if (!reader.valid || recordCount < 1 || records.length < recordCount) return null;
  return { deliverAtMs, topic, topicId, partition, recordCount, spanMs, records };
}

/** Where in a `carry` the schedule begins. */
const carriedFrom = 1 + 8 + 8;

function readPlaces(reader: FieldReader): number[] {
  const places: number[] = [];
  for (let left = reader.u32(); left > 0 && reader.valid; left--) places.push(reader.offset());
  return places;
}
