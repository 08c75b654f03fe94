/** What is kept of a topic, as options and in a description. */
import { type Command, Option } from 'commander';
import { describeOffsets } from '../eventlog/offsets.ts';
import type { NextRemoval, TopicChanges, TopicDescription } from '../eventlog/types.ts';
import { shownId } from './ids.ts';
import { integer, seconds } from './options.ts';
import { bytes, count } from './table.ts';

export interface RetentionOptions {
  readonly retentionAge?: number | null;
  readonly retentionRecords?: number | null;
  readonly retentionUntilRead?: boolean;
}

/** Seconds: some thirty years. */
const ageMax = 999_999_999;
const orAll =
  (parse: (text: string) => number) =>
  (text: string): number | null =>
    text === 'all' ? null : parse(text);

/** Beside its size, of a topic that is made. */
export const addRetention = (command: Command): Command =>
  command
    .option('--retention-age <duration>', 'remove records that are older, such as 12h or 7d', seconds(1, ageMax))
    .option('--retention-records <count>', 'remove the oldest records of a partition behind which so many more stand', integer(1))
    .option('--retention-until-read', 'remove what all subscribers have read; the other bounds remove the rest too');

/** Of one that is there. */
export const addRetentionChanges = (command: Command): Command =>
  command
    .addOption(
      new Option('--retention-age <duration>', 'remove records that are older, or "all" to keep any age').argParser(
        orAll(seconds(1, ageMax)),
      ),
    )
    .addOption(
      new Option(
        '--retention-records <count>',
        'remove the oldest records of a partition behind which so many more stand, or "all" to keep any number',
      ).argParser(orAll(integer(1))),
    )
    .option('--retention-until-read', 'remove what all subscribers have read')
    .option('--no-retention-until-read', 'keep it, whoever has read it');

/** What was asked for. */
export const retentionAsked = ({ retentionAge, retentionRecords, retentionUntilRead }: RetentionOptions): TopicChanges => ({
  ...(retentionAge === undefined ? {} : { retentionMs: retentionAge }),
  ...(retentionRecords === undefined ? {} : { retentionRecords }),
  ...(retentionUntilRead === undefined ? {} : { retentionUntilRead }),
});

/** Whether that may let records go that were kept so far. */
export const mayLetGo = ({ retentionMs = null, retentionRecords = null, retentionUntilRead = false }: TopicChanges): boolean =>
  retentionMs !== null || retentionRecords !== null || retentionUntilRead;

export function retentionText({ settings, partitions }: TopicDescription): string {
  const { retentionBytes, retentionMs = null, retentionRecords = null, retentionUntilRead = false } = settings;
  const each = partitions === undefined ? '' : ' in each partition';
  const most = [
    ...(retentionBytes === null ? [] : [`${bytes(retentionBytes)}${each}`]),
    ...(retentionMs === null ? [] : [`${count(Math.round(retentionMs / 1000))} s`]),
    ...(retentionRecords === null ? [] : [`${count(retentionRecords)} records${each}`]),
  ];
  if (!retentionUntilRead) return most.length === 0 ? 'everything is kept' : most.join(', at most ');
  return `until all subscribers have read it${most.length === 0 ? '' : `, at most ${most.join(', at most ')}`}`;
}

/** What goes next, and what it waits for. */
export function removalText(next: NextRemoval | null): string {
  if (next === null) return 'nothing yet: no segment is whole';
  const { offsetFrom, offsetTo, sizeBytes, dueMs, unreadBy, missing } = next;
  const waits = [
    ...(missing.length === 0 ? [] : [`broker ${missing.join(', ')} does not have all of it`]),
    ...(unreadBy === null ? [] : [unreadText(unreadBy)]),
    ...(dueMs === null ? [] : [`its age takes it at ${new Date(dueMs).toISOString()}`]),
  ];
  return `${describeOffsets(offsetFrom, offsetTo)}, ${bytes(sizeBytes)}${waits.length === 0 ? '' : `: ${waits.join('; ')}`}`;
}

function unreadText({ subscriber, offset, sinceMs }: NonNullable<NextRemoval['unreadBy']>): string {
  const since = sinceMs === null ? '' : `, which is of ${new Date(sinceMs).toISOString()}`;
  return `subscriber ${shownId(subscriber)} has read up to offset ${offset}${since}`;
}
