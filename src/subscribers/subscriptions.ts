import { runTask, sideBySide, type Task } from '../base/task.ts';
import {
  type Answer,
  type LogError,
  type Outcome,
  type PullProblem,
  shownTopic,
  type StartAt,
  type Subscribed,
  type SubscribeRequest,
  type UnsubscribeRequest,
} from '../eventlog/index.ts';
import type { CursorStart } from './commands.ts';
import { cursorsOf } from './cursors.ts';
import { atOnce, type Group } from './group.ts';
import { isPattern, matches } from './pattern.ts';
import { type Failed, failure, refused, told } from './refusals.ts';
import { shownClient } from './requests.ts';
import { cursorKey, type Subscriber } from './subscriber.ts';
import type { KnownTopic } from './topic-reads.ts';

/** What is remembered only to spare work. */
const lookedMax = 10_000;
/** For what there was no room there may be some by then, without any topic having changed. */
const lookAgainMs = 5000;
/** Of topics for which there is no room so many are named; of the others it is said how many they are. */
const beyondNamedMax = 20;

/** A partition of which nobody could say where a cursor begins. */
interface Unplaced {
  readonly topic: string;
  readonly partition: number;
  readonly error: LogError;
}

interface TakenUp {
  readonly subscriber: Subscriber;
  /** Of topics that cannot be taken up yet. */
  readonly problems: readonly PullProblem[];
  /** Of topics for which there is no room. */
  readonly beyond: readonly PullProblem[];
}

/** What a subscriber lacked when these topics and subscriptions were those that there are. */
interface Looked {
  readonly version: number;
  readonly of: string;
  readonly beyond: readonly PullProblem[];
  readonly untilMs: number;
}

/** To which topics subscribers are subscribed, and which cursors they have for that: topics come and go, and get partitions. */
export class Subscriptions {
  readonly #group: Group;
  readonly #looked = new Map<string, Looked>();

  constructor(group: Group) {
    this.#group = group;
  }

  *subscribe({ subscriber: id, topic, start }: SubscribeRequest, attempt: string): Task<Outcome<Subscribed>> {
    const doing = `subscribe ${shownClient('subscriber', id)} to ${shownTopic(topic)}`;
    const isCurrent = yield* this.#group.whenTopicsKnown();
    const current = yield* this.#group.current(doing, id);
    if (!current.ok) return current;
    const subscriber = current.value;
    const known = this.#group.context.topic(topic);
    if (!isCurrent && (known === undefined || isPattern(topic)))
      return failure('noLeader', doing, 'nobody who leads the catalog could be asked for its topics');
    if (known === undefined && !isPattern(topic)) return failure('unknownTopic', doing, 'there is no such topic');
    const before = subscriber.subscriptions.get(topic);
    const topics = isPattern(topic) ? this.#matching(topic) : [known as KnownTopic];
    const isThere = before !== undefined && before.topicId === (isPattern(topic) ? null : (known as KnownTopic).id);
    if (isThere) return { ok: true, value: { subscriber: id, topic, created: false, cursors: cursorsOf(subscriber, topics) } };
    const starts = yield* this.#starts(subscriber, topics, start, doing);
    if ('error' in starts) return starts;
    const { cursors, failed } = starts;
    if (failed[0] !== undefined) return { ok: false, error: failed[0].error };
    const { subscriptions: subscriptionsMax, cursors: cursorsMax, groupCursors: groupCursorsMax } = this.#group.context.limits;
    const topicId = isPattern(topic) ? null : (known as KnownTopic).id;
    const limits = { subscriptionsMax, cursorsMax, groupCursorsMax };
    const { made } = subscriber;
    const outcome = yield* this.#group.submit({ type: 'subscribe', subscriber: id, made, topic, topicId, cursors, ...limits, attempt });
    if (!outcome.ok) return outcome;
    if (outcome.value !== 'created' && outcome.value !== 'existed') return refused(doing, outcome.value);
    const now = this.#group.subscriber(id);
    const created = outcome.value === 'created';
    return { ok: true, value: { subscriber: id, topic, created, cursors: now === undefined ? [] : cursorsOf(now, topics) } };
  }

  /** Partitions of these topics that have no cursor. */
  #lacking({ cursors }: Pick<Subscriber, 'cursors'>, topics: readonly KnownTopic[]) {
    const places = topics.flatMap(({ name, id, groups }) => groups.map((group, partition) => ({ name, id, group, partition })));
    return places.filter(({ id, partition }) => !cursors.has(cursorKey({ topicId: id, partition })));
  }

  /** Where the cursors begin that these topics lack, and of which that could not be found out. */
  *#starts(
    subscriber: Pick<Subscriber, 'cursors'>,
    topics: readonly KnownTopic[],
    start: StartAt,
    doing: string,
  ): Task<Failed | { readonly cursors: readonly CursorStart[]; readonly failed: readonly Unplaced[] }> {
    const lacking = this.#lacking(subscriber, topics);
    if (subscriber.cursors.size + lacking.length > this.#group.context.limits.cursors) return refused(doing, 'tooManyCursors');
    const found = yield* sideBySide(
      lacking.map(
        ({ name, group, partition }) =>
          () =>
            this.#group.reads.place(name, partition, group, start, doing),
      ),
      atOnce,
    );
    const cursors: CursorStart[] = [];
    const failed: Unplaced[] = [];
    for (const [index, { name, id, partition }] of lacking.entries()) {
      const one = found[index] as Outcome<number>;
      if (one.ok) cursors.push({ topic: name, topicId: id, partition, offset: one.value });
      else failed.push({ topic: name, partition, error: one.error });
    }
    return { cursors, failed };
  }

  #matching(pattern: string): KnownTopic[] {
    return [...this.#group.context.topics()].filter(({ name }) => matches(pattern, name));
  }

  unsubscribe({ subscriber: id, topic }: UnsubscribeRequest, attempt: string, answer: Answer<undefined>): void {
    const doing = `unsubscribe ${shownClient('subscriber', id)} from ${shownTopic(topic)}`;
    runTask(
      () => this.#group.current(doing, id),
      (current) => {
        if (!current.ok) return answer(current);
        this.#group.context.submit({ type: 'unsubscribe', subscriber: id, made: current.value.made, topic, attempt }, told(doing, answer));
      },
    );
  }

  /** Topics that patterns match by now, partitions that were added since, and topics that are gone. */
  *takeUp(subscriber: Subscriber, doing: string): Task<Failed | TakenUp> {
    const { id, made } = subscriber;
    const all = [...subscriber.subscriptions.values()];
    const patterns = all.filter(({ topicId }) => topicId === null).map(({ topic }) => topic);
    const of = `${made} ${all.map(({ topic }) => topic).join(' ')}`;
    let version = this.#group.context.topicsVersion();
    const before = this.#looked.get(id);
    const nowMs = this.#group.context.clock.monotonicMs();
    if (before?.version === version && before.of === of && nowMs < before.untilMs)
      return { subscriber, problems: [], beyond: before.beyond };
    let covered: Pick<TakenUp, 'problems' | 'beyond'> = { problems: [], beyond: [] };
    const named = (): KnownTopic[] => all.flatMap(({ topic, topicId }) => this.#group.knownAs(topic, topicId) ?? []);
    if (patterns.length > 0 || named().some((topic) => this.#lacking(subscriber, [topic]).length > 0)) {
      // A topic that is not known here yet is not one that is gone.
      const isCurrent = yield* this.#group.whenTopicsKnown();
      if (!isCurrent) return { subscriber, ...covered };
      version = this.#group.context.topicsVersion();
      const matching = [...this.#group.context.topics()].filter(({ name }) => patterns.some((pattern) => matches(pattern, name)));
      const gone = [...subscriber.cursors.values()].filter((cursor) => !this.#group.isKnown(cursor)).map(({ topicId }) => topicId);
      const outcome = yield* this.#cover(subscriber, [...new Set([...named(), ...matching])], [...new Set(gone)], doing);
      if ('error' in outcome) return outcome;
      covered = outcome;
    }
    const now = this.#group.subscriber(id);
    if (now === undefined || now.made !== made) return refused(doing, 'unknownSubscriber');
    const { problems, beyond } = covered;
    if (problems.length > 0) return { subscriber: now, problems, beyond };
    if (this.#looked.size >= lookedMax) this.#looked.clear();
    this.#looked.set(id, { version, of, beyond, untilMs: beyond.length === 0 ? Number.POSITIVE_INFINITY : nowMs + lookAgainMs });
    return { subscriber: now, problems, beyond };
  }

  /** Neither what cannot be taken up yet nor what there is no room for holds up the others. */
  *#cover(
    { id, made, cursors }: Subscriber,
    topics: readonly KnownTopic[],
    gone: readonly number[],
    doing: string,
  ): Task<Failed | Pick<TakenUp, 'problems' | 'beyond'>> {
    if (gone.length > 0) {
      const dropped = yield* this.#group.submit({ type: 'dropTopics', subscriber: id, made, topicIds: gone });
      if (!dropped.ok) return dropped;
    }
    const { within, beyond } = this.#room({ cursors }, topics);
    const starts = yield* this.#starts({ cursors }, within, { at: 'beginning' }, doing);
    if ('error' in starts) return starts;
    const problems = starts.failed.map(({ error: { code, message, details }, ...of }) => ({ ...of, code, message, details }));
    if (starts.cursors.length === 0) return { problems, beyond: this.#beyond(beyond) };
    const { cursors: cursorsMax, groupCursors: groupCursorsMax } = this.#group.context.limits;
    const taken = yield* this.#group.submit({ type: 'takeUp', subscriber: id, made, cursors: starts.cursors, cursorsMax, groupCursorsMax });
    if (!taken.ok) return taken;
    // Others have taken the room meanwhile.
    if (taken.value === 'tooManyCursors')
      return { problems, beyond: this.#beyond([...new Set([...starts.cursors.map(({ topic }) => topic), ...beyond])]) };
    return taken.value === 'done' ? { problems, beyond: this.#beyond(beyond) } : refused(doing, taken.value);
  }

  /** For which of these topics there is room, each as a whole, by their names. */
  #room(of: Pick<Subscriber, 'cursors'>, topics: readonly KnownTopic[]) {
    const { state, limits } = this.#group.context;
    let left = Math.min(limits.cursors - of.cursors.size, limits.groupCursors - state.cursorCount);
    const within: KnownTopic[] = [];
    const beyond: string[] = [];
    for (const topic of topics.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const lacks = this.#lacking(of, [topic]).length;
      if (lacks > left) beyond.push(topic.name);
      else within.push(topic);
      if (lacks <= left) left -= lacks;
    }
    return { within, beyond };
  }

  #beyond(topics: readonly string[]): PullProblem[] {
    const { cursors, groupCursors } = this.#group.context.limits;
    const limits = `a subscriber has at most ${cursors} cursors (limits.cursorsMax), those of its group ${groupCursors} together`;
    return topics.slice(0, beyondNamedMax).map((topic, index, named): PullProblem => {
      const left = topics.length - named.length;
      const others = left > 0 && index === named.length - 1 ? `, and neither are ${left} others` : '';
      const message = `${shownTopic(topic)} is not taken up${others}: ${limits}`;
      return { topic, partition: 0, code: 'tooManySubscribers', message, details: { limit: cursors } };
    });
  }
}

export const isSubscribed = ({ subscriptions }: Subscriber, topic: string): boolean =>
  subscriptions.has(topic) || [...subscriptions.values()].some((one) => one.topicId === null && matches(one.topic, topic));
