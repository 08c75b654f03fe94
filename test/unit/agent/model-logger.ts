// What an agent needs of the world, simulated: links that are cut at any byte, a gateway that forgets everything but the topic, a topic that decides.
import type { SeededRandom } from '../../../src/base/random.ts';
import type { Link, LinkHandlers } from '../../../src/host/index.ts';
import type { Scheduler } from '../../../src/sim/scheduler.ts';

/** The topic with its table of producers: what is in it, and how much of each session. */
export class ModelTopic {
  readonly lines: string[] = [];
  readonly next = new Map<string, number>();

  /** An append under a session's number: in order, or refused. */
  append(session: string, sequence: number, lines: readonly string[]): boolean {
    if ((this.next.get(session) ?? 0) !== sequence) return false;
    this.lines.push(...lines);
    this.next.set(session, sequence + lines.length);
    return true;
  }
}

export class ModelLogger {
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #topic: ModelTopic;
  readonly #open = new Set<() => void>();
  /** Nobody listens. */
  isAway = false;

  constructor(scheduler: Scheduler, random: SeededRandom, topic: ModelTopic) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#topic = topic;
  }

  /** Every connection breaks; what was on its way is lost, appends that were begun may still arrive. */
  kill(): void {
    for (const cut of this.#open) cut();
  }

  /** `deliver` runs a callback in the process of the agent, if it still lives then. */
  dial(handlers: LinkHandlers, deliver: (delayMs: number, run: () => void) => void): Link {
    const later = (run: () => void): void => void this.#scheduler.schedule(this.#random.float() * 20, 'network', 0, run);
    let isOpen = true;
    let hello: string | null = '';
    let session = '';
    let partial = '';
    let sequence = 0;
    /** Bytes arrive in order, each piece later than the one before. */
    let arrivedMs = this.#scheduler.nowMs;
    let saidMs = this.#scheduler.nowMs;
    const waiting: string[] = [];
    let isAppending = false;

    const cut = (): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#open.delete(cut);
      deliver(this.#random.float() * 10, () => handlers.closed('cut'));
    };
    const say = (words: string): void => {
      saidMs = Math.max(saidMs + 0.001, this.#scheduler.nowMs + this.#random.float() * 5);
      deliver(saidMs - this.#scheduler.nowMs, () => {
        if (isOpen) handlers.received(ascii(`cairn/1 ${words}\n`));
      });
    };
    const append = (): void => {
      if (isAppending || waiting.length === 0) return;
      const batch = waiting.splice(0, 1 + this.#random.below(waiting.length));
      const at = sequence;
      isAppending = true;
      later(() => {
        const isStored = this.#topic.append(session, at, batch);
        // The gateway may die between the append and the answer: it is in the topic all the same.
        isAppending = false;
        if (!isOpen) return;
        if (!isStored) return cut();
        sequence += batch.length;
        say(`ok ${sequence}`);
        append();
      });
    };
    const take = (text: string): void => {
      partial += text;
      for (let end = partial.indexOf('\n'); end !== -1; end = partial.indexOf('\n')) {
        const line = partial.slice(0, end);
        partial = partial.slice(end + 1);
        if (hello !== null) {
          hello = null;
          const [, , id = '', from = ''] = line.split(' ');
          session = id;
          later(() => {
            if (!isOpen) return;
            sequence = this.#topic.next.get(session) ?? 0;
            say(sequence < Number(from) ? `no ${sequence} ${from}` : `ok ${sequence}`);
          });
        } else {
          waiting.push(line);
        }
      }
      append();
    };

    if (this.isAway) deliver(1, () => handlers.closed('away'));
    else {
      this.#open.add(cut);
      deliver(this.#random.float() * 5, () => {
        if (isOpen) handlers.opened();
      });
    }
    return {
      bytesQueued: 0,
      send: (chunks) => {
        for (const chunk of chunks) {
          const text = latin1(chunk);
          const splitAt = this.#random.below(text.length + 1);
          for (const piece of [text.slice(0, splitAt), text.slice(splitAt)]) {
            arrivedMs = Math.max(arrivedMs + 0.001, this.#scheduler.nowMs + this.#random.float() * 5);
            this.#scheduler.schedule(arrivedMs - this.#scheduler.nowMs, 'network', 0, () => {
              if (isOpen) take(piece);
            });
          }
        }
      },
      close: () => cut(),
    };
  }
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
