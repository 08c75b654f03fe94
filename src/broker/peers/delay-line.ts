import type { Link, Timer } from '../../host/index.ts';
import type { LinkContext } from './link-context.ts';

type LineContext = Pick<LinkContext, 'conditions' | 'startTimer' | 'nowMs'>;

interface Waiting {
  readonly chunks: readonly Uint8Array[];
  readonly lengthBytes: number;
  readonly dueMs: number;
}

/**
 * What leaves on one connection once both ends have proven themselves, as the faults that were made by hand let it: at once, after a delay and in order,
 * or not at all. Of how much waits here its caller is told by `bytesQueued`, as of what the network has not taken.
 */
export class DelayLine {
  readonly #context: LineContext;
  readonly #link: Link;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #timer: Timer | null = null;

  constructor(context: LineContext, link: Link) {
    this.#context = context;
    this.#link = link;
  }

  get bytesQueued(): number {
    return this.#bytes + this.#link.bytesQueued;
  }

  /** Whole frames. With no delay nothing waits that they could overtake: whoever changes a delay calls `release`. */
  send(chunks: readonly Uint8Array[], delayMs: number): void {
    if (this.#context.conditions.isPaused) return;
    if (delayMs === 0) return this.#link.send(chunks);
    const lengthBytes = chunks.reduce((sum, { length }) => sum + length, 0);
    this.#waiting.push({ chunks, lengthBytes, dueMs: this.#context.nowMs() + delayMs });
    this.#bytes += lengthBytes;
    if (this.#timer === null) this.#wait();
  }

  /** The delay is another now, or a pause began: what waits leaves at once, or is lost. */
  release(): void {
    const waiting = this.#waiting;
    this.drop();
    this.#letGo(waiting);
  }

  /** What waits is lost. */
  drop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#waiting = [];
    this.#bytes = 0;
  }

  #wait(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#timer = this.#context.startTimer(Math.max(0, next.dueMs - this.#context.nowMs()), () => {
      this.#timer = null;
      const nowMs = this.#context.nowMs();
      const isLeft = this.#waiting.findIndex(({ dueMs }) => dueMs > nowMs);
      const due = this.#waiting.splice(0, isLeft < 0 ? this.#waiting.length : isLeft);
      for (const { lengthBytes } of due) this.#bytes -= lengthBytes;
      this.#wait();
      this.#letGo(due);
    });
  }

  #letGo(waiting: readonly Waiting[]): void {
    if (!this.#context.conditions.isPaused) for (const { chunks } of waiting) this.#link.send(chunks);
  }
}
