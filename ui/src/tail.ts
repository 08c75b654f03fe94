import { ApiError, type LogRecord, request } from './api.ts';
import { EventStreamParser } from './event-stream.ts';
import { type TextPiece, visibleBytes, visiblePieces } from './visible-text.ts';

/** A record ready to be shown. */
export interface TailRow {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: readonly TextPiece[] | null;
  readonly pieces: readonly TextPiece[];
  /** Characters that were not shown, for they are too many. */
  readonly cut: number;
}

/** Rows kept on the page: the rest is in the log. */
export const ROWS_MAX = 300;
const SHOWN_CHARACTERS_MAX = 4000;
const RETRY_MS_MAX = 5000;

export function rowOf(record: LogRecord): TailRow {
  const value = shownText(record.value, record.valueBase64) ?? { pieces: [], cut: 0 };
  const key = shownText(record.key, record.keyBase64);
  return { offset: record.offset, timestamp: record.timestamp, key: key?.pieces ?? null, pieces: value.pieces, cut: value.cut };
}

function shownText(text: string | null | undefined, base64: string | undefined): Pick<TailRow, 'pieces' | 'cut'> | null {
  if (base64 !== undefined) {
    const bytes = bytesOf(base64);
    return { pieces: visibleBytes(bytes.subarray(0, SHOWN_CHARACTERS_MAX)), cut: Math.max(0, bytes.length - SHOWN_CHARACTERS_MAX) };
  }
  if (text === null || text === undefined) return null;
  return { pieces: visiblePieces(text.slice(0, SHOWN_CHARACTERS_MAX)), cut: Math.max(0, text.length - SHOWN_CHARACTERS_MAX) };
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export interface TailListener {
  rows(rows: readonly TailRow[]): void;
  /** `null` while records flow or are waited for; else why they do not. */
  trouble(message: string | null): void;
}

/** Follows one topic until stopped; after a break it goes on where it was, so that nothing is shown twice or left out. */
export async function followTopic(topic: string, offsetFrom: number, listener: TailListener, stop: AbortSignal): Promise<number> {
  let offsetNext = offsetFrom;
  let retryMs = 500;
  while (!stop.aborted) {
    try {
      const response = await request(`/v1/topics/${encodeURIComponent(topic)}/records?follow=true&from=${offsetNext}`, {
        headers: { Accept: 'text/event-stream' },
        signal: stop,
      });
      listener.trouble(null);
      for await (const rows of rowsOf(response)) {
        if (stop.aborted) break;
        retryMs = 500;
        const last = rows.at(-1);
        if (last === undefined) continue;
        offsetNext = last.offset + 1;
        listener.rows(rows);
      }
    } catch (error) {
      if (stop.aborted) break;
      if (error instanceof ApiError && error.code === 'offsetOutOfRange') {
        offsetNext = await newestOffsets(topic).catch(() => offsetNext);
      }
      listener.trouble(error instanceof ApiError ? error.message : 'The connection broke; trying again');
    }
    if (stop.aborted) break;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
    retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
  }
  return offsetNext;
}

async function* rowsOf(response: Response): AsyncGenerator<TailRow[], void, undefined> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventStreamParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const rows: TailRow[] = [];
    for (const event of parser.push(value)) {
      if (event.event === 'message' || event.event === 'record') rows.push(rowOf(JSON.parse(event.data) as LogRecord));
      else if (event.event === 'error') throw refusalOf(event.data);
    }
    yield rows;
  }
}

function refusalOf(data: string): ApiError {
  const body = JSON.parse(data) as { readonly error?: { readonly code?: string; readonly message?: string } };
  return new ApiError(0, body.error?.code ?? 'internal', body.error?.message ?? 'The broker ended the stream', false);
}

/** Where the last few records of a topic begin. */
export async function newestOffsets(topic: string): Promise<number> {
  const response = await request(`/v1/topics/${encodeURIComponent(topic)}`);
  const { partition } = (await response.json()) as {
    readonly partition: { readonly logStartOffset: number; readonly highWatermark: number };
  };
  return Math.max(partition.logStartOffset, partition.highWatermark - ROWS_MAX);
}
