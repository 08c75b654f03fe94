import { describe, expect, test } from 'vitest';
import { mitTests } from './mit-6.5840.ts';

// 200 seeds each: `npm run test:long mit`.
describe.each([1, 2, 3])('MIT 6.5840, labs 3A to 3C, seed %i', (seed) => {
  test.each(mitTests)('$name', ({ run }) => {
    run(seed);

    expect(mitTests).toHaveLength(21);
  });
});
