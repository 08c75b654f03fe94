/** The routes that the page uses and the shapes that come back: the only file that knows them. Same origin only. */

import {
  type AppendResult,
  type BrokerStatus,
  type PartitionStatus,
  statusTopicsMax,
  type TopicDescription,
  type TopicPage,
  type TopicPlacement,
  type TopicSettings,
} from '../../src/eventlog/types.ts';
import type { HistoryAnswer } from './overview/history.ts';

export type { BrokerStatus, PartitionStatus, TopicDescription };

interface BrokerEntry {
  readonly id: number;
  readonly address: string;
  readonly status: BrokerStatus | null;
  readonly clock?: { readonly aheadMs: number; readonly errorMs: number } | null;
}

export interface BrokersAnswer {
  readonly brokers: readonly BrokerEntry[];
  readonly partial: boolean;
  readonly missing: readonly number[];
}

export type Acknowledgement = AppendResult;

export interface LogRecord {
  /** Of a topic of several partitions. */
  readonly partition?: number;
  readonly offset: number;
  readonly timestamp: number;
  /** Where it was asked for. */
  readonly logTime?: number;
  /** Bytes that are not UTF-8 come in the Base64 fields, in place of the others. */
  readonly key?: string | null;
  readonly keyBase64?: string;
  readonly value?: string | null;
  readonly valueBase64?: string;
  readonly headers?: Readonly<Record<string, string | null | { readonly base64: string }>>;
}

/** What a broker refused, or that it did not answer (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** This attempt never takes effect later. */
  readonly definite: boolean;
  /** Of an append: what is known of all attempts under its request id. */
  readonly requestOutcome: string;

  constructor(status: number, code: string, message: string, definite: boolean, requestOutcome = 'unknown') {
    super(message);
    this.status = status;
    this.code = code;
    this.definite = definite;
    this.requestOutcome = requestOutcome;
  }
}

const TOKEN_KEY = 'cairn-token';
let token = readToken();

function readToken(): string {
  try {
    return sessionStorage.getItem(TOKEN_KEY) ?? '';
  } catch {
    return '';
  }
}

/** For this tab only. */
export function setToken(value: string): void {
  token = value;
  try {
    sessionStorage.setItem(TOKEN_KEY, value);
  } catch {
    // A browser that stores nothing asks again after a reload.
  }
}

export const hasToken = (): boolean => token !== '';

export async function request(path: string, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  if (token !== '') headers.set('Authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers, cache: 'no-store' });
  } catch (error) {
    if (options.signal?.aborted === true && (options.signal.reason as unknown) === 'stopped') throw error;
    throw new ApiError(0, 'connectionLost', 'This broker does not answer', false);
  }
  if (response.ok) return response;
  throw await refusalOf(response);
}

async function refusalOf(response: Response): Promise<ApiError> {
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    body = null;
  }
  const outer = asObject(body);
  const inner = asObject(outer['error']) ?? {};
  const error = Object.keys(inner).length > 0 ? inner : outer;
  const text = (name: string, otherwise: string): string => (typeof error[name] === 'string' ? error[name] : otherwise);
  return new ApiError(
    response.status,
    text('code', 'internal'),
    text('message', `The broker answered ${response.status}`),
    error['definite'] === true,
    text('requestOutcome', 'unknown'),
  );
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** A request of which no answer in this time means that the broker is away. */
const POLL_TIMEOUT_MS = 4000;
/** The same where an answer may be a megabyte. */
export const TIMEOUT_MS = 15_000;
/** It is some megabytes. */
const TRACE_TIMEOUT_MS = 30_000;

/** `topic` is the one to tell of where there are too many to tell of all. */
export async function fetchBrokers(topic: string | null): Promise<BrokersAnswer> {
  const path = topic === null ? '/v1/brokers' : `/v1/brokers?limit=1&prefix=${encodeURIComponent(topic)}`;
  const response = await request(path, { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
  const body = (await response.json()) as { readonly brokers: readonly BrokerEntry[]; readonly partial?: boolean };
  const missing = body.brokers.filter((broker) => broker.status === null).map((broker) => broker.id);
  return { brokers: body.brokers, partial: body.partial === true || missing.length > 0, missing };
}

/** There are more topics than a status shows. */
export const hasMany = ({ brokers }: BrokersAnswer): boolean =>
  brokers.some(({ status }) => (status?.topics?.count ?? 0) > statusTopicsMax);

export interface TopicNames {
  readonly names: readonly string[];
  /** Beside those. */
  readonly more: number;
}

/** The first of those that begin so. */
export async function fetchTopicNames(prefix: string): Promise<TopicNames> {
  const path = `/v1/topics?limit=${statusTopicsMax}&prefix=${encodeURIComponent(prefix)}`;
  const response = await request(path, { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
  const { topics, count } = (await response.json()) as TopicPage;
  return { names: topics.map(({ name }) => name), more: count - topics.length };
}

export async function fetchTopicPage(prefix: string, after: string, limit: number): Promise<TopicPage> {
  const path = `/v1/topics?limit=${limit}&prefix=${encodeURIComponent(prefix)}${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`;
  const response = await request(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return (await response.json()) as TopicPage;
}

const pathOf = (topic: string): string => `/v1/topics/${encodeURIComponent(topic)}`;

export async function fetchTopic(topic: string): Promise<TopicDescription> {
  return (await (await request(pathOf(topic), { signal: AbortSignal.timeout(TIMEOUT_MS) })).json()) as TopicDescription;
}

/** Where it is kept, and how far each replica is known to be. */
export async function fetchPlacement(topic: string): Promise<TopicPlacement> {
  return (await (await request(`${pathOf(topic)}/placement`, { signal: AbortSignal.timeout(TIMEOUT_MS) })).json()) as TopicPlacement;
}

export async function createTopic(settings: TopicSettings & { readonly name: string }): Promise<void> {
  await request('/v1/topics', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(settings) });
}

export async function deleteTopic(topic: string): Promise<void> {
  await request(pathOf(topic), { method: 'DELETE' });
}

/** What this broker did and heard lately, as NDJSON. */
export async function fetchOwnTrace(): Promise<string> {
  return (await request('/v1/trace', { signal: AbortSignal.timeout(TRACE_TIMEOUT_MS) })).text();
}

export async function fetchOwnStatus(): Promise<BrokerStatus> {
  const response = await request('/v1/status', { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) });
  return (await response.json()) as BrokerStatus;
}

export async function append(topic: string, line: string, level: string, requestId: string): Promise<Acknowledgement> {
  const response = await request(`/v1/topics/${encodeURIComponent(topic)}/records?level=${level}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Cairn-Request-Id': requestId },
    body: JSON.stringify({ value: line }),
  });
  // Behind 2xx the line may be there, whatever follows it.
  const ack = asObject(await response.json().catch(() => null));
  if (Array.isArray(ack['ackedBy'])) return ack as unknown as Acknowledgement;
  throw new ApiError(response.status, 'connectionLost', 'The answer of this broker is no acknowledgement, or not all of it came', false);
}

/** `crypto.randomUUID` is missing where the page came over plain HTTP from another machine. */
export function newRequestId(): string {
  return `page-${Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** What all brokers did in the last minutes; null: as far back as they know. */
export async function fetchHistory(withinMs: number | null): Promise<HistoryAnswer> {
  const path = withinMs === null ? '/v1/brokers/history' : `/v1/brokers/history?withinMs=${Math.ceil(withinMs)}`;
  return (await (await request(path, { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) })).json()) as HistoryAnswer;
}

export interface EventRecords {
  readonly records: readonly LogRecord[];
  readonly offsetNext: number;
  readonly highWatermark: number;
}

/** What the brokers told of themselves, from an offset or a time on. */
export async function fetchEventRecords(place: { readonly from: number } | { readonly sinceMs: number }): Promise<EventRecords> {
  const from = 'from' in place ? `from=${place.from}` : `since=${Math.max(0, Math.floor(place.sinceMs))}`;
  const path = `/v1/topics/cairn.events/records?level=local&${from}`;
  return (await (await request(path, { signal: AbortSignal.timeout(POLL_TIMEOUT_MS) })).json()) as EventRecords;
}
