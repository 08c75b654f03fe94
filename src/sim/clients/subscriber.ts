import {
  type Acked,
  type AckPosition,
  type Created,
  type CursorPosition,
  type LogError,
  type PullResult,
  type Seeked,
  type Subscribed,
  type SubscriberDescription,
} from '../../eventlog/index.ts';
import { recordsOf } from '../history.ts';
import { placeNamed, recordsAt } from '../place-name.ts';
import { SubscriptionClient } from './subscription-client.ts';
import type { ClientWorld } from './world.ts';

/** How a subscriber says what it has processed. */
export type SubscriberKind =
  /** By the number of the next pull. */
  | 'numbered'
  /** By acknowledgements: with the next pull, or by themselves. */
  | 'byHand';

/** What a subscriber knows of one of its cursors. */
interface Place {
  generation: number;
  /** Where the next pull must begin; null after a crash, when all that is known is between what follows. */
  at: number | null;
  /** So far it is known to be acknowledged on a majority, and so far it may be. */
  least: number;
  most: number;
  /** How far it has come at all. */
  reached: number;
  /** So far it may have acknowledged ever, or what was there when it subscribed; seeks take nothing back. */
  read: number;
}

const readOf = ({ read, most }: Place): number => Math.max(read, most);

/** Taken up by a pattern: topics that come and go. */
const passingPattern = 'passing-*';
/** Pulls, processes and acknowledges, one thing after another; crashes now and then, and begins again with what is acknowledged. */
export class Subscriber extends SubscriptionClient {
  readonly #kind: SubscriberKind;
  readonly #id: string;
  /** Partitions, by the names that they have in a run; so everywhere here. */
  readonly #names: readonly string[];
  readonly #places = new Map<string, Place>();
  /** What is still to be subscribed to. */
  #left: string[];
  #isCreated = false;
  /** Of the next pull; null after a crash. */
  #number: number | null = 1;
  /** Nothing has been pulled since a crash. */
  #isRecovering = false;
  /** A cursor that stands where nothing is any more. */
  #lost: string | null = null;
  /** What the last pull of a drain gave of cursors that it knows nothing of: what is not acknowledged comes again for ever. */
  #beside: readonly AckPosition[] = [];
  #whenDrained: (() => void) | null = null;

  constructor(world: ClientWorld, number: number, kind: SubscriberKind) {
    super(world, number);
    this.#kind = kind;
    this.#id = `subscriber ${number}`;
    this.#names = world.settings.busyTopics ?? world.settings.topics;
    this.#left = [...new Set(this.#names.map((name) => recordsAt(name).topic)), ...(this.random.chance(0.5) ? [passingPattern] : [])];
  }

  /** Pulls until nothing more is new; once the others have stopped. */
  drain(done: () => void): void {
    this.#whenDrained = done;
    this.isDraining = true;
    // One that was never made has nothing to pull.
    if (this.#isCreated && this.#left.length === 0) this.#pull();
    else done();
  }

  protected override act(): void {
    const { random } = this;
    const [topic] = this.#left;
    if (!this.#isCreated) return this.#create();
    if (topic !== undefined) return this.#subscribe(topic);
    if (random.chance(0.03)) this.#crash();
    if (this.#kind === 'numbered' && this.#number === null) return this.#findNumber();
    if (this.#lost !== null) return this.#seek(this.#lost);
    if (random.chance(0.02)) return this.#seek(random.pick(this.#names));
    if (random.chance(0.1)) return this.#look();
    if (this.#kind === 'byHand' && random.chance(0.2)) return this.#acknowledge();
    this.#pull();
  }

  /** What it has pulled since is lost to it, and so is where it was. */
  #crash(): void {
    this.world.cluster.world.coverage.reach('pull.crash');
    this.#number = null;
    this.#isRecovering = true;
    for (const place of this.#places.values()) place.at = null;
  }

  // -------------------------------------------------------------------------------------------------------------- calls

  #create(): void {
    const request = { id: this.#id, requestId: this.#id };
    this.call<Created>(
      (service, answer) => service.createSubscriber(request, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) this.#isCreated = true;
        this.ended();
      },
    );
  }

  #subscribe(topic: string): void {
    const request = { subscriber: this.#id, topic, start: { at: 'beginning' } } as const;
    this.call<Subscribed>(
      (service, answer) => service.subscribe(request, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) {
          this.#left.shift();
          if (topic !== passingPattern) for (const cursor of outcome.value.cursors) this.#put(cursor);
        }
        this.ended();
      },
    );
  }

  #nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
    return placeNamed(topic, partition, this.world.history.partitionsOf(topic));
  }

  #put({ offset, generation, ...at }: CursorPosition): void {
    const name = this.#nameOf(at);
    const before = this.#places.get(name);
    // Whoever decides what is removed has not asked it before it had subscribed.
    const read = before === undefined ? Math.max(offset, this.world.committedEnd(name)) : Math.max(offset, readOf(before));
    this.#places.set(name, { generation, at: offset, least: offset, most: offset, reached: offset, read });
  }

  // ----------------------------------------------------------------------------------------------------------------- pulls

  /** After a crash: the last pull again, because nobody knows whether it was processed. */
  #findNumber(): void {
    this.call<SubscriberDescription>(
      (service, answer) => service.describeSubscriber(this.#id, answer),
      (outcome) => {
        if (outcome === null || 'error' in outcome) return this.#rest();
        const { lastPull } = outcome.value;
        this.#number = Math.max(1, lastPull);
        this.#pull();
      },
    );
  }

  #pull(): void {
    const { world, random } = this;
    const number = this.#kind === 'numbered' ? this.#number : null;
    if (this.#kind === 'numbered' && number === null) return this.#findNumber();
    const acknowledge: AckPosition[] = [];
    for (const [name, { at, generation }] of this.#places)
      if (this.#kind === 'byHand' && at !== null) acknowledge.push({ ...recordsAt(name), offset: at, generation });
    if (this.#kind === 'byHand') acknowledge.push(...this.#beside);
    // What this pull acknowledges may take effect from now on.
    const acked = new Map<Place, number>();
    for (const place of this.#places.values()) {
      if (place.at === null) continue;
      place.most = Math.max(place.most, place.at);
      acked.set(place, place.most);
    }
    const invoked = world.history.tick();
    const request = {
      subscriber: this.#id,
      topics: null,
      mode: this.#kind === 'numbered' ? ('automatic' as const) : ('explicit' as const),
      number,
      acknowledge,
      recordsMax: this.isDraining ? 1000 : random.pick([1, 10, 1000]),
      bytesMax: this.isDraining ? 1024 * 1024 : random.pick([1, 4096, 1024 * 1024]),
      waitMs: this.isDraining ? 0 : random.pick([0, 0, 200, 3000]),
      freshness: 'linearizable' as const,
    };
    this.call<PullResult>(
      (service, answer) => service.pull(request, answer),
      (outcome) => {
        if (outcome === null) return this.#rest();
        if ('error' in outcome) return this.#pullRefused(outcome.error);
        this.#pulled(outcome.value, acked, invoked);
        this.#goOn(outcome.value.parts.length === 0);
      },
    );
  }

  #goOn(isEmpty: boolean): void {
    if (!this.isDraining) return this.ended();
    if (this.#lost !== null) return this.#seek(this.#lost);
    if (!isEmpty) return this.#pull();
    for (const [topic, { at }] of this.#places)
      if (at !== null) this.world.history.drained.push({ subscriber: this.#id, topic, position: at });
    this.#whenDrained?.();
    this.#whenDrained = null;
  }

  #pulled(result: PullResult, acked: ReadonlyMap<Place, number>, invoked: number): void {
    const { world } = this;
    const { coverage } = world.cluster.world;
    const completed = world.history.tick();
    // A numbered pull that was answered has acknowledged what the one before it gave; after a crash it is that one itself.
    if (result.number !== null && !result.repeated) for (const [place, offset] of acked) place.least = Math.max(place.least, offset);
    if (result.repeated) coverage.reach('pull.repeated');
    if (result.parts.length > 1) coverage.reach('pull.severalTopics');
    const isKnown = (at: { readonly topic: string; readonly partition: number }): boolean => this.#places.has(this.#nameOf(at));
    const beside = result.parts.filter((part) => this.isDraining && !isKnown(part));
    this.#beside = beside.map(({ topic, partition, offsetTo: offset }) => ({ topic, partition, offset }));
    for (const { generation, offsetFrom, offsetTo, batches, ...at } of result.parts) {
      const topic = this.#nameOf(at);
      const place = this.#places.get(topic);
      if (place === undefined) {
        coverage.reach('pull.pattern');
        continue;
      }
      // After a crash what it had acknowledged before it may still be on its way.
      const [leastFrom, mostFrom] = place.at === null ? [place.least, place.reached] : [place.at, Math.max(place.at, place.most)];
      const records = recordsOf(batches, offsetFrom).filter((_, index, all) => (all[index - (index % 2)] as number) < offsetTo);
      const known = place.generation;
      world.history.pulls.push({
        subscriber: this.#id,
        topic,
        generation,
        known,
        leastFrom,
        mostFrom,
        offsetFrom,
        offsetTo,
        records,
        invoked,
        completed,
      });
      place.at = offsetTo;
      place.reached = Math.max(place.reached, offsetTo);
      this.#noteKept(topic, null);
    }
    for (const { code, details, ...at } of result.problems) {
      if (code !== 'cursorOutOfRange') continue;
      this.#lost = this.#nameOf(at);
      this.#noteKept(this.#lost, Number(details['logStartOffset']));
    }
    if (result.nextNumber !== null) this.#number = result.nextNumber;
    // The last pull was given again, and of the others all was processed before that one was asked for.
    if (result.number !== null && this.#isRecovering) for (const place of this.#places.values()) place.at ??= place.reached;
    this.#isRecovering = false;
  }

  /** @param logStartOffset where what is left begins, above where the cursor stands; null: nothing is missing */
  #noteKept(name: string, logStartOffset: number | null): void {
    const { history } = this.world;
    const place = this.#places.get(name);
    if (place === undefined || !history.keptUntilRead.has(recordsAt(name).topic)) return;
    history.keptPulls.push({ subscriber: this.#id, topic: name, logStartOffset, read: readOf(place) });
  }

  #pullRefused({ code, message, details }: LogError): void {
    if (code === 'cursorOutOfRange') {
      this.world.cluster.world.coverage.reach('pull.outOfRange');
      // A topic that a pattern has taken up, too: records are removed from some of those.
      const [, partition = '0', topic = ''] = /partition (\d+) of topic "([^"]+)"/.exec(message) ?? [];
      this.#lost = this.#nameOf({ topic, partition: Number(partition) });
      this.#noteKept(this.#lost, Number(details['logStartOffset']));
      return this.#goOn(false);
    }
    // The last pull of before a crash has been followed by another one, or was acknowledged already.
    if (code === 'pullOutOfOrder' && this.#isRecovering) {
      const next = Number(details['nextNumber']);
      const isFollowed = next > (this.#number ?? 0) + 1;
      this.#number = isFollowed ? null : next;
      return this.#rest();
    }
    this.world.history.refusedPulls.push({ subscriber: this.#id, code, message });
    this.#crash();
    this.#rest();
  }

  #rest(): void {
    if (this.isDraining) this.#pull();
    else this.ended();
  }

  // ------------------------------------------------------------------------------------------------- cursors

  #acknowledge(): void {
    const { world } = this;
    const known = [...this.#places].flatMap(([name, { at, generation }]) => (at === null ? [] : [{ name, offset: at, generation }]));
    if (known.length === 0) return this.#pull();
    const positions = known.map(({ name, ...at }): AckPosition => ({ ...recordsAt(name), ...at }));
    for (const { name, offset } of known) {
      const place = this.#places.get(name) as Place;
      place.most = Math.max(place.most, offset);
    }
    const invoked = world.history.tick();
    this.call<Acked>(
      (service, answer) => service.ack({ subscriber: this.#id, positions }, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) {
          for (const { name, offset } of known) {
            const place = this.#places.get(name) as Place;
            place.least = Math.max(place.least, offset);
          }
          this.#see(outcome.value.cursors, invoked);
        }
        this.ended();
      },
    );
  }

  /** Where its cursors stand: nobody else moves them. */
  #look(): void {
    const invoked = this.world.history.tick();
    this.call<SubscriberDescription>(
      (service, answer) => service.describeSubscriber(this.#id, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) this.#see(outcome.value.cursors, invoked);
        this.ended();
      },
    );
  }

  #see(cursors: readonly CursorPosition[], invoked: number): void {
    const completed = this.world.history.tick();
    for (const { generation, offset, ...at } of cursors) {
      const topic = this.#nameOf(at);
      const place = this.#places.get(topic);
      if (place === undefined) continue;
      const { generation: known, least, most } = place;
      this.world.history.cursors.push({ subscriber: this.#id, topic, generation, known, offset, least, most, invoked, completed });
    }
  }

  /** To the beginning mostly, or the end; only where the cursor was not moved since, so that a late attempt does nothing. */
  #seek(topic: string): void {
    const place = this.#places.get(topic);
    const { random } = this;
    const to = { at: this.#lost === topic || random.chance(0.7) ? 'beginning' : 'end' } as const;
    const { partition = null, topic: sought } = recordsAt(topic);
    const common = { subscriber: this.#id, topic: sought, partition, to, preview: false };
    const request = place === undefined ? common : { ...common, generation: place.generation };
    this.call<Seeked>(
      (service, answer) => service.seek(request, answer),
      (outcome) => {
        if (outcome !== null && 'value' in outcome) {
          if (place !== undefined) for (const move of outcome.value.moves) this.#put(move);
          this.world.cluster.world.coverage.reach('cursor.seek');
          if (this.#lost === topic) this.#lost = null;
          return this.#goOn(false);
        }
        // An attempt without an answer has moved it.
        if (outcome !== null && outcome.error.code === 'staleGeneration' && outcome.isUncertain) return this.#findPlace(topic);
        // One that a pattern had taken up may have been deleted.
        if (outcome !== null && place !== undefined)
          this.world.history.refusedPulls.push({ subscriber: this.#id, code: outcome.error.code, message: outcome.error.message });
        // Whether an attempt is still on its way is not known: from now on it may be moved at any time.
        this.#places.delete(topic);
        if (this.#lost === topic) this.#lost = null;
        this.#rest();
      },
    );
  }

  #findPlace(topic: string): void {
    this.call<SubscriberDescription>(
      (service, answer) => service.describeSubscriber(this.#id, answer),
      (outcome) => {
        const cursor =
          outcome !== null && 'value' in outcome ? outcome.value.cursors.find((one) => this.#nameOf(one) === topic) : undefined;
        if (cursor !== undefined) {
          this.#put(cursor);
          if (this.#lost === topic) this.#lost = null;
        }
        this.#goOn(false);
      },
    );
  }
}
