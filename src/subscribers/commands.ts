/**
 * What changes publishers and subscribers. A command is one JSON object in a record's value of the group that keeps them, with the fields of these types. Limits
 * travel in the command that they are for; what it was made from does too (`made`, `generation`, where a range begins), so that one that came too late changes
 * nothing.
 */

/** A partition of a topic. A topic that is deleted and made again under its name has another id. */
export interface PartitionOf {
  readonly topicId: number;
  readonly partition: number;
}

export interface CursorStart extends PartitionOf {
  readonly topic: string;
  readonly offset: number;
}

/** [offsetFrom, offsetTo) of a partition, given by a pull. */
export interface GivenRange extends CursorAt {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  /** Of one record in retry: how often it had failed. */
  readonly tries?: number;
}

export interface AckedPosition extends PartitionOf {
  readonly offset: number;
  /** Null: whichever the cursor has. */
  readonly generation: number | null;
  /** Only the record below `offset` is meant, which is in retry and had failed so often. */
  readonly tries?: number;
  /** Kept beside the offset; left out: what is there stays as long as the cursor does not move. */
  readonly metadata?: string;
}

/** A record whose processing has failed. */
export interface FailedRecord extends PartitionOf {
  readonly offset: number;
  readonly generation: number | null;
  /** How often it had failed before: 0, and all below it is acknowledged too. */
  readonly tries: number;
  readonly reason: string;
}

/** A cursor as it was when a command was made. */
export interface CursorAt extends PartitionOf {
  readonly generation: number;
}

interface CursorPut extends CursorAt {
  readonly offset: number;
}

/** `made` tells two subscribers of one name apart: the offset of the command that made it. */
interface OfSubscriber {
  readonly subscriber: string;
  readonly made: number;
}

/** Of the same request, however often it is tried: it is done once. In logs of before there may be none. */
interface Attempted {
  readonly attempt?: string;
}

/** Who pulls, where several share a subscriber; none: the implicit worker. */
interface OfPuller {
  readonly worker?: string;
}

/** A worker of which whoever leads has heard nothing for so long. `epoch` is the offset of the command that took it in, `heardAt` of its last sign of life. */
interface SilentWorker {
  readonly worker: string;
  readonly epoch: number;
  readonly heardAt: number;
  readonly silentMs: number;
}

/** A cursor that its holder was asked for: so long ago, or, with null, it has nothing of it any more. */
interface LeavingCursor extends CursorAt {
  readonly waitedMs: number | null;
}

interface RetryLimits {
  /** Of one partition, and of the group. */
  readonly retriesMax: number;
  readonly groupRetriesMax: number;
}

interface CursorLimits {
  /** Of one subscriber, and of the group. */
  readonly cursorsMax: number;
  readonly groupCursorsMax: number;
}

export type SubscriberCommand =
  | ({ readonly type: 'createPublisher'; readonly id: string; readonly nonce: string; readonly max: number } & Attempted)
  | ({ readonly type: 'deletePublisher'; readonly id: string } & Attempted)
  | ({ readonly type: 'createSubscriber'; readonly id: string; readonly nonce: string; readonly max: number } & Attempted)
  | ({ readonly type: 'deleteSubscriber'; readonly id: string } & Attempted)
  | ({
      readonly type: 'subscribe';
      readonly topic: string;
      /** Null for a pattern. */
      readonly topicId: number | null;
      readonly cursors: readonly CursorStart[];
      readonly subscriptionsMax: number;
    } & OfSubscriber &
      CursorLimits &
      Attempted)
  /** Topics that a pattern matches have been made since. */
  | ({ readonly type: 'takeUp'; readonly cursors: readonly CursorStart[] } & OfSubscriber & CursorLimits)
  /** Topics that patterns matched are gone. */
  | ({ readonly type: 'dropTopics'; readonly topicIds: readonly number[] } & OfSubscriber)
  | ({ readonly type: 'unsubscribe'; readonly topic: string } & OfSubscriber & Attempted)
  /** Pull `number` gives these; where `acknowledges`, what the one before it gave is acknowledged. */
  | ({
      readonly type: 'pull';
      readonly number: number;
      readonly acknowledges: boolean;
      readonly ranges: readonly GivenRange[];
    } & OfSubscriber &
      OfPuller)
  /** The pull behind `number` has come and finds nothing new: what `number` gave is acknowledged. */
  | ({ readonly type: 'settle'; readonly number: number } & OfSubscriber & OfPuller)
  /** Given and acknowledged at once. */
  | ({ readonly type: 'take'; readonly ranges: readonly GivenRange[] } & OfSubscriber & OfPuller)
  /** All or none of them; where `each`, those of a generation of before are left out. */
  | ({
      readonly type: 'ack';
      readonly positions: readonly AckedPosition[];
      readonly each?: boolean;
      /** Bytes of all metadata of the group, where there is any in this. */
      readonly groupMetadataMax?: number;
    } & OfSubscriber)
  | ({ readonly type: 'seek'; readonly puts: readonly CursorPut[] } & OfSubscriber & Attempted)
  /** A worker is alive, and joins where it is none yet; with an epoch only where it is still that one. */
  | ({
      readonly type: 'heartbeat';
      readonly worker: string;
      readonly epoch: number | null;
      readonly sessionMs: number;
      readonly workersMax: number;
      /** Left out: as they were, all at first. */
      readonly topics?: readonly string[] | null;
    } & OfSubscriber)
  | ({ readonly type: 'leave'; readonly worker: string; readonly epoch: number } & OfSubscriber & Attempted)
  /** Log time is none to measure it by: it stands still while the clock of whoever leads is behind it. */
  | ({ readonly type: 'expire'; readonly workers: readonly SilentWorker[] } & OfSubscriber)
  /** They go where they are to go. */
  | ({ readonly type: 'move'; readonly cursors: readonly LeavingCursor[] } & OfSubscriber)
  /** They come again after `waitMs`, twice as long each time and `waitMsMax` at most; at the `triesMax`th time they are to be parked. */
  | ({
      readonly type: 'nack';
      readonly records: readonly FailedRecord[];
      /** Nothing else of their partitions is given until they are done. */
      readonly isOrdered: boolean;
      readonly triesMax: number;
      readonly waitMs: number;
      readonly waitMsMax: number;
    } & OfSubscriber &
      RetryLimits &
      Attempted)
  /** A copy of it stands at `id` of the topic of parked records. */
  | ({
      readonly type: 'park';
      readonly offset: number;
      readonly since: number;
      readonly tries: number;
      readonly id: number;
      /** Of one subscriber, and of the group. */
      readonly parkedMax: number;
      readonly groupParkedMax: number;
    } & PartitionOf &
      OfSubscriber)
  | ({ readonly type: 'replayParked'; readonly ids: readonly number[] } & OfSubscriber & RetryLimits & Attempted)
  | ({ readonly type: 'dropParked'; readonly ids: readonly number[] } & OfSubscriber & Attempted);

/** About one that is there. */
export type CommandOfSubscriber = Extract<SubscriberCommand, OfSubscriber>;

/** `stale`: it was made from a state that is not that of the log any more. */
export type SubscriberOutcome =
  | 'done'
  | 'created'
  | 'existed'
  | 'unknownPublisher'
  | 'unknownSubscriber'
  | 'notSubscribed'
  | 'tooManyPublishers'
  | 'tooManySubscribers'
  | 'tooManySubscriptions'
  | 'tooManyCursors'
  | 'tooManyWorkers'
  | 'tooManyRetries'
  | 'tooManyParked'
  | 'tooMuchMetadata'
  | 'unknownWorker'
  | 'staleGeneration'
  | 'stale'
  | 'invalid';

type Fields = Readonly<Record<string, unknown>>;

/** Null for what is no command. */
export function parseSubscriberCommand(text: string): SubscriberCommand | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  return isCommand(value) ? (value as unknown as SubscriberCommand) : null;
}

function isCommand(fields: Fields): boolean {
  const { type, attempt } = fields;
  if (attempt !== undefined && !isText(attempt)) return false;
  switch (type) {
    case 'createPublisher':
    case 'createSubscriber':
      return isText(fields['id']) && isText(fields['nonce']) && isCount(fields['max']);
    case 'deletePublisher':
    case 'deleteSubscriber':
      return isText(fields['id']);
    default:
      return isText(fields['subscriber']) && isCount(fields['made']) && isOfSubscriber(fields);
  }
}

function isOfSubscriber(fields: Fields): boolean {
  switch (fields['type']) {
    case 'subscribe': {
      const { topicId } = fields;
      const isNamed = isText(fields['topic']) && (topicId === null || isId(topicId)) && isCount(fields['subscriptionsMax']);
      return isNamed && hasCursors(fields);
    }
    case 'takeUp':
      return hasCursors(fields);
    case 'dropTopics':
      return isListOf(fields['topicIds'], isId);
    case 'unsubscribe':
      return isText(fields['topic']);
    case 'pull': {
      const isNumbered = isCount(fields['number']) && typeof fields['acknowledges'] === 'boolean';
      return isNumbered && hasPuller(fields) && isListOf(fields['ranges'], isRange);
    }
    case 'settle':
      return isCount(fields['number']) && hasPuller(fields);
    case 'take':
      return hasPuller(fields) && isListOf(fields['ranges'], isRange);
    case 'ack': {
      const { positions, each = false, groupMetadataMax } = fields;
      return isListOf(positions, isPosition) && typeof each === 'boolean' && isCountOrNone(groupMetadataMax);
    }
    case 'seek':
      return isListOf(fields['puts'], isPut);
    case 'heartbeat': {
      const { worker, epoch, sessionMs, workersMax, topics = null } = fields;
      const isOfTopics = topics === null || isListOf(topics, isText);
      return isText(worker) && (epoch === null || isCount(epoch)) && isCount(sessionMs) && isCount(workersMax) && isOfTopics;
    }
    case 'leave':
      return isText(fields['worker']) && isCount(fields['epoch']);
    case 'expire':
      return isListOf(fields['workers'], isSilent);
    case 'move':
      return isListOf(fields['cursors'], isLeaving);
    case 'nack': {
      const { records, isOrdered, triesMax, waitMs, waitMsMax } = fields;
      const areTimes = isCount(triesMax) && isCount(waitMs) && isCount(waitMsMax);
      return isListOf(records, isFailed) && typeof isOrdered === 'boolean' && areTimes && hasRetryLimits(fields);
    }
    case 'park': {
      const { offset, since, tries, id, parkedMax, groupParkedMax } = fields;
      return isPartition(fields) && [offset, since, tries, id, parkedMax, groupParkedMax].every(isCount);
    }
    case 'replayParked':
      return isListOf(fields['ids'], isCount) && hasRetryLimits(fields);
    case 'dropParked':
      return isListOf(fields['ids'], isCount);
    default:
      return false;
  }
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
/** Of a topic: that of `log`, which no command has made, is -1. */
const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= -1;
const isListOf = (value: unknown, is: (one: unknown) => boolean): boolean => Array.isArray(value) && value.every(is);
const isPartition = (value: unknown): value is Fields => isObject(value) && isId(value['topicId']) && isCount(value['partition']);
const isStart = (value: unknown): boolean => isPartition(value) && isText(value['topic']) && isCount(value['offset']);
const isCursorAt = (value: unknown): value is Fields => isPartition(value) && isCount(value['generation']);
const isPut = (value: unknown): boolean => isCursorAt(value) && isCount(value['offset']);
const isLeaving = (value: unknown): boolean => isCursorAt(value) && (value['waitedMs'] === null || isCount(value['waitedMs']));
const isSilent = (value: unknown): boolean =>
  isObject(value) && isText(value['worker']) && isCount(value['epoch']) && isCount(value['heardAt']) && isCount(value['silentMs']);
const hasPuller = (fields: Fields): boolean => fields['worker'] === undefined || isText(fields['worker']);
const isCountOrNone = (value: unknown): boolean => value === undefined || isCount(value);
const isOffsetAt = (value: unknown): value is Fields =>
  isPartition(value) && (value['generation'] === null || isCount(value['generation'])) && isCount(value['offset']);
const isPosition = (value: unknown): boolean =>
  isOffsetAt(value) && isCountOrNone(value['tries']) && (value['metadata'] === undefined || isText(value['metadata']));
const isFailed = (value: unknown): boolean => isOffsetAt(value) && isCount(value['tries']) && isText(value['reason']);
const isRange = (value: unknown): boolean =>
  isCursorAt(value) && isCount(value['offsetFrom']) && isCount(value['offsetTo']) && isCountOrNone(value['tries']);
const hasRetryLimits = (fields: Fields): boolean => isCount(fields['retriesMax']) && isCount(fields['groupRetriesMax']);
const hasCursors = (fields: Fields): boolean =>
  isListOf(fields['cursors'], isStart) && isCount(fields['cursorsMax']) && isCount(fields['groupCursorsMax']);
