/**
 * Messages of the model on a socket: one line of ASCII each, ended by a newline, so that 12 and 13 never become 1213.
 *
 *     FROM TO CLOCK\n        indexes of two machines, and the clock of the first: "0 2 17\n"
 *
 * A relay reads the same lines and passes them on as they are. What is no such line gives an error in words, and no clock.
 */
import type { Result } from '../../base/result.ts';
import { failed, ok } from '../../base/result.ts';

export interface AddressedClock {
  readonly from: number;
  readonly to: number;
  readonly clock: number;
}

export const formatMessage = ({ from, to, clock }: AddressedClock): string => `${from} ${to} ${clock}\n`;

/** Longer than every message; what goes on without a newline is not kept. */
const lineBytesMax = 64;
const newline = 0x0a;

export class MessageReader {
  readonly #machineCount: number;
  #line = '';
  #isTooLong = false;

  constructor(machineCount: number) {
    this.#machineCount = machineCount;
  }

  /** Bytes as they came, however they were split. */
  push(bytes: Uint8Array, take: (message: Result<AddressedClock, string>) => void): void {
    for (const byte of bytes) {
      if (byte === newline) {
        const message = this.#isTooLong ? failed(`the message is longer than ${lineBytesMax} bytes`) : this.#parse(this.#line);
        this.#line = '';
        this.#isTooLong = false;
        take(message);
      } else if (this.#line.length < lineBytesMax) this.#line += String.fromCharCode(byte);
      else this.#isTooLong = true;
    }
  }

  /** The connection has ended. Null: with a whole message, as it should. */
  end(): string | null {
    return this.#line === '' ? null : `the message is torn: the connection ended after ${shown(this.#line)}`;
  }

  #parse(line: string): Result<AddressedClock, string> {
    if (line.trim() === '') return failed('the message is empty');
    const parts = line.split(' ');
    if (parts.length !== 3) return failed(`the message ${shown(line)} is not sender, receiver and clock`);
    const [from, to, clock] = parts as [string, string, string];
    for (const machine of [from, to]) {
      if (!/^\d{1,3}$/.test(machine) || Number(machine) >= this.#machineCount)
        return failed(`the message ${shown(line)} is of no machine here`);
    }
    if (from === to) return failed(`the message ${shown(line)} is from a machine to itself`);
    if (/^-\d+$/.test(clock)) return failed(`the clock of the message ${shown(line)} is negative`);
    if (!/^\d{1,15}$/.test(clock)) return failed(`the clock of the message ${shown(line)} is not a number below 10^15`);
    return ok({ from: Number(from), to: Number(to), clock: Number(clock) });
  }
}

/** Of a stranger's bytes only what can be read. */
const shown = (line: string): string => `"${Array.from(line, (character) => (/[ -~]/.test(character) ? character : '.')).join('')}"`;
