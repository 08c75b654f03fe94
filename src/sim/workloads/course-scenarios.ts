/** The course's scenarios (contract 2). Whole seconds, both ends inclusive, uniform. */
export interface Scenario {
  readonly id: number;
  readonly logIntervalS: readonly [number, number];
  readonly crashIntervalS: readonly [number, number];
  readonly crashedS: readonly [number, number];
  readonly entryCount: number;
  /** How many threads crash servers, for so many servers. */
  readonly crashThreads: (serverCount: number) => number;
}

export const scenarios: readonly Scenario[] = [
  { id: 0, logIntervalS: [2, 3], crashIntervalS: [1, 2], crashedS: [5, 15], entryCount: 20, crashThreads: () => 0 },
  { id: 1, logIntervalS: [2, 3], crashIntervalS: [5, 7], crashedS: [5, 15], entryCount: 20, crashThreads: () => 1 },
  { id: 2, logIntervalS: [1, 2], crashIntervalS: [1, 2], crashedS: [3, 4], entryCount: 100, crashThreads: () => 1 },
  { id: 3, logIntervalS: [2, 3], crashIntervalS: [5, 7], crashedS: [5, 15], entryCount: 100, crashThreads: () => 2 },
  {
    id: 4,
    logIntervalS: [2, 3],
    crashIntervalS: [5, 7],
    crashedS: [5, 15],
    entryCount: 100,
    crashThreads: (count) => Math.floor((count - 1) / 2),
  },
];
