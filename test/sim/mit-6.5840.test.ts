import { describe, expect, test, vi } from 'vitest';
import { mitTests } from './mit-6.5840.ts';

// Simulations need seconds of a core, and cores may be busy with other things.
vi.setConfig({ testTimeout: 180_000 });

// 200 seeds each: `npm run test:long mit`.
describe.each([1, 2, 3])('MIT 6.5840, labs 3A to 3C, seed %i', (seed) => {
  test.each(mitTests)('$name', ({ run }) => {
    run(seed);

    expect(mitTests).toHaveLength(21);
  });
});
