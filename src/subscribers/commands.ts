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
export interface GivenRange extends PartitionOf {
  readonly generation: number;
  readonly offsetFrom: number;
  readonly offsetTo: number;
}

export interface AckedPosition extends PartitionOf {
  readonly offset: number;
  /** Null: whichever the cursor has. */
  readonly generation: number | null;
}

interface CursorPut extends PartitionOf {
  readonly generation: number;
  readonly offset: number;
}

/** `made` tells two subscribers of one name apart: the offset of the command that made it. */
interface OfSubscriber {
  readonly subscriber: string;
  readonly made: number;
}

interface CursorLimits {
  /** Of one subscriber, and of the group. */
  readonly cursorsMax: number;
  readonly groupCursorsMax: number;
}

export type SubscriberCommand =
  | { readonly type: 'createPublisher'; readonly id: string; readonly nonce: string; readonly max: number }
  | { readonly type: 'deletePublisher'; readonly id: string }
  | { readonly type: 'createSubscriber'; readonly id: string; readonly nonce: string; readonly max: number }
  | { readonly type: 'deleteSubscriber'; readonly id: string }
  | ({
      readonly type: 'subscribe';
      readonly topic: string;
      /** Null for a pattern. */
      readonly topicId: number | null;
      readonly cursors: readonly CursorStart[];
      readonly subscriptionsMax: number;
    } & OfSubscriber &
      CursorLimits)
  /** Topics that a pattern matches have been made since. */
  | ({ readonly type: 'takeUp'; readonly cursors: readonly CursorStart[] } & OfSubscriber & CursorLimits)
  /** Topics that patterns matched are gone. */
  | ({ readonly type: 'dropTopics'; readonly topicIds: readonly number[] } & OfSubscriber)
  | ({ readonly type: 'unsubscribe'; readonly topic: string } & OfSubscriber)
  /** Pull `number` gives these; where `acknowledges`, what the one before it gave is acknowledged. */
  | ({
      readonly type: 'pull';
      readonly number: number;
      readonly acknowledges: boolean;
      readonly ranges: readonly GivenRange[];
    } & OfSubscriber)
  /** The pull behind `number` has come and finds nothing new: what `number` gave is acknowledged. */
  | ({ readonly type: 'settle'; readonly number: number } & OfSubscriber)
  /** Given and acknowledged at once. */
  | ({ readonly type: 'take'; readonly ranges: readonly GivenRange[] } & OfSubscriber)
  | ({ readonly type: 'ack'; readonly positions: readonly AckedPosition[] } & OfSubscriber)
  /** `attempt` is the same where the same request is tried again. */
  | ({ readonly type: 'seek'; readonly attempt: string; readonly puts: readonly CursorPut[] } & OfSubscriber);

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
  const { type } = fields;
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
    case 'pull':
      return isCount(fields['number']) && typeof fields['acknowledges'] === 'boolean' && isListOf(fields['ranges'], isRange);
    case 'settle':
      return isCount(fields['number']);
    case 'take':
      return isListOf(fields['ranges'], isRange);
    case 'ack':
      return isListOf(fields['positions'], isPosition);
    case 'seek':
      return isText(fields['attempt']) && isListOf(fields['puts'], isPut);
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
const isPut = (value: unknown): boolean => isPartition(value) && isCount(value['generation']) && isCount(value['offset']);
const isPosition = (value: unknown): boolean =>
  isPartition(value) && (value['generation'] === null || isCount(value['generation'])) && isCount(value['offset']);
const isRange = (value: unknown): boolean =>
  isPartition(value) && isCount(value['generation']) && isCount(value['offsetFrom']) && isCount(value['offsetTo']);
const hasCursors = (fields: Fields): boolean =>
  isListOf(fields['cursors'], isStart) && isCount(fields['cursorsMax']) && isCount(fields['groupCursorsMax']);
