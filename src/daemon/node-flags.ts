/**
 * What Node is told when it runs a broker, which must be said before V8 begins. The young generation stays small: what an append leaves is garbage at
 * once, and V8's own limit of 3 x 16 MB would only grow the process, at the start by what compiling leaves and after each large append.
 * Measured idle, from dist/: 121-126 MB without, 114-116 MB with 8, 105-108 MB with 4, 101-103 MB with 2. What is in flight is copied at every
 * collection, so less costs time: 64 in flight inside one broker 4.2-4.6 us of processor time a record with 8, 5.7-6.8 with 4, 3.9-5.6 without.
 * The second and the third are about large appends: V8 counts the memory of buffers that appeared since the last full collection as if it were the old
 * generation. Its own limits made it look through a heap of 23 MB for every few MB that passed; so the old generation may have 96 MB, and the young one is
 * collected, in half a millisecond, when 16 MB of buffers hang on it (twice the capacity that it is told) and not 128 (docs/decisions/0012).
 * The fourth lets a broker at rest collect what it left (`rest.ts`). `bin/launch.mjs` restates all for `cairn serve`.
 */
export const brokerNodeFlags: readonly string[] = [
  '--max-semi-space-size=8',
  '--initial-old-space-size=96',
  '--scavenger-max-new-space-capacity-mb=4',
  '--expose-gc',
];
