import type {
  Acked,
  AckPosition,
  Created,
  LogError,
  PulledPart,
  PullResult,
  Subscribed,
  SubscriberDescription,
  WorkerState,
} from '../../eventlog/index.ts';
import { recordsOf } from '../history.ts';
import { placeNamed, recordsAt } from '../place-name.ts';
import { SubscriptionClient } from './subscription-client.ts';
import type { SubscriberKind } from './subscriber.ts';
import type { ClientWorld } from './world.ts';

/** What is known of one partition by all who share its subscriber. */
interface Place {
  /** So far it is acknowledged on a majority, and so far it may be. */
  least: number;
  most: number;
  /** The highest generation that anybody was given something under. */
  newest: number;
}

/** One subscriber that several workers share. */
export class Shared {
  readonly id: string;
  /** Partitions of topics that nothing is removed from. */
  readonly names: readonly string[];
  readonly #places = new Map<string, Place>();

  constructor(id: string, names: readonly string[]) {
    this.id = id;
    this.names = names;
  }

  place(name: string): Place {
    let place = this.#places.get(name);
    if (place === undefined) this.#places.set(name, (place = { least: 0, most: 0, newest: 0 }));
    return place;
  }
}

/** What was known when something was asked for. */
interface Before {
  readonly invoked: number;
  readonly places: ReadonlyMap<string, Place>;
}

/** What a worker has of a partition, and has not acknowledged. */
interface Had {
  readonly generation: number;
  readonly offset: number;
}

/** One of those that share a subscriber: pulls, processes and acknowledges what it holds; leaves, crashes, and is so slow now and then that others get it. */
export class Worker extends SubscriptionClient {
  readonly #kind: SubscriberKind;
  readonly #shared: Shared;
  /** Null: it gives none. */
  readonly #worker: string | null;
  readonly #sessionMs: number;
  /** Those that it pulls from, until it drains; null: all. */
  readonly #topics: readonly string[] | null;
  readonly #had = new Map<string, Had>();
  #left: string[];
  #isCreated = false;
  #number: number | null = null;
  /** Of the last of its lives that it has heard of. */
  #epoch: number | null = null;
  #whenDrained: (() => void) | null = null;

  constructor(world: ClientWorld, number: number, shared: Shared, kind: SubscriberKind, isNamed: boolean) {
    super(world, number);
    this.#shared = shared;
    this.#kind = kind;
    this.#worker = isNamed ? `worker ${number}` : null;
    this.#sessionMs = this.random.pick([1000, 2000, 5000]);
    this.#left = [...new Set(shared.names.map((name) => recordsAt(name).topic))];
    this.#topics = this.random.chance(0.3) ? [this.random.pick(this.#left)] : null;
  }

  /** Goes on alone until all is its own and nothing more is new; once the others have stopped. */
  drain(done: () => void): void {
    this.#whenDrained = done;
    this.isDraining = true;
    this.#had.clear();
    if (!this.#isCreated || this.#left.length > 0) return done();
    this.#pullByHand();
  }

  protected override act(): void {
    const { random } = this;
    const [topic] = this.#left;
    if (!this.#isCreated) return this.#create();
    if (topic !== undefined) return this.#subscribe(topic);
    if (random.chance(0.03)) return this.#crash();
    if (random.chance(0.02)) return this.#leave();
    // So long that it may be taken for dead, or not have let go in time; what it has it acknowledges all the same.
    if (random.chance(0.03)) return this.later(this.#sessionMs * 2 * random.float(), () => this.#acknowledge());
    if (random.chance(0.05)) return this.#look();
    if (this.#kind === 'numbered') return this.#pullByNumber();
    if (random.chance(0.3)) this.#acknowledge();
    else this.#pullByHand();
  }

  #create(): void {
    const request = { id: this.#shared.id, requestId: this.#shared.id };
    this.call<Created>(
      (service, answer) => service.createSubscriber(request, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) this.#isCreated = true;
        this.ended();
      },
    );
  }

  #subscribe(topic: string): void {
    const request = { subscriber: this.#shared.id, topic, start: { at: 'beginning' } } as const;
    this.call<Subscribed>(
      (service, answer) => service.subscribe(request, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) this.#left.shift();
        this.ended();
      },
    );
  }

  /** What it has pulled since is lost to it; it comes back under its name. */
  #crash(): void {
    this.#had.clear();
    this.#number = null;
    this.later(this.#sessionMs * 2 * this.random.float(), () => this.ended());
  }

  #leave(): void {
    this.#had.clear();
    this.#number = null;
    const worker = this.#worker;
    const epoch = this.#epoch;
    if (worker === null || epoch === null) return this.ended();
    this.call<undefined>(
      (service, answer) => service.leave({ subscriber: this.#shared.id, worker, epoch }, answer),
      () => this.ended(),
    );
  }

  // ----------------------------------------------------------------------------------------------------------------- pulls

  get #request() {
    const { random } = this;
    return {
      subscriber: this.#shared.id,
      topics: this.isDraining ? null : this.#topics,
      worker: this.#worker,
      sessionMs: this.#sessionMs,
      recordsMax: this.isDraining ? 1000 : random.pick([1, 10, 1000]),
      bytesMax: this.isDraining ? 1024 * 1024 : random.pick([1, 4096, 1024 * 1024]),
      waitMs: this.isDraining ? 500 : random.pick([0, 0, 200, 3000]),
      freshness: 'linearizable' as const,
    };
  }

  #pullByHand(): void {
    const acknowledge = this.#positions;
    this.#mayBeAcknowledged();
    const request = { ...this.#request, mode: 'explicit' as const, number: null, acknowledge };
    const before = this.#before();
    this.call<PullResult>(
      (service, answer) => service.pull(request, answer),
      (outcome) => {
        if (outcome === null || 'error' in outcome) return this.#refused(outcome?.error ?? null);
        this.#pulled(outcome.value, before);
        if (!this.isDraining) return this.ended();
        const { parts, share } = outcome.value;
        const hasAll = share === null || (share.holds === share.partitions && share.askedBack === 0);
        if (parts.length > 0 || !hasAll) this.#pullByHand();
        else this.#look();
      },
    );
  }

  #pullByNumber(): void {
    const number = this.#number;
    if (number === null) return this.#findNumber();
    const request = { ...this.#request, mode: 'automatic' as const, number, acknowledge: [] };
    this.#mayBeAcknowledged();
    const before = this.#before();
    this.call<PullResult>(
      (service, answer) => service.pull(request, answer),
      (outcome) => {
        if (outcome === null || 'error' in outcome) return this.#refused(outcome?.error ?? null);
        const { value } = outcome;
        if (!value.repeated) {
          // Of what it still holds the pull before has been acknowledged by this one.
          for (const { topic, partition, generation, offsetFrom } of value.parts) {
            const name = this.#nameOf({ topic, partition });
            const had = this.#had.get(name);
            const place = this.#shared.place(name);
            if (had?.generation === generation) place.least = Math.max(place.least, Math.min(had.offset, offsetFrom));
          }
          this.#had.clear();
        }
        this.#number = value.nextNumber;
        this.#pulled(value, before);
        this.ended();
      },
    );
  }

  /** The last one again, because nobody knows whether it was processed. */
  #findNumber(): void {
    const worker = this.#worker;
    if (worker === null) return this.#pullByHand();
    const request = { subscriber: this.#shared.id, worker, sessionMs: this.#sessionMs };
    this.call<WorkerState>(
      (service, answer) => service.heartbeat(request, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) {
          this.#number = outcome.value.lastPull;
          this.#epoch = outcome.value.epoch;
        }
        if (this.#number === null) this.ended();
        else this.#pullByNumber();
      },
    );
  }

  #refused(error: LogError | null): void {
    if (error?.code === 'pullOutOfOrder') {
      // It was taken for dead, or had nothing to repeat: what it has comes again to whoever holds it.
      this.#had.clear();
      this.#number = Number(error.details['nextNumber']);
    }
    if (this.isDraining) this.#pullByHand();
    else this.ended();
  }

  #before(): Before {
    const places = new Map(this.#shared.names.map((name) => [name, { ...this.#shared.place(name) }]));
    return { invoked: this.world.history.tick(), places };
  }

  #pulled({ parts, problems, share, repeated }: PullResult, { invoked, places }: Before): void {
    const { history } = this.world;
    const { coverage } = this.world.cluster.world;
    const completed = history.tick();
    this.#epoch = share?.epoch ?? this.#epoch;
    if (share?.holds === 0) coverage.reach('worker.standsBy');
    if ((share?.askedBack ?? 0) > 0) coverage.reach('worker.askedBack');
    for (const { code, ...of } of problems) {
      if (code !== 'staleGeneration') continue;
      coverage.reach('worker.fenced');
      this.#had.delete(this.#nameOf(of));
    }
    for (const part of parts) {
      const { generation, offsetFrom, offsetTo } = part;
      const topic = this.#nameOf(part);
      const place = this.#shared.place(topic);
      const { least: leastFrom = 0, newest = 0 } = places.get(topic) ?? {};
      const subscriber = this.#shared.id;
      const records = recordsIn(part);
      const most = { mostFrom: place.most, known: generation };
      history.pulls.push({ subscriber, topic, generation, leastFrom, ...most, offsetFrom, offsetTo, records, invoked, completed });
      history.shared.push({ subscriber, worker: this.#worker ?? '', topic, generation, newest, does: repeated ? 'repeats' : 'pulls' });
      place.newest = Math.max(place.newest, generation);
      this.#had.set(topic, { generation, offset: offsetTo });
    }
  }

  // --------------------------------------------------------------------------------------------------------------- cursors

  get #positions(): AckPosition[] {
    return [...this.#had].map(([name, { generation, offset }]) => ({ ...recordsAt(name), generation, offset }));
  }

  #mayBeAcknowledged(): void {
    for (const [name, { offset }] of this.#had) {
      const place = this.#shared.place(name);
      place.most = Math.max(place.most, offset);
    }
  }

  /** One partition, so that what becomes of the others does not matter. */
  #acknowledge(): void {
    const [name] = this.#had.size === 0 ? [] : [this.random.pick([...this.#had.keys()])];
    const had = name === undefined ? undefined : this.#had.get(name);
    // A numbered pull will acknowledge all of it.
    if (name === undefined || had === undefined || this.#kind === 'numbered') return this.#pullAny();
    const place = this.#shared.place(name);
    const { newest } = place;
    place.most = Math.max(place.most, had.offset);
    const subscriber = this.#shared.id;
    this.call<Acked>(
      (service, answer) => service.ack({ subscriber, positions: [{ ...recordsAt(name), ...had }] }, answer),
      (outcome) => {
        const isDone = outcome !== null && 'value' in outcome;
        if (isDone) {
          place.least = Math.max(place.least, had.offset);
          const { generation } = had;
          this.world.history.shared.push({ subscriber, worker: this.#worker ?? '', topic: name, generation, newest, does: 'acknowledges' });
        } else if (outcome !== null) {
          this.world.cluster.world.coverage.reach('worker.fenced');
          this.#had.delete(name);
        }
        this.ended();
      },
    );
  }

  #pullAny(): void {
    if (this.#kind === 'numbered') this.#pullByNumber();
    else this.#pullByHand();
  }

  /** Where its cursors stand, and who holds them. */
  #look(): void {
    const { history, cluster } = this.world;
    const { places, invoked } = this.#before();
    const subscriber = this.#shared.id;
    this.call<SubscriberDescription>(
      (service, answer) => service.describeSubscriber(subscriber, answer),
      (outcome) => {
        const { cursors = [], fencings = [] } = outcome !== null && 'value' in outcome ? outcome.value : {};
        const completed = history.tick();
        for (const { reason } of fencings) cluster.world.coverage.reach(`worker.${reason}`);
        for (const { topic: name, partition, generation, offset } of cursors) {
          const topic = this.#nameOf({ topic: name, partition });
          const { least = 0 } = places.get(topic) ?? {};
          const { most } = this.#shared.place(topic);
          history.cursors.push({ subscriber, topic, generation, known: generation, offset, least, most, invoked, completed });
          // What it acknowledged on the way is on no majority yet; where the cursor stands then, the next pull begins.
          if (this.isDraining) history.drained.push({ subscriber, topic, position: Math.max(offset, this.#had.get(topic)?.offset ?? 0) });
        }
        if (!this.isDraining) return this.ended();
        if (cursors.length === 0) return this.#look();
        this.#whenDrained?.();
        this.#whenDrained = null;
      },
    );
  }

  #nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
    return placeNamed(topic, partition, this.world.history.partitionsOf(topic));
  }
}

const recordsIn = ({ batches, offsetFrom, offsetTo }: PulledPart): number[] =>
  recordsOf(batches, offsetFrom).filter((_, index, all) => (all[index - (index % 2)] as number) < offsetTo);
