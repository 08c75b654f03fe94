/**
 * What Node is told when it runs a broker, which must be said before V8 begins. `bin/launch.mjs` restates it for `cairn serve`.
 *
 * Everywhere: the young generation stays small, since what an append leaves is garbage at once, and V8's own limit of 3 x 16 MB would only grow the
 * process, at the start by what compiling leaves and after each large append. Measured idle, from dist/: 121-126 MB without, 114-116 MB with 8,
 * 105-108 MB with 4, 101-103 MB with 2. What is in flight is copied at every collection, so less costs time: 64 in flight inside one broker 4.2-4.6 us of
 * processor time a record with 8, 5.7-6.8 with 4, 3.9-5.6 without. And a broker at rest may collect what it left (`rest.ts`).
 *
 * The others are V8's own names. They come and go with its versions, and a Node that does not know one does not start, so only the Node that they were
 * measured with is told.
 *
 * - Large appends: V8 counts the memory of buffers that appeared since the last full collection as if it were the old generation. Its own limits made it
 *   look through a heap of 23 MB for every few MB that passed; so the old generation may have 96 MB, and the young one is collected, in half a
 *   millisecond, when 16 MB of buffers hang on it (twice the capacity that it is told) and not 128 (docs/decisions/0010).
 * - Few appends: V8 optimizes what has run some thousand times, which takes seconds for a client with one append on its way. Told to do so five times
 *   earlier, a fresh broker came to 2,500 appends a second over HTTP within 4 s in place of 10 (docs/decisions/0007).
 */
const everywhere = ['--max-semi-space-size=8', '--expose-gc'];

const measuredMajor = 24;
const measured = [
  '--initial-old-space-size=96',
  '--scavenger-max-new-space-capacity-mb=4',
  '--invocation-count-for-turbofan=600',
  '--invocation-count-for-maglev=100',
  '--minimum-invocations-after-ic-update=100',
];

const isMeasured = Number.parseInt(process.versions.node, 10) === measuredMajor;

export const brokerNodeFlags: readonly string[] = isMeasured ? [...everywhere, ...measured] : everywhere;
