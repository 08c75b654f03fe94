import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { type AckPosition, afterMax, LogError, type PullResult, type Subscriptions } from '../../../../eventlog/index.ts';
import { drained, itsTurn } from '../../drained.ts';
import { asLogError, commonHeaders, errorBody } from '../../error-answer.ts';
import { endWithClient } from '../../half-closed.ts';
import type { OneATurn } from '../../../../search/index.ts';
import type { ApiContext } from '../context.ts';
import { cancelOnClose, encodedSlices, RecordEncoder } from '../records/index.ts';

export interface PushOrder {
  readonly subscriber: string;
  readonly topics: readonly string[] | null;
  readonly worker: string | null;
  readonly sessionMs?: number;
  readonly freshness: 'linearizable' | 'local';
  /** `Last-Event-ID`: what the client has had, which acknowledges it. */
  readonly had: readonly AckPosition[];
}

const bytesMax = 256 * 1024;
const recordsMax = 10_000;
/** Partitions of one stream whose places its events name: those that came last. */
const namedMax = 100;

/** How far a stream has come, by topic and partition: which came last stands last. */
class Places {
  readonly #all = new Map<string, AckPosition>();
  readonly #named = new Map<string, AckPosition>();

  /** For the next pull. */
  get after(): readonly AckPosition[] {
    return [...this.#all.values()];
  }

  /** For an event. */
  get id(): string {
    return idOf([...this.#named.values()]);
  }

  /** Where there are too many, those that are quiet are left out first, and come again. */
  set(position: AckPosition): void {
    const { topic, partition = 0, offset, tries } = position;
    // A record that came again has a place of its own.
    const key = tries === undefined ? `${topic}/${partition}` : `${topic}/${partition}/${offset}`;
    for (const [places, most] of [
      [this.#all, afterMax],
      [this.#named, namedMax],
    ] as const) {
      places.delete(key);
      const [oldest] = places.size < most ? [] : places.keys();
      if (oldest !== undefined) places.delete(oldest);
      places.set(key, position);
    }
  }
}

/**
 * What is new to a subscriber as an event stream. Nothing is acknowledged by being sent: the id of each event says how far the stream has come, and whoever comes
 * back with it (`Last-Event-ID`, as browsers do by themselves) acknowledges that; others call `ack`.
 */
export async function push(order: PushOrder, reply: FastifyReply, context: ApiContext): Promise<FastifyReply> {
  const { followers, settings, subscriptions } = context;
  const { subscriber, had, worker, sessionMs } = order;
  const response = reply.raw;
  await itsTurn(response);
  if (followers.count >= settings.followersMax)
    throw new LogError('overloaded', `Cannot push to subscriber "${subscriber}": ${followers.count} followers are open, the limit`);
  followers.count++;
  const cancel = cancelOnClose(response);
  endWithClient(response);
  const { heartbeatMs, slowReaderTimeoutMs } = settings;
  const places = new Places();
  const next = (waitMs: number): Promise<PullResult> =>
    subscriptions.pull({
      subscriber,
      topics: order.topics,
      mode: 'explicit',
      number: null,
      acknowledge: [],
      after: places.after,
      recordsMax,
      bytesMax,
      waitMs,
      freshness: order.freshness,
      worker,
      ...(sessionMs === undefined ? {} : { sessionMs }),
      cancel,
    });
  try {
    // Refusals such as an unknown subscriber come before the answer begins, with a status of their own.
    if (had.length > 0) await acknowledge(subscriptions, subscriber, had);
    const first = await next(0);
    reply.hijack();
    if (cancel.cancelled) return await reply;
    response.writeHead(200, { ...commonHeaders, 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    response.write('retry: 1000\n\n');
    await pump(first, places, response, {
      next: () => next(heartbeatMs),
      isOver: () => cancel.cancelled,
      turns: context.turns,
      slowReaderTimeoutMs,
    });
    return await reply;
  } finally {
    followers.count--;
  }
}

/** Cursors that were moved since, or whose topic is gone, are not where the client has been any more: that is nothing to refuse it for. */
const movedOrGone: ReadonlySet<string> = new Set(['staleGeneration', 'notSubscribed', 'unknownTopic']);

/** What the client has had, as far as it is still of any cursor. */
async function acknowledge(subscriptions: Subscriptions, subscriber: string, positions: readonly AckPosition[]): Promise<void> {
  try {
    await subscriptions.ack({ subscriber, positions });
  } catch (thrown) {
    if (!(thrown instanceof LogError) || !movedOrGone.has(thrown.code)) throw thrown;
    // All of them, or none, are acknowledged at once.
    if (positions.length > 1) for (const position of positions) await acknowledge(subscriptions, subscriber, [position]);
  }
}

async function pump(
  first: PullResult,
  places: Places,
  response: ServerResponse,
  {
    next,
    isOver,
    turns,
    slowReaderTimeoutMs,
  }: {
    readonly next: () => Promise<PullResult>;
    readonly isOver: () => boolean;
    readonly turns: OneATurn;
    readonly slowReaderTimeoutMs: number;
  },
): Promise<void> {
  let result = first;
  try {
    for (;;) {
      await write(result, places, response, turns);
      if (response.writableNeedDrain && !(await drained(response, slowReaderTimeoutMs))) {
        response.destroy();
        return;
      }
      if (isOver()) return;
      result = await nextOrNothing(next, result);
      if (isOver()) return;
      if (result.parts.length === 0) response.write(':\n\n');
    }
  } catch (thrown) {
    response.end(`event: error\ndata: ${JSON.stringify(errorBody(asLogError(thrown)))}\n\n`);
    if (!(thrown instanceof LogError)) throw thrown;
  }
}

/** An election is waited for: an error would end the stream, and a browser does not come back from one. */
async function nextOrNothing(ask: () => Promise<PullResult>, before: PullResult): Promise<PullResult> {
  try {
    return await ask();
  } catch (thrown) {
    if (!(thrown instanceof LogError) || !thrown.retriable) throw thrown;
    return { ...before, parts: [], problems: [] };
  }
}

async function write(result: PullResult, places: Places, response: ServerResponse, turns: OneATurn): Promise<void> {
  for (const { topic, partition, generation, offsetFrom, offsetTo, batches, tries } of result.parts) {
    const failures = tries === undefined ? {} : { tries };
    places.set({ topic, partition, offset: offsetTo, generation, ...failures });
    const encoder = new RecordEncoder(batches, { offsetFrom, offsetTo, format: 'json' });
    const slices = await encodedSlices(encoder, turns);
    if (response.destroyed) return;
    const about = JSON.stringify({ topic, partition, generation, ...failures }).slice(0, -1);
    response.write(`id: ${places.id}\ndata: ${about},"records":[${slices.join('')}]}\n\n`);
  }
  for (const problem of result.problems) response.write(`event: problem\ndata: ${JSON.stringify(problem)}\n\n`);
}

const idOf = (positions: readonly AckPosition[]): string =>
  positions
    .map(({ topic, partition = 0, offset, generation = 0, tries }) =>
      [topic, partition, offset, generation, ...(tries === undefined ? [] : [tries])].join(':'),
    )
    .join(',');

const eventPlace = /^([A-Za-z0-9._-]{1,249}):(\d{1,10}):(\d{1,15}):(\d{1,15})(?::(\d{1,4}))?$/;

/** Null for what none of ours is. */
export function parseEventId(id: string): readonly AckPosition[] | null {
  if (id === '') return [];
  const positions: AckPosition[] = [];
  for (const text of id.split(',')) {
    const [, topic, partition, offset, generation, tries] = eventPlace.exec(text) ?? [];
    if (topic === undefined || positions.length === namedMax) return null;
    const place = { topic, partition: Number(partition), offset: Number(offset), generation: Number(generation) };
    positions.push(tries === undefined ? place : { ...place, tries: Number(tries) });
  }
  return positions;
}
