/**
 * What the answers to reads hold in memory, all together: each waits until there is room for as much as it may read. Those that want much wait behind one
 * another, not in front of those that want little. On one connection one answer follows another, so that each connection waits with one of them.
 */

/** What a read gets that does not say how much it wants. */
const littleBytes = 1024 * 1024;

export class ReadRoom {
  readonly #little: Room;
  readonly #much: Room;

  /** @param bytesMax of records, half of it for reads of little */
  constructor(bytesMax: number) {
    this.#little = new Room(bytesMax / 2);
    this.#much = new Room(bytesMax / 2);
  }

  /** Resolves once there is room for so many bytes, with what gives them back. */
  async take(bytes: number): Promise<() => void> {
    const room = bytes <= littleBytes ? this.#little : this.#much;
    await room.take(bytes);
    return () => room.give(bytes);
  }
}

/** So many bytes, taken in the order in which they are asked for; one that wants more than all gets all. */
class Room {
  readonly #bytesMax: number;
  readonly #waiting: { readonly bytes: number; readonly admit: () => void }[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  take(bytes: number): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#bytes += bytes;
      return undefined;
    }
    return new Promise((admit) => this.#waiting.push({ bytes, admit }));
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#bytes += next.bytes;
      next.admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax;
  }
}
