import { FieldReader, FieldWriter } from '../../wire/index.ts';
import type { TailCheckpoint } from './tail.ts';

/** What a state machine is once all records below `at` have taken effect. */
export interface MachineState {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** No version of what a tail writes begins so. */
const version = 128;

/**
 * One checkpoint of a log that a state machine follows: u8 128, u64 `at` of the machine, the tail's checkpoint behind its u32 length, the machine's state. The
 * machine is at least as far as the tail, so what stands below the checkpoint is lost to neither.
 */
export function withMachine(tail: TailCheckpoint, { at, bytes }: MachineState): TailCheckpoint {
  const writer = new FieldWriter(1 + 8 + 4 + tail.bytes.length + bytes.length);
  writer.u8(version).u64(at).u32(tail.bytes.length).put(tail.bytes).put(bytes);
  return { ...tail, bytes: writer.bytes };
}

/** Takes it apart; one of a log that no machine follows is the tail's alone. */
export function splitCheckpoint(bytes: Uint8Array): { readonly tail: Uint8Array; readonly machine: MachineState | null } {
  if (bytes[0] !== version) return { tail: bytes, machine: null };
  const reader = new FieldReader(bytes.subarray(1));
  const at = reader.u64();
  const tail = reader.long();
  const state = reader.rest();
  return reader.valid ? { tail, machine: { at, bytes: state } } : { tail: bytes, machine: null };
}
