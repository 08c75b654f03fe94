import type {
  Acked,
  AckPosition,
  Created,
  Nacked,
  ParkedChanged,
  ParkedPage,
  PulledPart,
  PullResult,
  Subscribed,
  SubscriberDescription,
} from '../../eventlog/index.ts';
import { type ProcessedRecord, recordKey, recordsOf } from '../history.ts';
import { placeNamed, recordsAt } from '../place-name.ts';
import { SubscriptionClient } from './subscription-client.ts';
import type { SubscriberKind } from './subscriber.ts';
import type { ClientWorld } from './world.ts';

/** A record that was given and is still to be processed. */
interface Given {
  readonly topic: string;
  readonly generation: number;
  readonly offset: number;
  readonly value: number;
  readonly tries: number | undefined;
  readonly isRepeated: boolean;
  readonly invoked: number;
}

/** What is acknowledged once it is processed: all below an offset, or one record that came again. */
interface Had extends AckPosition {
  readonly generation: number;
}

/** Parked records that are replayed or dropped together. */
const changedAtOnce = 30;

interface FailingOptions {
  readonly id: string;
  readonly names: readonly string[];
  readonly kind: SubscriberKind;
  /** Null: it gives none. */
  readonly worker: string | null;
}

/** A subscriber, or one of its workers, that cannot process some of its records: it says so, is given them again, replays what is parked; and crashes now and then. */
export class Failing extends SubscriptionClient {
  readonly #options: FailingOptions;
  #left: string[];
  #isCreated = false;
  #number: number | null;
  #queue: Given[] = [];
  /** By place, and of what came again by record. */
  readonly #had = new Map<string, Had>();
  /** Processed well, and not yet known to be acknowledged. */
  #pending: ProcessedRecord[] = [];
  #requests = 0;
  /** Nothing was in retry before the last pull. */
  #isCalm = false;
  #whenDrained: (() => void) | null = null;

  constructor(world: ClientWorld, number: number, options: FailingOptions) {
    super(world, number);
    this.#options = options;
    this.#number = options.kind === 'numbered' ? 1 : null;
    this.#left = [...new Set(options.names.map((name) => recordsAt(name).topic))];
  }

  /** Processes all that is left without a failure, once the others have stopped. */
  drain(done: () => void): void {
    this.#whenDrained = done;
    this.isDraining = true;
    if (!this.#isCreated || this.#left.length > 0) return done();
    this.#crash();
    this.act();
  }

  protected override act(): void {
    const { random } = this;
    const [topic] = this.#left;
    if (!this.#isCreated) return this.#create();
    if (topic !== undefined) return this.#subscribe(topic);
    if (!this.isDraining && random.chance(0.03)) this.#crash();
    const failed = this.#processAll();
    if (failed !== null) return this.#nack(failed);
    if (!this.isDraining && random.chance(0.05)) return this.#changeParked();
    if (this.#options.kind === 'byHand' && random.chance(0.3)) return this.#acknowledge();
    this.#pull();
  }

  #crash(): void {
    this.#queue = [];
    this.#had.clear();
    this.#pending = [];
    if (this.#options.kind === 'numbered') this.#number = null;
  }

  #goOn(): void {
    if (this.isDraining) this.later(100, () => this.act());
    else this.ended();
  }

  // ------------------------------------------------------------------------------------------------------------ processing

  /** One after another; gives the first that fails. */
  #processAll(): Given | null {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (!this.isDraining && this.random.chance(0.2)) return next;
      this.#processed(next);
    }
    return null;
  }

  #processed(given: Given): void {
    this.#queue.shift();
    this.#pending.push(this.#note(given, true));
    this.#has(given);
  }

  #note({ topic, offset, value, tries = 0, isRepeated, invoked }: Given, isOk: boolean): ProcessedRecord {
    const acknowledged = Number.POSITIVE_INFINITY;
    const record = { subscriber: this.#options.id, topic, offset, value, tries, isOk, isRepeated, invoked, acknowledged };
    this.world.history.processed.push(record);
    return record;
  }

  #has({ topic, generation, offset, tries }: Omit<Given, 'value' | 'invoked' | 'isRepeated'>): void {
    const key = tries === undefined ? topic : `${topic} ${offset}`;
    this.#had.set(key, { ...recordsAt(topic), generation, offset: offset + 1, ...(tries === undefined ? {} : { tries }) });
  }

  #areAcknowledged(isMeant: (record: ProcessedRecord) => boolean): void {
    const now = this.world.history.tick();
    for (const record of this.#pending) if (isMeant(record)) record.acknowledged = now;
    this.#pending = this.#pending.filter((record) => !isMeant(record));
  }

  /** What it has of a place is another's, or comes again. */
  #drop(topic: string): void {
    this.#queue = this.#queue.filter((given) => given.topic !== topic);
    for (const [key, { generation: _any, ...had }] of this.#had) if (this.#nameOf(had) === topic) this.#had.delete(key);
    this.#pending = this.#pending.filter((record) => record.topic !== topic);
  }

  #nack(given: Given): void {
    const { topic, generation, offset, tries } = given;
    const { coverage } = this.world.cluster.world;
    const ordered = this.random.chance(0.2);
    const record = { ...recordsAt(topic), generation, offset, ...(tries === undefined ? {} : { tries }), reason: 'it fails' };
    const request = { subscriber: this.#options.id, records: [record], ordered, requestId: `nack ${this.number} ${++this.#requests}` };
    this.call<Nacked>(
      (service, answer) => service.nack(request, answer),
      (outcome) => {
        const key = recordKey({ subscriber: request.subscriber, topic, offset });
        if (outcome === null || ('error' in outcome && outcome.isUncertain)) {
          this.world.history.doubtful.add(key);
          this.#crash();
        } else if ('value' in outcome) {
          // It is done already, by what it was told of another time: what stands behind it goes on. One that came again may be parked, and is not
          // acknowledged: whoever replays it has it come once more.
          if (outcome.value.records[0]?.state === 'done' && ordered) {
            this.#queue.shift();
            if (tries === undefined) this.#has(given);
            return this.#goOn();
          }
          this.#note(given, false);
          this.#queue.shift();
          coverage.reach(ordered ? 'retry.ordered' : 'retry.failed');
          // Where it came for the first time all below it is acknowledged, on a majority.
          if (tries === undefined) {
            this.#areAcknowledged((one) => one.topic === topic && one.offset < offset && one.tries === 0);
            this.#has(given);
            if (ordered) this.#queue = this.#queue.filter((one) => one.topic !== topic || one.tries !== undefined);
          }
        } else if (outcome.error.code === 'tooManyRetries') {
          coverage.reach('retry.full');
          // By hand the rest comes again; a numbered pull acknowledges all of it.
          if (this.#options.kind === 'numbered') this.#processed(given);
          else this.#queue = this.#queue.filter((one) => one.topic !== topic || one.tries !== undefined);
        } else this.#drop(topic);
        this.#goOn();
      },
    );
  }

  // ----------------------------------------------------------------------------------------------------------------- calls

  #create(): void {
    const { id } = this.#options;
    this.call<Created>(
      (service, answer) => service.createSubscriber({ id, requestId: id }, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) this.#isCreated = true;
        this.ended();
      },
    );
  }

  #subscribe(topic: string): void {
    const request = { subscriber: this.#options.id, topic, start: { at: 'beginning' } } as const;
    this.call<Subscribed>(
      (service, answer) => service.subscribe(request, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) this.#left.shift();
        this.ended();
      },
    );
  }

  #pull(): void {
    const { random } = this;
    const { id, kind, worker } = this.#options;
    if (kind === 'numbered' && this.#number === null) return this.#findNumber();
    const acknowledge = kind === 'byHand' ? [...this.#had.values()] : [];
    const request = {
      subscriber: id,
      topics: null,
      mode: kind === 'numbered' ? ('automatic' as const) : ('explicit' as const),
      number: this.#number,
      acknowledge,
      recordsMax: this.isDraining ? 1000 : random.pick([1, 10, 1000]),
      bytesMax: this.isDraining ? 1024 * 1024 : random.pick([1, 4096, 1024 * 1024]),
      waitMs: this.isDraining ? 0 : random.pick([0, 0, 200, 3000]),
      freshness: 'linearizable' as const,
      worker,
      sessionMs: 5000,
    };
    const invoked = this.world.history.tick();
    this.call<PullResult>(
      (service, answer) => service.pull(request, answer),
      (outcome) => {
        if (outcome === null || 'error' in outcome) return this.#refused(outcome, request.number);
        const { value } = outcome;
        for (const { code, topic, partition } of value.problems)
          if (code === 'staleGeneration') this.#drop(this.#nameOf({ topic, partition }));
        // By number the one before is acknowledged by this one; by hand those are on their way that did not come again.
        if (kind === 'numbered' && !value.repeated) this.#areAcknowledged(() => true);
        else if (value.acknowledged === 'quorum') this.#areAcknowledged(({ tries }) => tries > 0);
        for (const [key, had] of this.#had) if (had.tries !== undefined || kind === 'numbered') this.#had.delete(key);
        if (kind === 'numbered') this.#number = value.nextNumber;
        for (const part of value.parts) this.#takeUp(part, value.repeated, invoked);
        if (!this.isDraining || value.parts.length > 0) return this.#goOn();
        const { share } = value;
        const hasAll = share === null || (share.holds === share.partitions && share.askedBack === 0);
        if (hasAll) this.#settle();
        else this.#goOn();
      },
    );
  }

  #refused(
    outcome: { readonly error: { readonly code: string; readonly details: Readonly<Record<string, unknown>> } } | null,
    number: number | null,
  ): void {
    this.#crash();
    const next = outcome?.error.code === 'pullOutOfOrder' ? Number(outcome.error.details['nextNumber']) : null;
    // What the one that was tried again gave is acknowledged. Where another has followed, nobody knows what that gave.
    if (number !== null && next === number + 1) this.#number = next;
    this.#goOn();
  }

  #takeUp(part: PulledPart, isRepeated: boolean, invoked: number): void {
    const { generation, offsetFrom, offsetTo, batches, tries } = part;
    const topic = this.#nameOf(part);
    const all = recordsOf(batches, offsetFrom);
    if (tries !== undefined) this.world.cluster.world.coverage.reach('retry.given');
    let isAny = false;
    for (let at = 0; at < all.length; at += 2) {
      const offset = all[at] as number;
      if (offset >= offsetTo) break;
      this.#queue.push({ topic, generation, offset, value: all[at + 1] as number, tries, isRepeated, invoked });
      isAny = true;
    }
    // Nothing but what a revoke has left: it is passed.
    if (!isAny) this.#has({ topic, generation, offset: offsetTo - 1, tries });
  }

  #findNumber(): void {
    this.call<SubscriberDescription>(
      (service, answer) => service.describeSubscriber(this.#options.id, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) this.#number = Math.max(1, outcome.value.lastPull);
        this.#goOn();
      },
    );
  }

  #acknowledge(): void {
    const positions = [...this.#had.values()];
    if (positions.length === 0) return this.#pull();
    const meant = new Set(this.#pending);
    this.call<Acked>(
      (service, answer) => service.ack({ subscriber: this.#options.id, positions }, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) {
          this.#areAcknowledged((record) => meant.has(record));
          for (const [key, { tries }] of this.#had) if (tries !== undefined) this.#had.delete(key);
        } else this.#crash();
        this.#goOn();
      },
    );
  }

  // ---------------------------------------------------------------------------------------------------------------- parked

  #listParked(done: (page: ParkedPage | null) => void): void {
    const query = { subscriber: this.#options.id, topic: null, after: -1, limit: 1000 };
    this.call<ParkedPage>(
      (service, answer) => service.listParked(query, answer),
      (outcome) => done(outcome !== null && 'value' in outcome ? outcome.value : null),
    );
  }

  /** Replays one of those that are parked or the first of them, or drops them. */
  #changeParked(): void {
    this.#listParked((page) => {
      if (page === null || page.parked.length === 0) return this.#goOn();
      const { history, cluster } = this.world;
      const chosen = this.random.chance(0.5) ? [this.random.pick(page.parked)] : page.parked.slice(0, changedAtOnce);
      const does = this.random.chance(0.5) ? ('replay' as const) : ('drop' as const);
      const subscriber = this.#options.id;
      for (const { offset, ...at } of chosen) {
        const key = recordKey({ subscriber, topic: this.#nameOf(at), offset });
        if (does === 'drop') history.dropped.add(key);
        else history.replays.set(key, (history.replays.get(key) ?? 0) + 1);
      }
      const request = { subscriber, does, ids: chosen.map(({ id }) => id), requestId: `${does} ${this.number} ${++this.#requests}` };
      this.call<ParkedChanged>(
        (service, answer) => service.changeParked(request, answer),
        (outcome) => {
          if (outcome !== null && 'value' in outcome) cluster.world.coverage.reach(`parked.${does}`);
          this.#goOn();
        },
      );
    });
  }

  /** Nothing more is given: is there nothing in retry either? */
  #settle(): void {
    const { history, cluster } = this.world;
    const { id: subscriber, names } = this.#options;
    this.call<SubscriberDescription>(
      (service, answer) => service.describeSubscriber(subscriber, answer),
      (outcome) => {
        const described = outcome !== null && 'value' in outcome ? outcome.value : null;
        // A partition that waited for one that has failed is pulled from once more.
        const wasCalm = this.#isCalm;
        this.#isCalm = described !== null && described.cursors.every(({ retries }) => retries === 0);
        if (!wasCalm || !this.#isCalm) return this.#goOn();
        this.#listParked((page) => {
          if (page === null) return this.#goOn();
          for (const parked of page.parked)
            history.parked.push({ subscriber, topic: this.#nameOf(parked), offset: parked.offset, id: parked.id });
          if (page.count > 0) cluster.world.coverage.reach('parked.atEnd', page.count);
          for (const topic of names) history.settled.push({ subscriber, topic });
          this.#whenDrained?.();
          this.#whenDrained = null;
        });
      },
    );
  }

  #nameOf({ topic, partition = 0 }: { readonly topic: string; readonly partition?: number }): string {
    return placeNamed(topic, partition, this.world.history.partitionsOf(topic));
  }
}
