/**
 * The settings of simulated brokers, drawn from the seed. Small limits make rare paths common: segments roll, batches for followers are read back from the
 * disk, flow control holds. Each run has limits of its own, because one set of them would hide what another reaches; and in half of the runs each start of
 * a broker changes some of them, as a rolling change of the configuration does.
 */
import type { SeededRandom } from '../base/random.ts';
import { type BrokerSettings, defaultSettings } from '../broker/settings.ts';

const KiB = 1024;

export function swarmSettings(random: SeededRandom): Partial<BrokerSettings> {
  const segmentBytesMin = random.pick([4, 16, 16, 64]) * KiB;
  const appendBytesMax = random.pick([2 * KiB, 64 * KiB, 1024 * KiB]);
  const drawn = {
    segmentBytesMin,
    segmentBytesMax: segmentBytesMin * random.pick([1, 4]),
    appendBytesMax,
    inFlightBytesMax: appendBytesMax * random.pick([1, 4]),
    cacheBytesMax: random.pick([4 * KiB, 64 * KiB, 8 * 1024 * KiB]),
    cachesBytesMax: random.pick([8 * KiB, 1024 * KiB, 128 * 1024 * KiB]),
    uncommittedBytesMax: random.pick([16 * KiB, 32 * 1024 * KiB]),
    markAfterMs: random.pick([20, 100]),
    quietAfterMs: random.pick([100, 500, 3000]),
    homecomingAfterMs: random.pick([300, 1000, 3000]),
    eventsRetentionBytes: random.pick([8 * KiB, 64 * 1024 * KiB]),
    linkBytesMax: random.pick([128 * KiB, 64 * 1024 * KiB]),
  };
  // A group alone meets the bound of its broker before its own.
  const uncommittedBytesPerBrokerMax = drawn.uncommittedBytesMax === 16 * KiB ? 24 * KiB : defaultSettings.uncommittedBytesPerBrokerMax;
  const linkIdleMs = drawn.quietAfterMs === 100 ? 1500 : defaultSettings.linkIdleMs;
  return {
    ...drawn,
    uncommittedBytesPerBrokerMax,
    linkIdleMs,
    subscribersRetentionBytes: drawn.eventsRetentionBytes,
    scheduledRetentionBytes: drawn.eventsRetentionBytes,
  };
}

/** What one start of one broker has in place of what the others have: about one part in three of everything. */
export function changedSettings(random: SeededRandom): Partial<BrokerSettings> {
  const drawn: Partial<BrokerSettings> = {
    ...swarmSettings(random),
    tickMs: random.pick([10, 25, 50]),
    heartbeatMs: random.pick([50, 100]),
    electionTimeoutMs: random.pick([300, 400, 600]),
  };
  const sizes = random.chance(1 / 3);
  // What a topic is made with does not change with a start.
  const {
    subscribersRetentionBytes: _ofTheFirst,
    scheduledRetentionBytes: _ofIts,
    segmentBytesMin,
    segmentBytesMax,
    appendBytesMax,
    inFlightBytesMax,
    ...single
  } = drawn;
  const kept = Object.entries(single).filter(() => random.chance(1 / 3));
  // Those that only make sense together change together.
  return { ...Object.fromEntries(kept), ...(sizes ? { segmentBytesMin, segmentBytesMax, appendBytesMax, inFlightBytesMax } : {}) };
}

/** How many topics there may be: one more than those that are there for the whole run, or some more. */
export const topicLimits = (lasting: number) => [lasting + 1, lasting + 2, lasting + 3, defaultSettings.topicsMax] as const;

/** Limits of what is remembered of request ids, so low that clients meet them. */
const idCounts = [20, 100, defaultSettings.requestIdsMax] as const;
const idTimesMs = [5000, 20_000, defaultSettings.requestIdRetentionMs] as const;
/** Of all groups of a broker together, where one may have 100: the largest of them forgets. */
const idsOfBroker = 240;

export function forgetfulSettings(random: SeededRandom): Partial<BrokerSettings> {
  const requestIdsMax = random.pick(idCounts);
  return {
    requestIdsMax,
    requestIdsPerBrokerMax: requestIdsMax === 100 ? idsOfBroker : defaultSettings.requestIdsPerBrokerMax,
    requestIdRetentionMs: random.pick(idTimesMs),
  };
}

/** What each of these brokers remembers at least. One group of many may be the largest though it has few. */
export const leastIdsKept = { count: 4, ms: idTimesMs[0] } as const;

/** Records that fail come again soon, are parked soon, and there is room for few of them in some runs. */
export function retrySettings(random: SeededRandom): Partial<BrokerSettings> {
  return {
    retryWaitMs: random.pick([50, 500]),
    retryWaitMsMax: random.pick([500, 5000]),
    triesMax: random.pick([1, 2, 3]),
    retriesMax: random.pick([2, defaultSettings.retriesMax]),
  };
}
