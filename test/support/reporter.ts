// What `npm test` prints beside failures: a line about where it is every few seconds, and at its end which tests were skipped, and why.
import type { Reporter, TestCase, TestModule, TestSpecification, Vitest } from 'vitest/node';
import './needs.ts';

const EVERY_MS = 5_000;

export default class ProgressReporter implements Reporter {
  readonly #running = new Set<string>();
  readonly #skipped = new Map<string, string[]>();
  /** By `-t`: then most tests are left out on purpose. */
  #isFiltered = false;
  #startedMs = 0;
  #filesInAll = 0;
  #filesDone = 0;
  #testsDone = 0;
  #timer: NodeJS.Timeout | undefined;

  onInit(vitest: Vitest): void {
    this.#isFiltered = vitest.config.testNamePattern !== undefined;
  }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#startedMs = Date.now();
    this.#filesInAll = specifications.length;
    this.#timer = setInterval(() => this.#say(), EVERY_MS);
  }

  onTestModuleStart(file: TestModule): void {
    this.#running.add(file.relativeModuleId);
  }

  onTestModuleEnd(file: TestModule): void {
    this.#running.delete(file.relativeModuleId);
    this.#filesDone++;
  }

  onTestCaseResult(test: TestCase): void {
    this.#testsDone++;
    const result = test.result();
    if (result.state !== 'skipped' || this.#isFiltered) return;
    const why = missingFor(test) ?? result.note ?? 'no reason is given';
    this.#skipped.set(why, [...(this.#skipped.get(why) ?? []), `${test.module.relativeModuleId}: ${test.fullName}`]);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
    for (const [why, tests] of this.#skipped) {
      process.stdout.write(`skipped: ${why}\n`);
      for (const test of tests) process.stdout.write(`  ${test}\n`);
    }
  }

  #say(): void {
    const seconds = Math.round((Date.now() - this.#startedMs) / 1000);
    const files = `${this.#filesDone} of ${this.#filesInAll} files, ${this.#testsDone} tests`;
    process.stdout.write(`${String(seconds).padStart(4)} s  ${files}; now ${[...this.#running].join(', ')}\n`);
  }
}

/** The reason stands at the test or at a describe around it. */
function missingFor(test: TestCase): string | undefined {
  for (let at: TestCase | TestCase['parent'] = test; at.type !== 'module'; at = at.parent) {
    const { missing } = at.meta();
    if (missing !== undefined) return missing;
  }
  return undefined;
}
