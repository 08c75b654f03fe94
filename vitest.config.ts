// `npm test`: all short tests. Two projects, one after the other:
//
// - `fast`: everything that is pure or simulated. Threads without isolation: the files of a worker share their modules,
//   so a test file leaves no global state behind.
// - `machine`: everything that starts processes or opens ports. Such tests mostly wait, so several files go at a time, each
//   worker a process; files of one worker share their modules here too. None may fail because a core is busy.
//
// The tests in test/long are not here: see vitest.long.config.ts.
import { defineConfig } from 'vitest/config';
import LongestFirst from './test/support/longest-first.ts';

const machineTests = ['compat', 'integration', 'e2e', 'faults'].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    reporters: ['minimal', './test/support/reporter.ts'],
    silent: 'passed-only',
    sequence: { sequencer: LongestFirst },
    // A machine that is busy makes a test slow, not wrong: work is bounded, and these only end what hangs.
    expect: { poll: { timeout: 150_000 } },
    coverage: { include: ['src/**/*.ts'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...machineTests, 'test/long/**'],
          pool: 'threads',
          // By default one core is left to the process that waits for the results.
          maxWorkers: '100%',
          isolate: false,
          testTimeout: 180_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'machine',
          include: machineTests,
          pool: 'forks',
          maxWorkers: 4,
          isolate: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
