/**
 * The machine as the pure and machine-free rooms see it. `system/` implements these over Node, `sim/` over a seeded simulation.
 *
 * Every call returns at once. What takes time reports to a callback, never during the call itself and always from the top of the event loop,
 * one callback at a time; a crash simply never calls back. Callbacks carry a Result, nothing throws.
 */
import type { BrokerId } from '../base/branded.ts';
import type { Disk } from './disk.ts';
import type { Network } from './network.ts';

export type { Disk, DiskError, DiskErrorCode, DiskFile, DiskLock, FileStatus, OpenMode } from './disk.ts';
export type { Lane, Link, LinkHandlers, Network } from './network.ts';
export type { Regex, RegexCompiler, Span } from './regex.ts';

export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly network: Network;
  readonly bytes: Bytes;
  readonly logger: Logger;
}

export interface Clock {
  /** Milliseconds with fractions on a clock that never goes back; its zero means nothing. */
  monotonicMs(): number;
  /** Milliseconds since 1970 by the wall clock, which may jump either way; never used for safety. */
  wallMs(): number;
  /**
   * Fires once after at least `delayMs`. After a pause of the process (stop signal, collection, suspended laptop) network input that was
   * already waiting is delivered before the timer fires, so that a pause does not look like a dead leader.
   */
  startTimer(delayMs: number, fire: () => void): Timer;
  /** Runs once, after the input that is already waiting has been delivered: the end of a turn. */
  defer(run: () => void): void;
}

export interface Timer {
  cancel(): void;
}

/** Randomness for election timeouts, nonces and incarnations. `sim/` seeds it. */
export interface Random {
  /** An integer in [0, 2^32). */
  next(): number;
  /** An integer in [0, limit), limit at most 2^32. */
  below(limit: number): number;
  /** `length` bytes that an attacker cannot guess (in the simulator: seeded). */
  bytes(length: number): Uint8Array;
}

/** Work on bytes that the machine does many times faster than plain code. */
export interface Bytes {
  utf8Encode(text: string): Uint8Array;
  /** Invalid sequences become U+FFFD. */
  utf8Decode(bytes: Uint8Array): string;
  /** Position of the first occurrence at or after `from`, or -1. */
  indexOf(bytes: Uint8Array, wanted: Uint8Array | number, from?: number): number;
  /** CRC-32C (Castagnoli, RFC 3720 appendix B.4), unsigned; `seed` is the checksum of what came before. */
  crc32c(bytes: Uint8Array, seed?: number): number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Diagnostics for the operator. `event` is a stable word, `fields` are flat and hold no record contents. */
export interface Logger {
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, string | number | boolean | null>>): void;
  /** Lines that could not be written and are lost; left out where none can be. */
  readonly droppedCount?: number;
}

/** A broker's place on the network, as the configuration names it. */
export interface BrokerAddress {
  readonly id: BrokerId;
  readonly host: string;
  readonly port: number;
}
