// In which order the files of `npm test` begin. vitest knows how long a file takes only where it has run before, and a fresh clone has not: of a long
// file that began last, one core would wait for the other. The files that take seconds are named here, the longest first; the others follow.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = path.join(import.meta.dirname, '..', '..');

const longest: readonly string[] = [
  'test/sim/run.test.ts',
  'test/sim/inf3203.test.ts',
  'test/sim/crash-sweep.test.ts',
  'test/unit/broker/scheduled.test.ts',
  'test/sim/mit-6.5840.test.ts',
  'test/storage/crash-images.test.ts',
  'test/sim/rolling-restart.test.ts',
  'test/architecture/floors.test.ts',
  'test/unit/broker/slow-disks.test.ts',
  'test/unit/tail/file-follower.test.ts',
  'test/sim/partial-partitions.test.ts',
  'test/unit/broker/quiet-groups.test.ts',
  'test/property/raft/safety.test.ts',
  'test/sim/catalog-without-majority.test.ts',
  'test/sim/campaign.test.ts',
  'test/unit/broker/appending.test.ts',
  'test/unit/broker/full-disk.test.ts',
  'test/unit/storage/crash.test.ts',
  'test/unit/storage/crash-directed.test.ts',
  'test/integration/daemon-serve.test.ts',
  'test/e2e/page-state.test.ts',
  'test/e2e/page.test.ts',
  'test/e2e/page-topics.test.ts',
  'test/e2e/brokers.test.ts',
  'test/integration/daemon-conformance.test.ts',
  'test/integration/daemon-up.test.ts',
  'test/compat/consistency.test.ts',
  'test/e2e/readme.test.ts',
  'test/integration/http-edges.test.ts',
  'test/integration/client/brokers.test.ts',
  'test/integration/http-api.test.ts',
  'test/integration/spooling-agent.test.ts',
  'test/e2e/library.test.ts',
  'test/integration/scheduled.test.ts',
  'test/compat/crash-and-exit.test.ts',
  'test/compat/cs550.test.ts',
  'test/e2e/page-brokers.test.ts',
  'test/e2e/command-line.test.ts',
  'test/integration/grep-partitions.test.ts',
  'test/integration/unix-habits.test.ts',
  'test/integration/grep-differential.test.ts',
  'test/compat/mp0.test.ts',
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
