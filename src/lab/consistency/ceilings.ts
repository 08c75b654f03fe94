/** What a perfect log server gets from the course's test with 5 servers: the test itself lets some runs fail (contract 2). */
export interface Ceiling {
  readonly successRate: number;
  readonly putsMean: number;
  readonly warningsMean: number;
}

export const ceilings: readonly Ceiling[] = [
  { successRate: 1, putsMean: 20, warningsMean: 0 },
  { successRate: 0.979, putsMean: 17.5, warningsMean: 0 },
  { successRate: 1, putsMean: 86.1, warningsMean: 0 },
  { successRate: 0.97, putsMean: 78.2, warningsMean: 1.56 },
  { successRate: 0.971, putsMean: 78.2, warningsMean: 1.57 },
];
