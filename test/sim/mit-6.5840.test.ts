import { describe, expect, test } from 'vitest';
import { mitTests } from './mit-6.5840.ts';

// 200 seeds each: `npm run test:long mit`.
describe.each([1])('MIT 6.5840, labs 3A to 3C, seed %i', (seed) => {
  test.each(mitTests)('$name', ({ run }) => {
    run(seed);

    expect(mitTests).toHaveLength(21);
  });
});

// A request for a vote was sent once, and later links were given up after three pings without an answer: on a network that loses and delays, five
// brokers could stay without a leader for seconds.
test.each([
  ['3C figure 8 on an unreliable network', 187],
  ['3C figure 8 on an unreliable network', 44],
  ['3C churn on an unreliable network', 126],
])('%s, seed %i, which once ended without an agreement', (name, seed) => {
  const mitTest = mitTests.find((candidate) => candidate.name === name);

  expect(mitTest).toBeDefined();
  mitTest?.run(seed);
});
