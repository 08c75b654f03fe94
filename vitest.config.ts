// `npm test`: all short tests. Two projects that run one after the other:
//
// - `fast`: everything that is pure or simulated. Threads without isolation: the files of a worker share their modules,
//   so a test file leaves no global state behind.
// - `machine`: everything that starts processes, opens ports or measures time. One file at a time, each in a process of its
//   own, so that a test never waits for a core that another test keeps busy.
//
// The tests in test/long are not here: see vitest.long.config.ts.
import { defineConfig } from 'vitest/config';

const MACHINE_FOLDERS = ['integration', 'e2e', 'compat', 'faults'];

const machineTests = MACHINE_FOLDERS.map((folder) => `test/${folder}/**/*.test.ts`);

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
          exclude: [...machineTests, 'test/long/**'],
          pool: 'threads',
          isolate: false,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'machine',
          include: machineTests,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
