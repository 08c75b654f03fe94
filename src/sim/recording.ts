/**
 * Writes a run down as a trace (`clocks/trace.ts`): what every broker noted, by the simulator's own clock too, what was done to them, and where a check
 * was first found violated. It changes nothing of the run: the same seed has the same trace hash with and without it.
 */
import type { TraceEvent, TraceFields } from '../clocks/index.ts';
import type { Findings } from './checkers/verdict.ts';

/** The process that all that is nobody's own is written down under: faults, and what checkers find. */
const simulator = 'simulator';

export class Recording {
  readonly #nowMs: () => number;
  readonly #tell: (event: TraceEvent) => void;
  /** By process: a broker's events go on counting through all its lives. */
  readonly #counts = new Map<string, number>();
  readonly #violated = new Set<Findings>();

  constructor(nowMs: () => number, tell: (event: TraceEvent) => void) {
    this.#nowMs = nowMs;
    this.#tell = tell;
  }

  /** What a broker noted itself. */
  happened(event: TraceEvent): void {
    this.#tell({ ...event, seq: this.#next(event.process), trueMs: this.#nowMs() });
  }

  /** What was done to a broker, at its place among what it does. */
  doneTo(process: string, kind: string, fields: TraceFields = {}): void {
    this.#tell({ process, seq: this.#next(process), kind, atMs: this.#nowMs(), trueMs: this.#nowMs(), stamp: null, link: null, fields });
  }

  note(kind: string, fields: TraceFields): void {
    this.doneTo(simulator, kind, fields);
  }

  /**
   * Looked at between any two steps of the run, so that what is violated stands where it was found. A defect violates a property again and again: its
   * first place tells it.
   */
  look(findings: readonly Findings[]): void {
    for (const each of findings) {
      if (each.clean || this.#violated.has(each)) continue;
      this.#violated.add(each);
      this.note('violation', { check: each.id, message: each.report().violations[0] ?? '' });
    }
  }

  hasSeen(check: string): boolean {
    return [...this.#violated].some(({ id }) => id === check);
  }

  #next(process: string): number {
    const seq = (this.#counts.get(process) ?? 0) + 1;
    this.#counts.set(process, seq);
    return seq;
  }
}
