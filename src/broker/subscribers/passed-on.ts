/** What brokers ask one another about publishers and subscribers, as JSON text: `{"call":...,"attempt":...,"request":...}`. */
import {
  type AckRequest,
  type CreateRequest,
  type HeartbeatRequest,
  type IdQuery,
  type LeaveRequest,
  type NackRequest,
  type ParkedChange,
  type ParkedQuery,
  type ParkedRequest,
  type PullRequest,
  type SeekRequest,
  type SubscribeRequest,
  type UnsubscribeRequest,
} from '../../eventlog/index.ts';
import type { NamedPartition } from '../../subscribers/index.ts';

export type Call =
  | { readonly call: 'listPublishers' | 'listSubscribers'; readonly request: IdQuery }
  | { readonly call: 'describePublisher' | 'describeSubscriber'; readonly request: Named }
  | { readonly call: 'pull'; readonly request: PullRequest }
  | { readonly call: 'ack'; readonly request: AckRequest }
  | { readonly call: 'listParked'; readonly request: ParkedQuery }
  | { readonly call: 'showParked'; readonly request: ParkedRequest }
  | { readonly call: 'heartbeat'; readonly request: HeartbeatRequest }
  | { readonly call: 'furthestBehind'; readonly request: { readonly partitions: readonly NamedPartition[] } }
  | (Change & Attempted);

/** What is done once. */
export type Change =
  | { readonly call: 'createPublisher' | 'createSubscriber'; readonly request: CreateRequest }
  | { readonly call: 'deletePublisher' | 'deleteSubscriber'; readonly request: Named }
  | { readonly call: 'subscribe'; readonly request: SubscribeRequest }
  | { readonly call: 'unsubscribe'; readonly request: UnsubscribeRequest }
  | { readonly call: 'seek'; readonly request: SeekRequest }
  | { readonly call: 'nack'; readonly request: NackRequest }
  | { readonly call: 'changeParked'; readonly request: ParkedChange }
  | { readonly call: 'leave'; readonly request: LeaveRequest };

/** The same however often it is passed on. */
interface Attempted {
  readonly attempt: string;
}

interface Named {
  readonly id: string;
}

export function encodeCall(call: Call): string {
  // Whether somebody still waits is known here alone.
  return JSON.stringify(call, (key, value: unknown) => (key === 'cancel' ? undefined : value));
}

/** Null for what is none: nothing that comes from outside is taken for what it says it is. */
export function decodeCall(text: string): Call | null {
  const value = parse(text);
  if (!isObject(value) || !isObject(value['request'])) return null;
  const { call, request } = value;
  return typeof call === 'string' && isCall(call, request, isText(value['attempt'])) ? (value as unknown as Call) : null;
}

function isCall(call: string, request: Fields, isAttempt: boolean): boolean {
  switch (call) {
    case 'createPublisher':
    case 'createSubscriber':
      return isAttempt && isText(request['id']) && isText(request['requestId']);
    case 'listPublishers':
    case 'listSubscribers':
      return isText(request['prefix']) && isText(request['after']) && isNumber(request['limit']);
    case 'describePublisher':
    case 'describeSubscriber':
      return isText(request['id']);
    case 'deletePublisher':
    case 'deleteSubscriber':
      return isAttempt && isText(request['id']);
    case 'subscribe':
      return isAttempt && isOfTopic(request) && isStart(request['start']);
    case 'unsubscribe':
      return isAttempt && isOfTopic(request);
    case 'pull':
      return isPull(request);
    case 'ack':
      return isText(request['subscriber']) && isListOf(request['positions'], isPositionToAck) && isFlag(request['each']);
    case 'nack':
      return isAttempt && isText(request['subscriber']) && isListOf(request['records'], isFailed) && isFlag(request['ordered']);
    case 'listParked': {
      const { subscriber, topic, after, limit } = request;
      return isText(subscriber) && (topic === null || isText(topic)) && isNumber(after) && isNumber(limit);
    }
    case 'showParked':
      return isText(request['subscriber']) && isNumber(request['id']);
    case 'changeParked': {
      const { subscriber, does, ids } = request;
      return isAttempt && isText(subscriber) && (does === 'replay' || does === 'drop') && isListOf(ids, isNumber);
    }
    case 'seek': {
      const { partition, generation, preview, to } = request;
      const isMeant = (partition === null || isNumber(partition)) && (generation === undefined || isNumber(generation));
      return isAttempt && isOfTopic(request) && isMeant && typeof preview === 'boolean' && isStart(to);
    }
    case 'furthestBehind':
      return isListOf(request['partitions'], isNamedPartition);
    case 'heartbeat':
      return isOfWorker(request) && areNumbers(request['epoch'], request['sessionMs']) && areTopics(request['topics']);
    case 'leave':
      return isAttempt && isOfWorker(request) && isNumber(request['epoch']);
    default:
      return false;
  }
}

function isPull({ subscriber, topics, mode, number, acknowledge, after = [], recordsMax, bytesMax, waitMs, ...rest }: Fields): boolean {
  const { freshness, worker = null, sessionMs, peek, partial, session = [] } = rest;
  if (!isListOf(session, isPosition)) return false;
  if (!(worker === null || isText(worker)) || !areNumbers(sessionMs) || !isFlag(peek) || !isFlag(partial)) return false;
  if (!isText(subscriber) || topics === undefined || !areTopics(topics) || !(number === null || isNumber(number))) return false;
  if (mode !== 'automatic' && mode !== 'explicit' && mode !== 'atMostOnce') return false;
  if (freshness !== 'linearizable' && freshness !== 'session' && freshness !== 'local') return false;
  return isListOf(acknowledge, isPosition) && isListOf(after, isPosition) && isNumber(recordsMax) && isNumber(bytesMax) && isNumber(waitMs);
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean';
/** Those that are there. */
const areNumbers = (...values: readonly unknown[]): boolean => values.every((value) => value === undefined || isNumber(value));
const isListOf = (value: unknown, is: (one: unknown) => boolean): boolean => Array.isArray(value) && value.every(is);
/** Null: all; or left out. */
const areTopics = (value: unknown): boolean => value === undefined || value === null || isListOf(value, isText);
const isOfTopic = (value: Fields): boolean => isText(value['subscriber']) && isText(value['topic']);
const isOfWorker = (value: Fields): boolean => isText(value['subscriber']) && isText(value['worker']);
const isStart = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const { at, offset, ms } = value;
  return at === 'beginning' || at === 'end' || (at === 'offset' && isNumber(offset)) || (at === 'time' && isNumber(ms));
};
const isNamedPartition = (value: unknown): boolean =>
  isObject(value) && isText(value['topic']) && isNumber(value['topicId']) && isNumber(value['partition']);
const isPosition = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const { topic, partition, offset, generation, tries } = value;
  return isText(topic) && isNumber(offset) && areNumbers(partition, generation, tries);
};
const isPositionToAck = (value: unknown): boolean =>
  isPosition(value) && isObject(value) && (value['metadata'] === undefined || isText(value['metadata']));
const isFailed = (value: unknown): boolean =>
  isPosition(value) && isObject(value) && (value['reason'] === undefined || isText(value['reason']));

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
