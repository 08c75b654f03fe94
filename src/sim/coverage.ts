/**
 * Counts how often something that must happen sometimes did happen. A fault that was never injected and a rare path that was never reached prove
 * nothing, so a run can be asked for the least count of each.
 */
export class Coverage {
  readonly #counts = new Map<string, number>();

  reach(name: string, times = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** All counts, sorted by name. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Names that were reached less often than asked. */
  missing(least: Readonly<Record<string, number>>): string[] {
    return Object.entries(least)
      .filter(([name, count]) => this.count(name) < count)
      .map(([name]) => name);
  }
}
