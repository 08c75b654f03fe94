import { sideBySide, type Task } from '../base/task.ts';
import {
  type CursorDescription,
  type Outcome,
  type SubscriberDescription,
  topicPageMax,
  type WorkerDescription,
} from '../eventlog/index.ts';
import { committedOf } from './cursors.ts';
import { atOnce, type Group } from './group.ts';
import { shownWorker } from './membership.ts';
import { isPattern } from './pattern.ts';
import { shownClient } from './requests.ts';
import { type Cursor, holderOf, pullerOf, type Subscriber, type Worker } from './subscriber.ts';
import { writtenOf } from './topic-reads.ts';

/** A subscriber as it is now, with how far behind each of its cursors is. */
export function* describeSubscriber(group: Group, id: string): Task<Outcome<SubscriberDescription>> {
  yield* group.whenTopicsKnown();
  const current = yield* group.current(`describe ${shownClient('subscriber', id)}`, id);
  if (!current.ok) return current;
  const subscriber = current.value;
  const sorted = [...subscriber.cursors.values()].sort((a, b) =>
    a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition,
  );
  const { group: number, self } = group.context;
  // Made now: the reads below take time, and the state goes on.
  const subscriptions = [...subscriber.subscriptions.values()].map(({ topic, createdMs }) => ({
    topic,
    isPattern: isPattern(topic),
    createdMs,
  }));
  const { createdMs, usedMs, lastPull } = subscriber;
  const parked = subscriber.parked.size;
  const cursorCount = sorted.length;
  const holds = new Map<string, number>();
  for (const cursor of sorted) holds.set(holderOf(cursor), (holds.get(holderOf(cursor)) ?? 0) + 1);
  const workers = [...subscriber.workers.values()].map((worker) => describeWorker(subscriber, worker, holds.get(worker.name) ?? 0));
  const fencings = subscriber.fencings.map(({ worker, ...fencing }) => ({ worker: shownWorker(worker), ...fencing }));
  const cursors = yield* sideBySide(
    sorted.slice(0, topicPageMax).map((cursor) => {
      const copy = { ...cursor };
      const held = holderShown(cursor);
      return () => describeCursor(group, copy, held);
    }),
    atOnce,
  );
  return {
    ok: true,
    value: {
      id,
      createdMs,
      usedMs,
      lastPull,
      group: number,
      coordinator: self,
      subscriptions,
      cursors,
      cursorCount,
      workers,
      fencings,
      parked,
    },
  };
}

function* describeCursor(group: Group, cursor: Cursor, held: CursorDescription['held']): Task<CursorDescription> {
  const { offset, pulledTo, retries } = cursor;
  const common = { ...committedOf(cursor), pulledTo, held, retries: retries?.size ?? 0 };
  const unknown = (problem: string): CursorDescription => ({ ...common, end: null, lag: null, lagMs: null, holdsBack: false, problem });
  const wanted = group.wanted(cursor, offset);
  if ('code' in wanted) return unknown(wanted.message);
  if (group.reads.isLate(wanted.group)) return unknown('nobody has given what is there in time');
  const [found] = yield* group.reads.gather([wanted], 'linearizable', { records: 1, bytes: 1 });
  if (found === undefined || found.end === null) return unknown(found?.problem?.message ?? 'it could not be read');
  const { part, end } = found;
  const writtenMs = part === null ? null : writtenOf(part);
  const lagMs = writtenMs === null ? 0 : Math.max(0, Math.floor(group.context.clock.wallMs()) - writtenMs);
  const holdsBack = end > offset && group.context.topic(cursor.topic)?.isKeptUntilRead === true;
  return { ...common, end, lag: Math.max(0, end - offset), lagMs, holdsBack, problem: null };
}

function describeWorker(subscriber: Subscriber, { name, ...worker }: Worker, holds: number): WorkerDescription {
  const { epoch, joinedMs, topics, heardMs, sessionMs } = worker;
  const { lastPull = 0 } = pullerOf(subscriber, name) ?? {};
  return { worker: shownWorker(name), epoch, joinedMs, topics, heardMs, sessionMs, lastPull, holds };
}

function holderShown({ held }: Cursor): CursorDescription['held'] {
  if (held === null) return null;
  const { worker, sinceMs, next } = held;
  const askedBack = next === null ? null : { for: shownWorker(next.worker), sinceMs: next.sinceMs };
  return { worker: shownWorker(worker), sinceMs, askedBack };
}
