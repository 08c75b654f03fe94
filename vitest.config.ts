// `npm test`: all short tests. Three projects that run one after the other:
//
// - `fast`: everything that is pure or simulated. Threads without isolation: the files of a worker share their modules,
//   so a test file leaves no global state behind.
// - `waiting`: starts processes too, which sleep most of the time. Two files at a time.
// - `machine`: everything that starts processes, opens ports or measures time. One file at a time, each in a process of its
//   own, so that a test never waits for a core that another test keeps busy.
//
// The tests in test/long are not here: see vitest.long.config.ts.
import { defineConfig } from 'vitest/config';

const waitingTests = ['test/compat/**/*.test.ts', 'test/integration/spooling-agent.test.ts'];
const machineTests = ['integration', 'e2e', 'faults'].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    reporters: ['minimal'],
    silent: 'passed-only',
    passWithNoTests: true,
    coverage: { include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...waitingTests, ...machineTests, 'test/long/**'],
          pool: 'threads',
          // By default one core is left to the process that waits for the results.
          maxWorkers: '100%',
          isolate: false,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'waiting',
          include: waitingTests,
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'machine',
          include: machineTests,
          exclude: waitingTests,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
