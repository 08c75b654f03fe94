/** Who has an unfinished line. */
export interface LineHolder {
  /** Gives it up; what is held of it is nothing then, and that is noted. */
  cutLine(): void;
}

/**
 * Memory for lines whose end has not come, of all connections together: thousands of them may each hold as much as a line may have. Where it is too much the
 * longest are cut, which are not those of nodes that send lines.
 */
export class UnfinishedLines {
  readonly #bytesMax: number;
  readonly #held = new Map<LineHolder, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  note(holder: LineHolder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0);
    if (bytes === 0) this.#held.delete(holder);
    else this.#held.set(holder, bytes);
    while (this.#bytes > this.#bytesMax) this.#cutLongest();
  }

  #cutLongest(): void {
    const [longest] = [...this.#held].reduce((most, each) => (each[1] > most[1] ? each : most));
    this.note(longest, 0);
    longest.cutLine();
  }
}
