/**
 * What the numbers of a request may be. Whoever implements the port asks here first, so that no later step (a sum, a field of a frame, a timer) meets a
 * number that it cannot hold: it would take that for a defect of its own and stop the process.
 */
import { offsetMax, sequenceMax } from '../base/branded.ts';
import { recordCount, timestampMsMax } from '../record/index.ts';
import { LogError } from './log-error.ts';
import { scheduledBytesMax } from './scheduled.ts';
import { shownTopic } from './topic-name.ts';
import {
  type AppendRequest,
  brokersMax,
  originalNameLengthMax,
  partitionsMax,
  type ReadRequest,
  type RecordsOf,
  requestIdBytesMax,
  type ScanRequest,
  type TopicChanges,
  type TopicSettings,
} from './types.ts';

/** What a timer holds; 24 days. */
const spanMsMax = 2 ** 31 - 1;

/**
 * Which of a topic's `count` partitions is meant, or why none is.
 * @param doing what cannot be done, as in `append to topic "log"`
 */
export function choosePartition(doing: string, { partition }: RecordsOf, count: number): number | LogError {
  if (partition === undefined && count > 1)
    return new LogError('partitionNeeded', `Cannot ${doing}: it has ${count} partitions, and none is named`, { partitions: count });
  const chosen = partition ?? 0;
  if (Number.isSafeInteger(chosen) && chosen >= 0 && chosen < count) return chosen;
  const has = count === 1 ? 'partition 0' : `partitions 0 to ${count - 1}`;
  return new LogError('invalidRequest', `Cannot ${doing}: it has no partition ${chosen}, only ${has}`);
}

export function refuseAppend(request: AppendRequest): LogError | null {
  const { topic, batch, timeoutMs, requestId, sequence, expectedOffset } = request;
  if (expectedOffset !== null && !isWithin(expectedOffset, offsetMax)) {
    return refusal(`append to ${shownTopic(topic)}`, 'expectedOffset', expectedOffset, offsetMax);
  }
  // All its records have sequences of their own.
  const last = sequenceMax - recordCount(batch) + 1;
  if (!isWithin(sequence, last)) return refusal(`append to ${shownTopic(topic)}`, 'sequence', sequence, last);
  if (!(timeoutMs <= spanMsMax)) return refusal(`append to ${shownTopic(topic)}`, 'timeoutMs', timeoutMs, spanMsMax);
  if (requestId !== null && requestId.length > requestIdBytesMax) {
    return refusal(`append to ${shownTopic(topic)}`, 'the length of requestId', requestId.length, requestIdBytesMax);
  }
  return request.deliverAtMs === undefined ? null : refuseLater(request, request.deliverAtMs);
}

function refuseLater({ topic, batch, level, expectedOffset }: AppendRequest, deliverAtMs: number): LogError | null {
  const doing = `append to ${shownTopic(topic)} later`;
  if (!isWithin(deliverAtMs, timestampMsMax)) return refusal(doing, 'deliverAtMs', deliverAtMs, timestampMsMax);
  const no = (reason: string): LogError => new LogError('invalidRequest', `Cannot ${doing}: ${reason}`);
  if (expectedOffset !== null) return no('what its end will be then is not known, so no offset can be expected');
  if (level === 'leader') return no('what waits is always on a majority, so the level is "quorum" or "all"');
  if (batch.length <= scheduledBytesMax) return null;
  const reason = `its records have ${batch.length} bytes, those for one time and one partition have at most ${scheduledBytesMax}`;
  return new LogError('recordTooLarge', `Cannot ${doing}: ${reason}`, { limit: scheduledBytesMax });
}

export function refuseRead(request: ReadRequest): LogError | null {
  const { topic, offsetFrom, sinceMs, bytesMax, sessionOffset, waitMs } = request;
  const doing = `read ${shownTopic(topic)}`;
  if (offsetFrom !== null && !isWithin(offsetFrom, offsetMax)) return refusal(doing, 'offsetFrom', offsetFrom, offsetMax);
  if (!isWithin(sessionOffset, offsetMax)) return refusal(doing, 'sessionOffset', sessionOffset, offsetMax);
  if (sinceMs !== null && !Number.isSafeInteger(sinceMs)) return refusal(doing, 'sinceMs', sinceMs, Number.MAX_SAFE_INTEGER);
  if (!(waitMs <= spanMsMax)) return refusal(doing, 'waitMs', waitMs, spanMsMax);
  if (Number.isNaN(bytesMax)) return refusal(doing, 'bytesMax', bytesMax, Number.MAX_SAFE_INTEGER);
  return null;
}

export function refuseScan(request: ScanRequest): LogError | null {
  const { topic, offsetFrom, offsetTo, sinceMs, untilMs, sessionOffset, timeoutMs } = request;
  const doing = `search ${shownTopic(topic)}`;
  if (offsetFrom !== null && !isWithin(offsetFrom, offsetMax)) return refusal(doing, 'offsetFrom', offsetFrom, offsetMax);
  if (offsetTo !== null && !isWithin(offsetTo, offsetMax)) return refusal(doing, 'offsetTo', offsetTo, offsetMax);
  if (!isWithin(sessionOffset, offsetMax)) return refusal(doing, 'sessionOffset', sessionOffset, offsetMax);
  if (sinceMs !== null && !Number.isSafeInteger(sinceMs)) return refusal(doing, 'sinceMs', sinceMs, Number.MAX_SAFE_INTEGER);
  if (untilMs !== null && !Number.isSafeInteger(untilMs)) return refusal(doing, 'untilMs', untilMs, Number.MAX_SAFE_INTEGER);
  if (!(timeoutMs <= spanMsMax)) return refusal(doing, 'timeoutMs', timeoutMs, spanMsMax);
  return null;
}

export function refuseSettings(name: string, settings: TopicSettings): LogError | null {
  const { replicas, partitions, originalName = '' } = settings;
  const doing = `create ${shownTopic(name)}`;
  const refused = refuseRetention(doing, settings);
  if (refused !== null) return refused;
  if (originalName.length > originalNameLengthMax)
    return new LogError('invalidTopicName', `Cannot ${doing}: its original name has more than ${originalNameLengthMax} characters`);
  for (const [what, value, most] of [
    ['replicas', replicas, brokersMax],
    ['partitions', partitions, partitionsMax],
  ] as const) {
    if (value !== undefined && !(isWithin(value, most) && value >= 1))
      return new LogError('invalidRequest', `Cannot ${doing}: ${what} is ${value}, it must be an integer from 1 to ${most}`);
  }
  return null;
}

export function refuseChanges(name: string, changes: TopicChanges): LogError | null {
  const { partitions } = changes;
  const doing = `alter ${shownTopic(name)}`;
  const refused = refuseRetention(doing, changes);
  if (refused !== null) return refused;
  if (partitions === undefined || (isWithin(partitions, partitionsMax) && partitions >= 1)) return null;
  return new LogError('invalidRequest', `Cannot ${doing}: partitions is ${partitions}, it must be an integer from 1 to ${partitionsMax}`);
}

function refuseRetention(doing: string, { retentionBytes, retentionMs, retentionRecords }: TopicChanges): LogError | null {
  for (const [what, value] of Object.entries({ retentionBytes, retentionMs, retentionRecords }))
    if (value !== undefined && value !== null && !isWithin(value, Number.MAX_SAFE_INTEGER))
      return refusal(doing, what, value, Number.MAX_SAFE_INTEGER);
  return null;
}

const isWithin = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= most;

const refusal = (doing: string, what: string, value: number, most: number): LogError =>
  new LogError('invalidRequest', `Cannot ${doing}: ${what} is ${value}, it must be an integer of at most ${most}`);
