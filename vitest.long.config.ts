// The tests in test/long, which have a time budget instead of a fixed size. `npm run test:long` runs them file by file:
// see scripts/test-long.ts.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    reporters: ['minimal', './test/support/reporter.ts'],
    silent: 'passed-only',
    include: ['test/long/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 24 * 60 * 60 * 1000,
    hookTimeout: 60_000,
  },
});
