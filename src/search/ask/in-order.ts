/**
 * Answers of several machines merged by the time of their lines. Each machine gives its own in order; of each no more is read than is needed to know which
 * line is next of all, so what is held does not depend on how much they have.
 */
import { Buffer } from 'node:buffer';
import { type Timed, TimeMerge } from '../../query/index.ts';
import type { PartHead } from '../answer.ts';
import type { AnswerEvent, EventWriter, LinesEvent, Sequence } from './turns.ts';

interface Item extends Timed {
  readonly head: PartHead;
  readonly bytes: Uint8Array;
}

export class InOrder implements Sequence {
  readonly #write: EventWriter;
  readonly #merge: TimeMerge<Item>;
  /** By machine: told when the merge needs more of it. */
  readonly #waiting = new Map<number, (() => void)[]>();
  /** What the merge gave and is not written yet. */
  #out: { readonly machine: number; readonly head: PartHead; readonly pieces: Uint8Array[] }[] = [];
  /** Whose part was named last. */
  #named: PartHead | null = null;
  #isAtWork = false;
  #isOver = false;
  #whenWritten: (() => void) | null = null;

  constructor(machineCount: number, write: EventWriter) {
    this.#write = write;
    this.#merge = new TimeMerge<Item>(machineCount, (item, machine) => this.#collect(item, machine));
    if (machineCount === 0) this.#isOver = true;
  }

  begin(): void {
    // Its first line says where it stands.
  }

  give(machine: number, event: AnswerEvent | LinesEvent): Promise<void> | undefined {
    if (event.kind !== 'lines') return undefined;
    for (const { part, timeMs, isEnd, bytes } of event.lines) {
      const head = event.heads[part];
      if (head !== undefined) this.#merge.push(machine, { timeMs, isEnd, head, bytes });
    }
    const waiting = this.#waiting.get(machine) ?? [];
    this.#waiting.set(machine, waiting);
    const taken = new Promise<void>((resolve) => waiting.push(resolve));
    void this.#goOn();
    return taken;
  }

  finish(machine: number): void {
    this.#merge.end(machine);
    void this.#goOn();
  }

  written(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenWritten = resolve;
      if (this.#isOver) resolve();
    });
  }

  #collect({ head, bytes }: Item, machine: number): void {
    const last = this.#out.at(-1);
    if (last?.head === head) last.pieces.push(bytes);
    else this.#out.push({ machine, head, pieces: [bytes] });
  }

  async #goOn(): Promise<void> {
    if (this.#isAtWork || this.#isOver) return;
    this.#isAtWork = true;
    for (;;) {
      const waited = this.#merge.advance();
      const out = this.#out;
      this.#out = [];
      for (const { machine, head, pieces } of out) {
        if (head !== this.#named) await this.#write(machine, { kind: 'part', head });
        this.#named = head;
        await this.#write(machine, {
          kind: 'bytes',
          piece: pieces.length === 1 ? asBuffer(pieces[0] as Uint8Array) : Buffer.concat(pieces),
        });
      }
      if (waited === null) {
        this.#isOver = true;
        this.#whenWritten?.();
        break;
      }
      const told = this.#waiting.get(waited) ?? [];
      this.#waiting.delete(waited);
      for (const tell of told) tell();
      // Whatever came while this was written is looked at; else the next piece goes on from here.
      if (out.length === 0) break;
    }
    this.#isAtWork = false;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
