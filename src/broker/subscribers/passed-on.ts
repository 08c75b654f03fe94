/**
 * What brokers ask one another about publishers and subscribers, as JSON text: `{"call":...,"attempt":...,"request":...}`, answered by `{"ok":true,"value":...}` or
 * `{"ok":false,"code":...,"message":...,"details":...}`. The batches of a pull travel beside the text, which says how many belong to each part.
 */
import { type ErrorCode, errorCatalogue } from '../../base/errors.ts';
import {
  type AckRequest,
  type CreateRequest,
  type IdQuery,
  LogError,
  type Outcome,
  type PulledPart,
  type PullRequest,
  type PullResult,
  type SeekRequest,
  type SubscribeRequest,
  type UnsubscribeRequest,
} from '../../eventlog/index.ts';

export type Call =
  | { readonly call: 'createPublisher' | 'createSubscriber'; readonly request: CreateRequest }
  | { readonly call: 'listPublishers' | 'listSubscribers'; readonly request: IdQuery }
  | { readonly call: 'describePublisher' | 'deletePublisher' | 'describeSubscriber' | 'deleteSubscriber'; readonly request: Named }
  | { readonly call: 'subscribe'; readonly request: SubscribeRequest }
  | { readonly call: 'unsubscribe'; readonly request: UnsubscribeRequest }
  | { readonly call: 'pull'; readonly request: PullRequest }
  | { readonly call: 'ack'; readonly request: AckRequest }
  /** `attempt` is the same however often it is passed on. */
  | { readonly call: 'seek'; readonly request: SeekRequest; readonly attempt: string };

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
  return typeof call === 'string' && isCall(call, request, value) ? (value as unknown as Call) : null;
}

function isCall(call: string, request: Fields, whole: Fields): boolean {
  switch (call) {
    case 'createPublisher':
    case 'createSubscriber':
      return isText(request['id']) && isText(request['requestId']);
    case 'listPublishers':
    case 'listSubscribers':
      return isText(request['prefix']) && isText(request['after']) && isNumber(request['limit']);
    case 'describePublisher':
    case 'deletePublisher':
    case 'describeSubscriber':
    case 'deleteSubscriber':
      return isText(request['id']);
    case 'subscribe':
      return isOfTopic(request) && isStart(request['start']);
    case 'unsubscribe':
      return isOfTopic(request);
    case 'pull':
      return isPull(request);
    case 'ack':
      return isText(request['subscriber']) && isListOf(request['positions'], isPosition);
    case 'seek': {
      const { partition, generation, preview, to } = request;
      const isMeant = (partition === null || isNumber(partition)) && (generation === undefined || isNumber(generation));
      return isText(whole['attempt']) && isOfTopic(request) && isMeant && typeof preview === 'boolean' && isStart(to);
    }
    default:
      return false;
  }
}

function isPull({ subscriber, topics, mode, number, acknowledge, after = [], recordsMax, bytesMax, waitMs, freshness }: Fields): boolean {
  if (!isText(subscriber) || !(topics === null || isListOf(topics, isText)) || !(number === null || isNumber(number))) return false;
  if (mode !== 'automatic' && mode !== 'explicit' && mode !== 'atMostOnce') return false;
  if (freshness !== 'linearizable' && freshness !== 'session' && freshness !== 'local') return false;
  return isListOf(acknowledge, isPosition) && isListOf(after, isPosition) && isNumber(recordsMax) && isNumber(bytesMax) && isNumber(waitMs);
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isListOf = (value: unknown, is: (one: unknown) => boolean): boolean => Array.isArray(value) && value.every(is);
const isOfTopic = (value: Fields): boolean => isText(value['subscriber']) && isText(value['topic']);
const isStart = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const { at, offset, ms } = value;
  return at === 'beginning' || at === 'end' || (at === 'offset' && isNumber(offset)) || (at === 'time' && isNumber(ms));
};
const isPosition = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const { topic, partition, offset, generation } = value;
  const areMeant = (partition === undefined || isNumber(partition)) && (generation === undefined || isNumber(generation));
  return isText(topic) && isNumber(offset) && areMeant;
};

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

type SentPart = Omit<PulledPart, 'batches'> & { readonly batches: number };

export function encodeOutcome(outcome: Outcome<unknown>): { readonly json: string; readonly batches: readonly Uint8Array[] } {
  if (!outcome.ok) {
    const { code, message, details } = outcome.error;
    return { json: JSON.stringify({ ok: false, code, message, details }), batches: [] };
  }
  const { value } = outcome;
  if (!isPulled(value)) return { json: JSON.stringify({ ok: true, value: value ?? null }), batches: [] };
  const parts = value.parts.map((part): SentPart => ({ ...part, batches: part.batches.length }));
  return { json: JSON.stringify({ ok: true, value: { ...value, parts } }), batches: value.parts.flatMap((part) => part.batches) };
}

const isPulled = (value: unknown): value is PullResult => isObject(value) && Array.isArray(value['parts']);

/** Null for what is no answer. */
export function decodeOutcome(text: string, batches: readonly Uint8Array[]): Outcome<unknown> | null {
  const said = parse(text);
  if (!isObject(said)) return null;
  if (said['ok'] !== true) {
    const { code, message, details } = said;
    if (!isText(code) || !isText(message) || !isObject(details)) return null;
    const known = Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'internal';
    return { ok: false, error: new LogError(known, message, details as LogError['details']) };
  }
  const { value } = said;
  if (!isObject(value) || !Array.isArray(value['parts'])) return { ok: true, value: value ?? undefined };
  let at = 0;
  const parts = (value['parts'] as readonly SentPart[]).map((part) => {
    const from = at;
    at += part.batches;
    return { ...part, batches: batches.slice(from, at) };
  });
  return { ok: true, value: { ...value, parts } };
}
