/** How far work of known expected durations is, and how long the rest takes if what was expected of it is as wrong as what was expected so far. */
export class Estimate {
  readonly #count: number;
  readonly #jobs: number;
  readonly #beganMs = performance.now();
  #doneCount = 0;
  #leftS: number;
  #expectedS = 0;
  #spentS = 0;

  constructor(expectedS: readonly number[], jobs: number) {
    this.#count = expectedS.length;
    this.#jobs = jobs;
    this.#leftS = expectedS.reduce((sum, each) => sum + each, 0);
  }

  /** A piece that was expected to take so long took so long. */
  done(expectedS: number, spentS: number): string {
    this.#doneCount++;
    this.#leftS -= expectedS;
    this.#expectedS += expectedS;
    this.#spentS += spentS;
    const leftMinutes = (Math.max(0, this.#leftS) * (this.#spentS / this.#expectedS)) / this.#jobs / 60;
    const minutes = (performance.now() - this.#beganMs) / 60_000;
    return `${this.#doneCount} of ${this.#count}, ${minutes.toFixed(1)} min, about ${leftMinutes.toFixed(1)} min left`;
  }
}
