import type { TopicChanges, TopicSettings } from './types.ts';

/** What is removed of a topic. */
type RetentionSettings = Pick<TopicSettings, 'retentionBytes' | 'retentionMs' | 'retentionRecords' | 'retentionUntilRead'>;

/** The settings of a topic with what is changed of its retention: bounds that there are not are left out. */
export function withRetention(settings: TopicSettings, changes: TopicChanges): TopicSettings {
  const { retentionMs: ms = null, retentionRecords: records = null, retentionUntilRead: untilRead = false, ...others } = settings;
  const { retentionBytes = others.retentionBytes, retentionMs = ms, retentionRecords = records, retentionUntilRead = untilRead } = changes;
  return {
    ...others,
    retentionBytes,
    ...(retentionMs === null ? {} : { retentionMs }),
    ...(retentionRecords === null ? {} : { retentionRecords }),
    ...(retentionUntilRead ? { retentionUntilRead } : {}),
  };
}

/** Whether anything is ever removed of it. */
export function isTrimmed(settings: RetentionSettings): boolean {
  const { retentionBytes, retentionMs = null, retentionRecords = null, retentionUntilRead = false } = settings;
  return retentionBytes !== null || retentionMs !== null || retentionRecords !== null || retentionUntilRead;
}
