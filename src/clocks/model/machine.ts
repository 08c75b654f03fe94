import { assert } from '../../base/assert.ts';
import { advanceLamport, lamportStart, receiveLamport } from '../lamport.ts';

/**
 * One machine of the scale model of contract 5: a queue that no tick limits, a Lamport clock, and at each tick one thing to do. It knows neither time nor
 * sockets: whoever drives it says when a tick is due, brings what others sent, and takes away what it sends.
 */
export interface ModelMessage {
  /** Index of the machine that sent it. */
  readonly from: number;
  /** Which one of the messages from there to here, from 1. */
  readonly sequence: number;
  /** The sender's clock after the event that sent it. */
  readonly clock: number;
}

/** What a machine did at one tick, with its clock afterwards. */
export type ModelEvent =
  /** `queue` is how many messages wait still. */
  | { readonly kind: 'receive'; readonly message: ModelMessage; readonly clock: number; readonly queue: number }
  /** A number is drawn only while nothing waits. Sending to several machines is one event. */
  | { readonly kind: 'send'; readonly to: readonly number[]; readonly drawn: number; readonly clock: number; readonly queue: 0 }
  | { readonly kind: 'internal'; readonly drawn: number; readonly clock: number; readonly queue: 0 };

export interface ModelMachineOptions {
  readonly index: number;
  readonly machineCount: number;
  /** Numbers are drawn from 1 to this: the greater, the fewer messages. */
  readonly range: number;
  /** An integer in [from, to], both inclusive. */
  readonly between: (from: number, to: number) => number;
}

const nobody: readonly number[] = [];
const machineCountLeast = 3;
const rangeLeast = 3;

export class ModelMachine {
  readonly #options: ModelMachineOptions;
  readonly #queue: ModelMessage[] = [];
  #clock = lamportStart;

  constructor(options: ModelMachineOptions) {
    assert(options.machineCount >= machineCountLeast, 'the model has at least 3 machines');
    assert(options.range >= rangeLeast, 'there is a number for each way to send');
    this.#options = options;
  }

  get clock(): number {
    return this.#clock;
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  deliver(message: ModelMessage): void {
    this.#queue.push(message);
  }

  tick(): ModelEvent {
    const message = this.#queue.shift();
    if (message !== undefined) {
      this.#clock = receiveLamport(this.#clock, message.clock);
      return { kind: 'receive', message, clock: this.#clock, queue: this.#queue.length };
    }
    const drawn = this.#options.between(1, this.#options.range);
    this.#clock = advanceLamport(this.#clock);
    const to = this.#receivers(drawn);
    return to.length === 0
      ? { kind: 'internal', drawn, clock: this.#clock, queue: 0 }
      : { kind: 'send', to, drawn, clock: this.#clock, queue: 0 };
  }

  /** 1: the next machine, 2: the one after it, 3: all others. */
  #receivers(drawn: number): readonly number[] {
    const { index, machineCount } = this.#options;
    if (drawn > 3) return nobody;
    if (drawn < 3) return [(index + drawn) % machineCount];
    return Array.from({ length: machineCount - 1 }, (_, other) => (index + 1 + other) % machineCount);
  }
}
