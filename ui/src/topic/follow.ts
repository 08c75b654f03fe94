import { ApiError, request } from '../api.ts';
import { EventStreamParser } from './event-stream.ts';
import type { Places } from './record-window.ts';
import { placesOf, placesText, type Scope } from './read.ts';

/** A record as it came, not looked at yet. */
export interface Arrival {
  /** JSON. */
  readonly data: string;
  /** Where the topic goes on behind it. */
  readonly next: Places;
}

interface FollowListener {
  arrived(arrivals: readonly Arrival[]): void;
  /** `null` while records flow or are waited for; else why they do not. */
  trouble(message: string | null): void;
}

/**
 * Why following has ended: `gone` the records from there on are not kept, or the topic is shorter than that; `several` the topic has several partitions by
 * now, and is to be looked at anew.
 */
type FollowEnd = 'stopped' | 'gone' | 'several';

const RETRY_MS_MAX = 5000;
/** A broker shows every 10 s that a stream lives. */
const SILENCE_MS_MAX = 25_000;

/** Follows until stopped; after a break it goes on where it was, so that nothing comes twice or is left out. */
export async function follow(scope: Scope, from: Places, listener: FollowListener, stop: AbortSignal): Promise<FollowEnd> {
  let next = from;
  let retryMs = 500;
  const which = scope.partition === null ? '' : `&partition=${scope.partition}`;
  while (!stop.aborted) {
    try {
      const path = `/v1/topics/${encodeURIComponent(scope.topic)}/records?follow=true&from=${placesText(next)}${which}`;
      const response = await request(path, { headers: { Accept: 'text/event-stream' }, signal: stop });
      listener.trouble(null);
      for await (const arrivals of arrivalsOf(response)) {
        if (stop.aborted) break;
        retryMs = 500;
        const last = arrivals.at(-1);
        if (last === undefined) continue;
        next = last.next;
        listener.arrived(arrivals);
      }
    } catch (error) {
      if (stop.aborted) break;
      const code = error instanceof ApiError ? error.code : '';
      if (code === 'offsetOutOfRange') return 'gone';
      if (code === 'partitionNeeded') return 'several';
      listener.trouble(error instanceof ApiError ? error.message : 'The connection broke; trying again');
    }
    if (stop.aborted) break;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
    retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
  }
  return 'stopped';
}

async function* arrivalsOf(response: Response): AsyncGenerator<readonly Arrival[], void, undefined> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventStreamParser();
  for (;;) {
    const value = await readInTime(reader);
    if (value === null) return;
    const arrivals: Arrival[] = [];
    for (const { id, event, data } of parser.push(value)) {
      if (event === 'message' || event === 'record') {
        // The id of an event is its offset, or of several partitions where to go on.
        const places = placesOf(id);
        const [only = 0] = places ?? [];
        if (places !== null) arrivals.push({ data, next: places.length === 1 && !id.startsWith('v1.') ? [only + 1] : places });
      } else if (event === 'error') throw refusalOf(data);
    }
    yield arrivals;
  }
}

/** The next piece, null at the end. A connection to a machine that is gone says nothing, for ever. */
async function readInTime(reader: ReadableStreamDefaultReader<string>): Promise<string | null> {
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    void reader.cancel();
  }, SILENCE_MS_MAX);
  let result: Awaited<ReturnType<typeof reader.read>>;
  try {
    result = await reader.read();
  } finally {
    // Left running it would cancel, much later, a stream that has broken: an error that nobody catches.
    clearTimeout(timer);
  }
  if (isSilent) throw new ApiError(0, 'connectionLost', 'Nothing has come from this broker for a while; asking again', false);
  return result.done ? null : result.value;
}

function refusalOf(data: string): ApiError {
  const body = JSON.parse(data) as { readonly error?: { readonly code?: string; readonly message?: string } };
  return new ApiError(0, body.error?.code ?? 'internal', body.error?.message ?? 'The broker ended the stream', false);
}
