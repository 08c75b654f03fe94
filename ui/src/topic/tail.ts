import { ApiError, type LogRecord, request } from '../api.ts';
import { EventStreamParser } from './event-stream.ts';
import { inFewPieces, type TextPiece, visibleBytes, visiblePieces } from '../visible-text.ts';

/** A record ready to be shown. */
export interface TailRow {
  /** Of a topic of several partitions; null where it has one. */
  readonly partition: number | null;
  readonly offset: number;
  /** No other record of the topic has it. */
  readonly id: string;
  readonly timestamp: number;
  readonly key: readonly TextPiece[] | null;
  readonly pieces: readonly TextPiece[];
  /** Characters, or bytes, that are not shown, for they are too many. */
  readonly cut: number;
}

/** Rows kept on the page: the rest is in the log. */
export const ROWS_MAX = 300;
const RETRY_MS_MAX = 5000;
/** A broker shows every 10 s that a stream lives. */
const SILENCE_MS_MAX = 25_000;

/** How much of a record is drawn: pieces are elements, of which a page with all its rows has a few ten thousand at most. */
interface Extent {
  readonly charactersMax: number;
  readonly piecesMax: number;
}
const PREVIEW: Extent = { charactersMax: 1000, piecesMax: 60 };
const WHOLE: Extent = { charactersMax: Number.POSITIVE_INFINITY, piecesMax: 5000 };

function rowOf(record: LogRecord, extent = PREVIEW): TailRow {
  const value = shownText(record.value, record.valueBase64, extent) ?? { pieces: [], cut: 0 };
  const key = shownText(record.key, record.keyBase64, PREVIEW);
  const { offset, timestamp, partition = null } = record;
  const id = partition === null ? String(offset) : `${partition}/${offset}`;
  return { partition, offset, id, timestamp, key: key?.pieces ?? null, pieces: value.pieces, cut: value.cut };
}

function shownText(
  text: string | null | undefined,
  base64: string | undefined,
  { charactersMax, piecesMax }: Extent,
): Pick<TailRow, 'pieces' | 'cut'> | null {
  if (base64 !== undefined) {
    // Four letters hold three bytes: no more is decoded than is shown.
    const bytes = bytesOf(base64.slice(0, Math.ceil(charactersMax / 3) * 4));
    const length = (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
    const pieces = inFewPieces(visibleBytes(bytes.subarray(0, charactersMax)), piecesMax);
    return { pieces, cut: Math.max(0, length - charactersMax) };
  }
  if (text === null || text === undefined) return null;
  return { pieces: inFewPieces(visiblePieces(text.slice(0, charactersMax)), piecesMax), cut: Math.max(0, text.length - charactersMax) };
}

/** One record with all of its value, asked for again: rows do not keep what they do not show. */
export async function fetchWhole(topic: string, { partition, offset }: TailRow): Promise<TailRow> {
  // One of the time when there was one is in the first.
  const which = `&partition=${partition ?? 0}`;
  const response = await request(`/v1/topics/${encodeURIComponent(topic)}/records?from=${offset}&max=1&level=local${which}`);
  const [record] = ((await response.json()) as { readonly records: readonly LogRecord[] }).records;
  if (record?.offset !== offset) throw new ApiError(404, 'offsetOutOfRange', 'This record is not kept any more', true);
  return rowOf(partition === null ? record : { ...record, partition }, WHOLE);
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export interface TailListener {
  /** `next` is where the topic goes on behind them. */
  rows(rows: readonly TailRow[], next: string): void;
  /** What was shown is not what the topic holds: what comes now begins anew. */
  again(): void;
  /** `null` while records flow or are waited for; else why they do not. */
  trouble(message: string | null): void;
}

/** Follows one topic until stopped; after a break it goes on where it was, so that nothing is shown twice or left out. */
export async function followTopic(topic: string, from: string, listener: TailListener, stop: AbortSignal): Promise<string> {
  let next = from;
  let retryMs = 500;
  while (!stop.aborted) {
    try {
      const response = await request(`/v1/topics/${encodeURIComponent(topic)}/records?follow=true&from=${next}`, {
        headers: { Accept: 'text/event-stream' },
        signal: stop,
      });
      listener.trouble(null);
      for await (const { rows, last } of rowsOf(response)) {
        if (stop.aborted) break;
        retryMs = 500;
        if (last === null) continue;
        // The id of an event is its offset, or of several partitions where to go on.
        next = /^[0-9]+$/.test(last) ? String(Number(last) + 1) : last;
        listener.rows(rows, next);
      }
    } catch (error) {
      if (stop.aborted) break;
      if (error instanceof ApiError && error.code === 'offsetOutOfRange') {
        const before = next;
        next = await newestOffsets(topic).catch(() => before);
        if (next !== before) listener.again();
      }
      // It has got more of them, which begin at their beginning (src/partitions/places.ts).
      if (error instanceof ApiError && error.code === 'partitionNeeded' && !next.startsWith('v1.'))
        next = `v1.${Number(next).toString(36)}`;
      listener.trouble(error instanceof ApiError ? error.message : 'The connection broke; trying again');
    }
    if (stop.aborted) break;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
    retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
  }
  return next;
}

interface Arrived {
  readonly rows: readonly TailRow[];
  /** Id of the last of them. */
  readonly last: string | null;
}

async function* rowsOf(response: Response): AsyncGenerator<Arrived, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventStreamParser();
  for (;;) {
    const { done, value } = await readInTime(reader);
    if (done) return;
    const rows: TailRow[] = [];
    let last: string | null = null;
    for (const event of parser.push(value)) {
      if (event.event === 'message' || event.event === 'record') {
        rows.push(rowOf(JSON.parse(event.data) as LogRecord));
        last = event.id;
      } else if (event.event === 'error') throw refusalOf(event.data);
    }
    yield { rows, last };
  }
}

/** A connection to a machine that is gone says nothing, for ever. */
async function readInTime(
  reader: ReadableStreamDefaultReader<string>,
): Promise<Awaited<ReturnType<ReadableStreamDefaultReader<string>['read']>>> {
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    void reader.cancel();
  }, SILENCE_MS_MAX);
  const result = await reader.read();
  clearTimeout(timer);
  if (isSilent) throw new ApiError(0, 'connectionLost', 'Nothing has come from this broker for a while; asking again', false);
  return result;
}

function refusalOf(data: string): ApiError {
  const body = JSON.parse(data) as { readonly error?: { readonly code?: string; readonly message?: string } };
  return new ApiError(0, body.error?.code ?? 'internal', body.error?.message ?? 'The broker ended the stream', false);
}

/** Where the last few records of a topic begin. */
export async function newestOffsets(topic: string): Promise<string> {
  const response = await request(`/v1/topics/${encodeURIComponent(topic)}`);
  const { partition, partitions } = (await response.json()) as { readonly partition: Kept; readonly partitions?: readonly Kept[] };
  if (partitions === undefined) return String(newestOf(partition, ROWS_MAX));
  // As brokers write a place in each partition (src/partitions/places.ts).
  const offsets = partitions.map((each) => newestOf(each, Math.ceil(ROWS_MAX / partitions.length)).toString(36));
  return ['v1', ...offsets].join('.');
}

interface Kept {
  readonly logStartOffset: number;
  readonly highWatermark: number;
}

const newestOf = ({ logStartOffset, highWatermark }: Kept, count: number): number => Math.max(logStartOffset, highWatermark - count);
