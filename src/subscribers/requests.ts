/** What requests about publishers and subscribers may be. Whoever implements the port asks here first. */
import { offsetMax } from '../base/branded.ts';
import { utf8Length } from '../base/bytes.ts';
import { escapeJson } from '../base/escape.ts';
import {
  type AckRequest,
  afterMax,
  clientIdBytesMax,
  clientIdRule,
  isTopicName,
  LogError,
  metadataBytesMax,
  type NackRequest,
  nackedMax,
  parkedIdsMax,
  type PullRequest,
  type SeekRequest,
  sessionMsMax,
  sessionMsMin,
  type StartAt,
  type SubscribeRequest,
  shownTopic,
  topicNameRule,
} from '../eventlog/index.ts';
import { isPattern } from './pattern.ts';

/** Of one pull: it travels between brokers whole. */
export const pullBytesMax = 1024 * 1024;
const pullRecordsMax = 100_000;
/** Positions of one acknowledgement, topics of one pull. */
const positionsMax = 1000;
const waitMsMax = 60_000;

function isClientId(id: string): boolean {
  if (id.length < 1 || id.length > clientIdBytesMax || !id.isWellFormed()) return false;
  for (const character of id) {
    const point = character.codePointAt(0) as number;
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return false;
  }
  return utf8Length(id) <= clientIdBytesMax;
}

const shownMax = 40;

/** For a sentence; what no id can be may be anything that anybody sent. */
export function shownClient(kind: 'publisher' | 'subscriber', id: string): string {
  if (isClientId(id)) return `${kind} "${id}"`;
  return `${kind} ${escapeJson(JSON.stringify(id.slice(0, shownMax)))}`;
}

export function refuseId(doing: string, kind: 'publisher' | 'subscriber', id: string): LogError | null {
  return isClientId(id) ? null : new LogError('invalidRequest', `Cannot ${doing} ${shownClient(kind, id)}: ${clientIdRule}`);
}

export function refuseSubscribe(doing: string, { topic, start }: SubscribeRequest): LogError | null {
  if (isPattern(topic)) {
    if (!isTopicName(topic.replaceAll('*', '-')))
      return new LogError('invalidTopicName', `Cannot ${doing}: a pattern is as a name is, with * in it: ${topicNameRule}`);
  } else if (!isTopicName(topic)) return new LogError('invalidTopicName', `Cannot ${doing}: ${topicNameRule}`);
  if (isPattern(topic) && start.at === 'offset')
    return new LogError('invalidRequest', `Cannot ${doing}: an offset is of one topic, not of all that a pattern matches`);
  return refuseStart(doing, start);
}

function refuseStart(doing: string, start: StartAt): LogError | null {
  if (start.at === 'offset' && !isOffset(start.offset))
    return new LogError('invalidRequest', `Cannot ${doing}: offset is ${start.offset}, it must be an integer from 0 to ${offsetMax}`);
  if (start.at === 'time' && !isOffset(start.ms))
    return new LogError('invalidRequest', `Cannot ${doing}: no log has a time of ${start.ms} ms`);
  return null;
}

export function refusePull(doing: string, request: PullRequest): LogError | null {
  const { topics, mode, number, acknowledge, after = [], recordsMax, bytesMax, waitMs, worker = null, sessionMs, peek = false } = request;
  const { freshness, session } = request;
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot ${doing}: ${reason}`);
  if (topics !== null && (topics.length < 1 || topics.length > positionsMax)) return refuse(`topics are 1 to ${positionsMax}, or all`);
  if (mode === 'automatic' && number === null)
    return refuse(
      'without a number nothing tells a pull from the one before it that is tried again; number it, or acknowledge by hand (mode=explicit)',
    );
  if (mode === 'atMostOnce' && number !== null) return refuse('a pull that is acknowledged as it is given has no number');
  if (number !== null && (!Number.isSafeInteger(number) || number < 1)) return refuse(`number is ${number}, it must be an integer above 0`);
  if (acknowledge.length > 0 && mode !== 'explicit') return refuse('only a pull of mode explicit says what it acknowledges');
  if (after.length > 0 && (mode !== 'explicit' || number !== null))
    return refuse('only a pull of mode explicit without a number goes on behind positions');
  if ((freshness === 'session') !== (session !== undefined))
    return refuse('the level session says with "session" which offsets it is to see, and no other level does');
  if (peek && (mode !== 'explicit' || number !== null || worker !== null || acknowledge.length > 0))
    return refuse('one that only looks is of mode explicit, without a number and a worker, and acknowledges nothing');
  if (!Number.isSafeInteger(recordsMax) || recordsMax < 1 || recordsMax > pullRecordsMax)
    return refuse(`it is of ${recordsMax} records, it must be of 1 to ${pullRecordsMax}`);
  if (!(bytesMax >= 1)) return refuse(`it is of ${bytesMax} bytes, it must be of at least 1`);
  if (!(waitMs >= 0 && waitMs <= waitMsMax)) return refuse(`it waits ${waitMs} ms, it must be 0 to ${waitMsMax}`);
  const whose = worker === null ? refuseSession(doing, sessionMs) : refuseWorker(doing, worker, sessionMs);
  return whose ?? refusePositions(doing, acknowledge) ?? refusePositions(doing, after, afterMax) ?? refusePositions(doing, session ?? []);
}

export function refuseWorker(doing: string, worker: string, sessionMs?: number): LogError | null {
  if (isClientId(worker)) return refuseSession(doing, sessionMs);
  return new LogError('invalidRequest', `Cannot ${doing}: the name of its worker is none: ${clientIdRule}`);
}

function refuseSession(doing: string, sessionMs: number | undefined): LogError | null {
  if (sessionMs === undefined || (Number.isSafeInteger(sessionMs) && sessionMs >= sessionMsMin && sessionMs <= sessionMsMax)) return null;
  const bounds = `${sessionMsMin} to ${sessionMsMax}`;
  return new LogError('invalidRequest', `Cannot ${doing}: the session of its worker is of ${sessionMs} ms, it must be of ${bounds}`);
}

export function refuseAck(doing: string, { positions }: AckRequest): LogError | null {
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot ${doing}: ${reason}`);
  if (positions.length < 1) return refuse('it names no position');
  for (const { topic, metadata, tries } of positions) {
    if (metadata === undefined) continue;
    if (tries !== undefined) return refuse(`a record of ${shownTopic(topic)} that came again has no place that metadata could be beside`);
    if (!metadata.isWellFormed()) return refuse(`the metadata beside ${shownTopic(topic)} is no well-formed text`);
    const bytes = utf8Length(metadata);
    if (bytes > metadataBytesMax)
      return new LogError(
        'metadataTooLarge',
        `Cannot ${doing}: the metadata beside ${shownTopic(topic)} is of ${bytes} bytes, it must be of at most ${metadataBytesMax}`,
      );
  }
  return refusePositions(doing, positions);
}

export function refuseNack(doing: string, { records }: NackRequest): LogError | null {
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot ${doing}: ${reason}`);
  if (records.length < 1 || records.length > nackedMax) return refuse(`it names ${records.length} records, it must be 1 to ${nackedMax}`);
  for (const { topic, partition = 0, offset, tries = 0 } of records)
    if (!isOffset(offset) || !isOffset(partition) || !isOffset(tries))
      return refuse(`offset ${offset} of partition ${partition} of ${shownTopic(topic)}, failed ${tries} times, is none`);
  return null;
}

export function refuseParkedIds(doing: string, ids: readonly number[]): LogError | null {
  const refuse = (reason: string): LogError => new LogError('invalidRequest', `Cannot ${doing}: ${reason}`);
  if (ids.length < 1 || ids.length > parkedIdsMax) return refuse(`it names ${ids.length} records, it must be 1 to ${parkedIdsMax}`);
  const wrong = ids.find((id) => !isOffset(id));
  return wrong === undefined ? null : refuse(`no parked record is called ${wrong}`);
}

function refusePositions(doing: string, positions: AckRequest['positions'], most = positionsMax): LogError | null {
  if (positions.length > most) return new LogError('invalidRequest', `Cannot ${doing}: at most ${most} positions at once`);
  for (const { topic, offset, partition = 0, tries = 0 } of positions) {
    if (!isOffset(offset) || !isOffset(partition) || !isOffset(tries))
      return new LogError('invalidRequest', `Cannot ${doing}: offset ${offset} of partition ${partition} of ${shownTopic(topic)} is none`);
  }
  return null;
}

export const refuseSeek = (doing: string, { to }: SeekRequest): LogError | null => refuseStart(doing, to);

const isOffset = (value: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= offsetMax;
