import type { Clock } from '../../host/index.ts';

/**
 * What the answers to reads hold in memory, all together: each waits until there is room for as much as it may read. Those that want much wait behind one
 * another, not in front of those that want little. On one connection one answer follows another, so that each connection waits with one of them.
 *
 * An answer whose client takes it slowly keeps its room for as long as nobody else wants it. Where others wait, it is cut off once it has had the time that it
 * takes at a low speed: some clients that take a byte now and then would keep everybody from reading.
 */

/** What a read gets that does not say how much it wants. */
const littleBytes = 1024 * 1024;
/** Of an answer that is waited for: less is too slow. */
const bytesPerMsMin = 4 * 1024;

/** Who has room. */
export interface RoomHolder {
  /** Bytes that its client has not taken. */
  readonly writableLength: number;
  destroy(): unknown;
}

export class ReadRoom {
  readonly #little: Room;
  readonly #much: Room;

  /**
   * @param bytesMax of records, half of it for reads of little
   * @param patienceMs what an answer has, beside the time for its bytes, before it makes room for others
   */
  constructor(bytesMax: number, patienceMs: number, clock: Pick<Clock, 'startTimer' | 'monotonicMs'>) {
    this.#little = new Room(bytesMax / 2, patienceMs, clock);
    this.#much = new Room(bytesMax / 2, patienceMs, clock);
  }

  /** Resolves once there is room for so many bytes, with what gives them back. */
  async take(bytes: number, holder: RoomHolder): Promise<() => void> {
    const room = bytes <= littleBytes ? this.#little : this.#much;
    const held = await room.take(bytes, holder);
    return () => room.give(held);
  }
}

interface Held {
  readonly bytes: number;
  readonly holder: RoomHolder;
  /** From when on it may be cut off for others. */
  untilMs: number;
}

/** So many bytes, taken in the order in which they are asked for; one that wants more than all gets all. */
class Room {
  readonly #bytesMax: number;
  readonly #patienceMs: number;
  readonly #clock: Pick<Clock, 'startTimer' | 'monotonicMs'>;
  readonly #waiting: { readonly held: Held; readonly admit: (held: Held) => void }[] = [];
  readonly #held = new Set<Held>();
  #bytes = 0;
  #isWatching = false;

  constructor(bytesMax: number, patienceMs: number, clock: Pick<Clock, 'startTimer' | 'monotonicMs'>) {
    this.#bytesMax = bytesMax;
    this.#patienceMs = patienceMs;
    this.#clock = clock;
  }

  take(bytes: number, holder: RoomHolder): Held | Promise<Held> {
    const held = { bytes, holder, untilMs: 0 };
    if (this.#waiting.length === 0 && this.#fits(bytes)) return this.#admit(held);
    return new Promise((admit) => {
      this.#waiting.push({ held, admit });
      this.#watch();
    });
  }

  give(held: Held): void {
    this.#held.delete(held);
    this.#bytes -= held.bytes;
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.held.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      next.admit(this.#admit(next.held));
    }
  }

  #admit(held: Held): Held {
    this.#bytes += held.bytes;
    held.untilMs = this.#clock.monotonicMs() + this.#patienceMs + Math.min(held.bytes, this.#bytesMax) / bytesPerMsMin;
    this.#held.add(held);
    return held;
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax;
  }

  /** While anybody waits. */
  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#clock.startTimer(this.#patienceMs / 4, () => {
      this.#isWatching = false;
      if (this.#waiting.length === 0) return;
      const nowMs = this.#clock.monotonicMs();
      // Whoever is cut off gives its room back by itself.
      for (const { holder, untilMs } of this.#held) if (nowMs >= untilMs && holder.writableLength > 0) holder.destroy();
      this.#watch();
    });
  }
}
