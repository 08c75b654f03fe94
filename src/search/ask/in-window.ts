/**
 * What several machines tell as it happens, put in order of time as far as a window allows: each line is held for so long after it came. One that comes
 * later than that, and is older than what was written, is marked as late.
 */
import { Buffer } from 'node:buffer';
import { TimeWindow } from '../../query/index.ts';
import type { PartHead } from '../answer.ts';
import type { AnswerEvent, EventWriter, LinesEvent, Sequence } from './turns.ts';

/** Of all lines that are held: beyond it the oldest are written before their time. */
const heldBytesMax = 16 * 1024 * 1024;

interface Line {
  readonly machine: number;
  readonly head: PartHead;
  readonly bytes: Buffer;
}

export class InWindow implements Sequence {
  readonly #write: EventWriter;
  readonly #window: TimeWindow<Line>;
  #out: { readonly line: Line; readonly isLate: boolean }[] = [];
  #named: PartHead | null = null;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #left: number;
  /** Lines that have not come whole, by machine and part. */
  readonly #begun = new Map<string, Uint8Array[]>();
  #whenWritten: (() => void) | null = null;

  constructor(machineCount: number, windowMs: number, write: EventWriter) {
    this.#left = machineCount;
    this.#write = write;
    this.#window = new TimeWindow<Line>({
      windowMs,
      bytesMax: heldBytesMax,
      onItem: (line, isLate) => void this.#out.push({ line, isLate }),
    });
  }

  begin(): void {
    // Its first line says where it stands.
  }

  give(machine: number, event: AnswerEvent | LinesEvent): Promise<void> | undefined {
    if (event.kind !== 'lines') return undefined;
    for (const { part, timeMs, isEnd, bytes } of event.lines) {
      const head = event.heads[part];
      if (head === undefined) continue;
      const key = `${machine} ${part}`;
      const pieces = this.#begun.get(key) ?? [];
      pieces.push(bytes);
      if (!isEnd) {
        this.#begun.set(key, pieces);
        continue;
      }
      this.#begun.delete(key);
      const whole = Buffer.concat(pieces);
      // One number for each source, as long as a machine has fewer than a million parts.
      this.#window.add({ machine, head, bytes: whole }, { timeMs, source: machine * 1e6 + part, bytes: whole.length }, performance.now());
    }
    return this.#goOn();
  }

  finish(): void {
    this.#left--;
    if (this.#left > 0) return;
    this.#window.flush();
    void this.#goOn();
  }

  written(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenWritten = resolve;
      void this.#goOn();
    });
  }

  /** Writes what is due; a promise while that is under way. */
  #goOn(): Promise<void> | undefined {
    this.#writing ??= this.#writeDue().finally(() => {
      this.#writing = null;
    });
    return this.#out.length > 0 ? this.#writing : undefined;
  }

  async #writeDue(): Promise<void> {
    for (;;) {
      const dueMs = this.#window.advance(performance.now());
      if (this.#out.length === 0) {
        if (this.#timer !== null) clearTimeout(this.#timer);
        this.#timer = dueMs === null ? null : setTimeout(() => void this.#goOn(), Math.max(1, dueMs));
        if (this.#left <= 0 && dueMs === null) this.#whenWritten?.();
        return;
      }
      const out = this.#out;
      this.#out = [];
      for (const { line, isLate } of out) {
        const { machine, head, bytes } = line;
        if (head !== this.#named) await this.#write(machine, { kind: 'part', head });
        this.#named = head;
        await this.#write(machine, { kind: 'bytes', piece: bytes, isLate });
      }
    }
  }
}
