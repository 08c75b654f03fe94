/**
 * Answers of several machines, one behind the other: what comes out of turn is held, as far as there is room, and then its machine is read no further. The
 * order is that of the list; whoever has not begun to answer by the time others wait for him is passed over, until he does.
 */
import type { PartEnd, PartHead } from '../answer.ts';
import type { TimedLine } from '../timed-lines.ts';

export type AnswerEvent =
  | { readonly kind: 'part'; readonly head: PartHead }
  /** Of the part that was named last. They are there until a writer returns, or until its promise is kept. `isLate`: a line that comes after its place in the order of time. */
  | { readonly kind: 'bytes'; readonly piece: Buffer; readonly isLate?: boolean }
  | { readonly kind: 'end'; readonly end: PartEnd };

/** Takes the events of the machine whose turn it is; where a promise is given, the next one comes when it is kept. */
export type EventWriter = (machine: number, event: AnswerEvent) => Promise<void> | undefined;

/** Puts what machines answer into one order. */
export interface Sequence {
  begin(machine: number): void;
  /** Gives a promise where nothing more of this machine should come before it is kept. */
  give(machine: number, event: AnswerEvent | LinesEvent): Promise<void> | undefined;
  finish(machine: number): void;
  /** Kept once every machine has finished and everything is written. */
  written(): Promise<void>;
}

/** Lines of several parts of a machine, which `heads` names in the order in which they were begun. */
export interface LinesEvent {
  readonly kind: 'lines';
  readonly lines: readonly TimedLine[];
  readonly heads: readonly PartHead[];
}

/** What is held in all, of whatever number of machines. */
const heldBytesMax = 8 * 1024 * 1024;

interface Place {
  readonly held: AnswerEvent[];
  heldBytes: number;
  hasBegun: boolean;
  isDone: boolean;
  /** Told when what is held has been written. */
  waiting: (() => void)[];
}

export class Turns implements Sequence {
  readonly #places: Place[];
  readonly #heldBytesMax: number;
  readonly #write: EventWriter;
  readonly #timer: NodeJS.Timeout;
  #isPatient = true;
  /** Whose turn it is, until it has finished. */
  #current: number | null = null;
  /** Something is being written: what comes meanwhile stays behind it. */
  #isWriting = false;
  #whenWritten: (() => void) | null = null;

  /** @param patienceMs how long the first of the list may take to begin before another one does */
  constructor(machineCount: number, patienceMs: number, write: EventWriter) {
    this.#places = Array.from({ length: machineCount }, () => ({ held: [], heldBytes: 0, hasBegun: false, isDone: false, waiting: [] }));
    this.#heldBytesMax = Math.floor(heldBytesMax / Math.max(1, machineCount));
    this.#write = write;
    this.#timer = setTimeout(() => {
      this.#isPatient = false;
      this.#goOn();
    }, patienceMs);
  }

  begin(machine: number): void {
    this.#place(machine).hasBegun = true;
    this.#goOn();
  }

  give(machine: number, event: AnswerEvent | LinesEvent): Promise<void> | undefined {
    // A machine that was not asked for lines by time sends none.
    if (event.kind === 'lines') return undefined;
    const place = this.#place(machine);
    if (machine === this.#current && !this.#isWriting && place.held.length === 0) return this.#writeNow(machine, event);
    // What is kept is copied: the next bytes of the machine take its place.
    place.held.push(event.kind === 'bytes' ? { ...event, piece: Buffer.from(event.piece) } : event);
    if (event.kind === 'bytes') place.heldBytes += event.piece.length;
    if (place.heldBytes <= this.#heldBytesMax) return undefined;
    return new Promise((resolve) => place.waiting.push(resolve));
  }

  finish(machine: number): void {
    this.#place(machine).isDone = true;
    this.#goOn();
  }

  written(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenWritten = resolve;
      this.#goOn();
    });
  }

  #writeNow(machine: number, event: AnswerEvent): Promise<void> | undefined {
    const wait = this.#write(machine, event);
    if (wait === undefined) return undefined;
    this.#isWriting = true;
    return wait.then(() => {
      this.#isWriting = false;
      this.#goOn();
    });
  }

  #place(machine: number): Place {
    return this.#places[machine] as Place;
  }

  #goOn(): void {
    if (!this.#isWriting) void this.#writeHeld();
  }

  async #writeHeld(): Promise<void> {
    this.#isWriting = true;
    for (;;) {
      this.#current ??= this.#choose();
      if (this.#current === null) break;
      const place = this.#place(this.#current);
      const event = place.held.shift();
      if (event === undefined) {
        for (const resolve of place.waiting.splice(0)) resolve();
        if (!place.isDone) break;
        this.#current = null;
        continue;
      }
      if (event.kind === 'bytes') place.heldBytes -= event.piece.length;
      const wait = this.#write(this.#current, event);
      if (wait !== undefined) await wait;
    }
    this.#isWriting = false;
    if (!this.#places.every(isOver)) return;
    clearTimeout(this.#timer);
    this.#whenWritten?.();
  }

  /** The first of the list that is not over; once patience is, the first of those that have begun. */
  #choose(): number | null {
    const left = [...this.#places.keys()].filter((machine) => !isOver(this.#place(machine)));
    for (const machine of left) {
      const { hasBegun, isDone } = this.#place(machine);
      if (hasBegun || isDone) return machine;
      if (this.#isPatient) return null;
    }
    return null;
  }
}

const isOver = (place: Place): boolean => place.isDone && place.held.length === 0;
