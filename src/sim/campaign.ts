/**
 * Many seeds, one after another, and what they prove together: the sum of what was checked, what was wrong and with which seed, whether every fault and
 * every rare path was reached, and one hash over all traces. A campaign that is continued from another seed gives the same runs.
 */
import { checkDeterminism } from './checkers/v7-determinism.ts';
import { type Violation, violationsOf } from './checkers/verdict.ts';
import { Coverage, expectedChecksOf, expectedOf, seedsForCoverage } from './coverage.ts';
import type { FaultName } from './faults/names.ts';
import { run, type RunOptions, type Verdict } from './run.ts';
import { brokersOfMany, extentOf, topicsLeast } from './topics.ts';

/** One seed in so many is run twice and compared with itself (V7). */
const repeatedEvery = 50;

export interface CampaignOptions {
  readonly minutes: number;
  /** Taken in turn: seed modulo their number. */
  readonly brokers: readonly number[];
  readonly faults: readonly FaultName[];
  /** `drawn`: from 5 to 20, and in one run of ten 100 on 8 brokers. Left out: as few as there can be. */
  readonly topics?: number | 'drawn';
  readonly makeBroker?: RunOptions['makeBroker'];
}

export interface CampaignSummary {
  readonly seeds: number;
  readonly simulatedHours: number;
  readonly appendsAcknowledged: number;
  readonly recordsAcknowledged: number;
  readonly kills: number;
  readonly elections: number;
  readonly longestGapMs: number;
  /** Seeds with a violation or a check that could not finish. */
  readonly wrong: readonly {
    readonly seed: number;
    readonly brokers: number;
    readonly topics: number;
    readonly violations: readonly Violation[];
  }[];
  /** Facts looked at, by check. */
  readonly checked: Readonly<Record<string, number>>;
  readonly coverage: Readonly<Record<string, number>>;
  /** Faults and rare paths that no seed has reached, and checks that looked at nothing. */
  readonly missing: readonly string[];
  /** Fewer seeds than that say nothing about what is missing. */
  readonly coverageIsJudged: boolean;
  /** Over the trace hashes of all seeds in their order. */
  readonly traceHash: string;
  /** Nothing is wrong, and nothing that must be reached is missing. */
  readonly ok: boolean;
}

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #coverage = new Coverage();
  readonly #checked = new Map<string, number>();
  readonly #wrong: CampaignSummary['wrong'][number][] = [];
  #seeds = 0;
  #simulatedMs = 0;
  #appends = 0;
  #records = 0;
  #kills = 0;
  #elections = 0;
  #longestGapMs = 0;
  #hash = 0x9e3779b9;

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  /** Runs one seed and adds it up. */
  runSeed(seed: number, onProgress: (simulatedMs: number) => void = () => undefined): Verdict {
    const { minutes, faults, brokers, topics = topicsLeast, makeBroker } = this.#options;
    const options: RunOptions = {
      seed,
      ...extentOf(seed, brokers, topics),
      minutes,
      faults,
      ...(makeBroker === undefined ? {} : { makeBroker }),
    };
    let verdict = run({ ...options, onProgress });
    if (seed % repeatedEvery === 0) {
      const determinism = checkDeterminism(verdict, run(options)).report();
      const checks = [...verdict.checks, determinism];
      verdict = { ...verdict, checks, ok: verdict.ok && determinism.status === 'pass', violations: violationsOf(checks) };
    }
    this.add(verdict);
    return verdict;
  }

  /** Adds up a run that was made elsewhere. */
  add(verdict: Verdict): void {
    const { figures, checks, coverage, violations, traceHash } = verdict;
    this.#seeds++;
    this.#simulatedMs += figures.simulatedMs;
    this.#appends += figures.appendsAcknowledged;
    this.#records += figures.recordsAcknowledged;
    this.#kills += figures.kills;
    this.#elections += figures.elections;
    this.#longestGapMs = Math.max(this.#longestGapMs, figures.longestGapMs);
    this.#coverage.add(coverage);
    for (const { check, checked } of checks) this.#checked.set(check, (this.#checked.get(check) ?? 0) + checked);
    if (!verdict.ok) this.#wrong.push({ seed: verdict.seed, brokers: verdict.brokers, topics: verdict.topics, violations });
    for (let i = 0; i < traceHash.length; i += 8) {
      this.#hash = Math.imul(this.#hash ^ Number.parseInt(traceHash.slice(i, i + 8), 16), 0xcc9e2d51);
      this.#hash ^= this.#hash >>> 15;
    }
  }

  summary(): CampaignSummary {
    const { faults, brokers, topics } = this.#options;
    const brokersMost = Math.max(...brokers, topics === 'drawn' ? brokersOfMany : 0);
    const blind = expectedChecksOf(faults, brokersMost).filter((check) => (this.#checked.get(check) ?? 0) === 0);
    const missing = [...this.#coverage.missing(expectedOf(faults)), ...blind];
    const coverageIsJudged = this.#seeds >= seedsForCoverage;
    return {
      seeds: this.#seeds,
      simulatedHours: this.#simulatedMs / 3_600_000,
      appendsAcknowledged: this.#appends,
      recordsAcknowledged: this.#records,
      kills: this.#kills,
      elections: this.#elections,
      longestGapMs: this.#longestGapMs,
      wrong: this.#wrong,
      checked: Object.fromEntries(this.#checked),
      coverage: this.#coverage.counts(),
      missing,
      coverageIsJudged,
      traceHash: (this.#hash >>> 0).toString(16).padStart(8, '0'),
      ok: this.#wrong.length === 0 && (!coverageIsJudged || missing.length === 0),
    };
  }
}
