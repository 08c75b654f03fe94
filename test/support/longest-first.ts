// In which order the files of `npm test` begin. vitest knows how long a file takes only where it has run before, and a fresh clone has not: of a long
// file that began last, one core would wait for the other. The files that take seconds are named here, the longest first; the others follow.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = path.join(import.meta.dirname, '..', '..');

const longest: readonly string[] = [
  'test/sim/run.test.ts',
  'test/sim/mit-6.5840.test.ts',
  'test/sim/rolling-restart.test.ts',
  'test/sim/inf3203.test.ts',
  'test/sim/crash-sweep.test.ts',
  'test/property/raft/safety.test.ts',
  'test/storage/byte-flips.test.ts',
  'test/unit/storage/crash.test.ts',
  'test/unit/broker/topics.test.ts',
  'test/sim/campaign.test.ts',
  'test/unit/storage/crash-directed.test.ts',
  'test/sim/node-identity.test.ts',
  'test/compat/consistency.test.ts',
  'test/integration/daemon-up.test.ts',
  'test/integration/daemon-serve.test.ts',
  'test/compat/cs550.test.ts',
  'test/compat/mp0.test.ts',
  'test/compat/crash-and-exit.test.ts',
  'test/integration/spooling-agent.test.ts',
  'test/e2e/page-state.test.ts',
  'test/e2e/append-and-read.test.ts',
  'test/e2e/page.test.ts',
  'test/e2e/brokers.test.ts',
];

const gone = longest.filter((file) => !existsSync(path.join(root, file)));
if (gone.length > 0) throw new Error(`Cannot order the tests: ${gone.join(', ')} is gone`);

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = new Map(longest.map((file, index) => [path.join(root, file), index]));
    const rankOf = ({ moduleId }: TestSpecification): number => rank.get(moduleId) ?? longest.length;
    const order = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    return (await super.sort(files)).toSorted((a, b) => order(a) - order(b) || rankOf(a) - rankOf(b));
  }
}
