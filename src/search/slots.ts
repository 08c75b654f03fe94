/**
 * So many searches at once, the others one after another as they came: each has memory, and perhaps a program, of its own, and none is answered sooner because
 * all of them run. Whoever waits for a reader who does not read does not count: another one may begin.
 */
import type { AnswerSink } from './answer.ts';

/** Readers take what is found in less. */
const readerMs = 200;
/** Who waits longer is told. */
const patienceMs = 2_000;

export interface Slot {
  /** As soon as it is not needed any more; more than once does no harm. */
  release(): void;
}

export class Slots {
  readonly #max: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Rejects where it is aborted before its turn comes. */
  async take(signal: AbortSignal, sink: Pick<AnswerSink, 'note'>): Promise<Slot> {
    signal.throwIfAborted();
    if (this.#taken < this.#max) this.#taken++;
    else await this.#turn(signal, sink);
    let isTaken = true;
    return {
      release: () => {
        if (isTaken) this.#pass();
        isTaken = false;
      },
    };
  }

  /** Whoever waits takes the slot of whoever is done. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#taken--;
    else next();
  }

  #turn(signal: AbortSignal, sink: Pick<AnswerSink, 'note'>): Promise<void> {
    return new Promise((resolve, reject) => {
      const told = setTimeout(() => sink.note(`it waits for ${this.#max} other searches on this machine`), patienceMs);
      const leave = (): void => {
        clearTimeout(told);
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(go);
      };
      const go = (): void => {
        leave();
        resolve();
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason as Error);
      };
      this.#waiting.add(go);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

/** The same sink for a search that has a slot, and gives it away when its reader does not read. */
export function sinkOf(slot: Slot, sink: AnswerSink): AnswerSink {
  const watched = (wait: Promise<void> | undefined): Promise<void> | undefined => {
    if (wait === undefined) return undefined;
    const timer = setTimeout(() => slot.release(), readerMs);
    return wait.finally(() => clearTimeout(timer));
  };
  return {
    begin: (part) => sink.begin(part),
    bytes: (chunk) => watched(sink.bytes(chunk)),
    lines: (payload) => watched(sink.lines(payload)),
    end: (part) => sink.end(part),
    reached: (reached) => sink.reached(reached),
    note: (text) => sink.note(text),
  };
}
