export { isAhead, isPassed, isTriedAmongBrokers, judge, type Judgement, withRequestOutcome } from './attempts.ts';
export { follow } from './follow.ts';
export { delayMsMax, linkFaultTexts, refuseLinkFault } from './link-faults.ts';
export type * from './history.ts';
export { historyEveryMs, historySpanMs } from './history.ts';
export { LogError, requestOutcomeOf } from './log-error.ts';
export {
  type ClusterView,
  type EventLog,
  promised,
  type RecordLog,
  type SearchableLog,
  type TopicAdmin,
  withCallbacks,
  withPromises,
} from './promises.ts';
export { describeOffsets } from './offsets.ts';
export { isTrimmed, withRetention } from './retention-settings.ts';
export { readBytesFor, readMore } from './read-sizes.ts';
export { choosePartition, refuseAppend, refuseChanges, refuseRead, refuseScan, refuseSettings } from './ranges.ts';
export type * from './scheduled.ts';
export { scheduledAheadMsMax, scheduledBytesMax, scheduledPageMax, shownAppend, withSchedulePromises } from './scheduled.ts';
export type * from './services.ts';
export type * from './spans.ts';
export type * from './subscriptions.ts';
export {
  afterMax,
  clientIdBytesMax,
  clientIdRule,
  metadataBytesMax,
  nackedMax,
  parkedIdsMax,
  reasonLengthMax,
  sessionMsDefault,
  sessionMsMax,
  sessionMsMin,
  withSubscriptionPromises,
  workersMax,
  workerTopicsMax,
} from './subscriptions.ts';
export { isTopicName, nameStartPattern, nameStartRule, shownTopic, topicNameRule } from './topic-name.ts';
export type * from './types.ts';
export {
  brokersMax,
  keptBatchBytesMax,
  originalNameLengthMax,
  partitionName,
  partitionsMax,
  requestIdBytesMax,
  statusTopicsMax,
  topicPageMax,
  worstTopicsMax,
} from './types.ts';
