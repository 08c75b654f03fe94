import {
  type AckPosition,
  type CancelSignal,
  LogError,
  type PulledPart,
  type PullRequest,
  type PullResult,
  sessionMsDefault,
} from '../eventlog/index.ts';
import type { Client } from './client.ts';

export interface PullsOptions extends Pick<PullRequest, 'subscriber' | 'topics' | 'freshness' | 'partial'> {
  /** Pulls as one of several that share the subscriber, taken for dead when it has not been heard of for `sessionMs`. */
  readonly worker?: string | undefined;
  readonly sessionMs?: number | undefined;
  /** Ends a pull that waits. */
  readonly cancel?: CancelSignal;
}

const bytesPerPull = 1024 * 1024;
const positionsPerAck = 1000;
/** A worker that ends does not wait longer for brokers that are gone. */
const leaveMs = 1_000;

/**
 * The pulls of a subscriber, one after another: each takes along what was processed since the one before, and in the end `acknowledge` has all of it on a
 * majority. Of a worker it keeps the session: `join` before the first pull, `keepAlive` while processing takes long, `leave` in the end.
 */
export class Pulls {
  readonly #client: Client;
  readonly #options: PullsOptions;
  /** All that is processed, by topic and partition, or by record where that came again, and not yet known to be acknowledged on a majority. */
  readonly #processed = new Map<string, AckPosition>();
  /** Of those, what no pull has taken along yet. */
  readonly #fresh = new Map<string, AckPosition>();
  /** What was on its way to a majority when a pull that took it along was answered, the latest first: lost where its broker was. It is taken along again. */
  #unsure = new Map<string, AckPosition>();
  /** When brokers have heard of it last. */
  #heardMs = 0;
  /** Of its worker, once that has joined. */
  #epoch: number | null = null;
  /** When `acknowledge` was called last, by `performance.now()`. */
  acknowledgedMs = 0;

  constructor(client: Client, options: PullsOptions) {
    this.#client = client;
    this.#options = options;
  }

  async join(): Promise<void> {
    const { subscriber, topics, worker, sessionMs } = this.#options;
    if (worker === undefined) return;
    const session = sessionMs === undefined ? {} : { sessionMs };
    this.#epoch = (await this.#client.subscriptions.heartbeat({ subscriber, worker, topics, ...session })).epoch;
  }

  /**
   * What is new, once what was processed is on its way. Null where the cursors were moved by somebody else, who decides where it goes on, or its worker was taken
   * for dead: it joins again with the next one. After a failure the next one takes the same along.
   */
  async next({ recordsMax, waitMs }: Pick<PullRequest, 'recordsMax' | 'waitMs'>): Promise<PullResult | null> {
    const { worker = null, sessionMs, cancel, ...options } = this.#options;
    this.#heardMs = performance.now();
    const fresh = [...this.#fresh].slice(0, positionsPerAck);
    const unsure = [...this.#unsure].filter(([place]) => !this.#fresh.has(place));
    const again = unsure.slice(Math.max(0, unsure.length + fresh.length - positionsPerAck));
    const acknowledged = [...again, ...fresh];
    try {
      const result = await this.#client.subscriptions.pull({
        ...options,
        mode: 'explicit',
        number: null,
        acknowledge: acknowledged.map(([, position]) => position),
        recordsMax,
        bytesMax: bytesPerPull,
        waitMs,
        worker,
        ...(sessionMs === undefined ? {} : { sessionMs }),
        ...(cancel === undefined ? {} : { cancel }),
      });
      for (const [place, position] of fresh) if (this.#fresh.get(place) === position) this.#fresh.delete(place);
      // A record that came again is told at once whether it was acknowledged.
      this.#unsure = new Map(result.acknowledged === 'leader' ? acknowledged.filter(([, { tries }]) => tries === undefined) : []);
      this.#epoch = result.share?.epoch ?? this.#epoch;
      return result;
    } catch (error) {
      if (!isMoved(error)) throw error;
      await this.acknowledge();
      return null;
    }
  }

  /** Of what was pulled, all below `offsetTo`, or the one record that came again. */
  processed({ topic, partition, generation, tries }: PulledPart, offsetTo: number): void {
    const position = { topic, partition, offset: offsetTo, generation, ...(tries === undefined ? {} : { tries }) };
    for (const places of [this.#processed, this.#fresh]) places.set(placeOf(position), position);
  }

  /** All that was processed of a partition was acknowledged otherwise. */
  passed(topic: string, partition: number): void {
    for (const places of [this.#processed, this.#fresh, this.#unsure]) places.delete(placeOf({ topic, partition, offset: 0 }));
  }

  /**
   * All that was processed, on a majority. False where cursors were moved meanwhile, by a seek or to another worker: what was pulled of those comes again there.
   */
  async acknowledge(): Promise<boolean> {
    const { subscriber } = this.#options;
    const positions = [...this.#processed];
    this.acknowledgedMs = performance.now();
    let isMine = true;
    for (let at = 0; at < positions.length; at += positionsPerAck) {
      const some = new Map(positions.slice(at, at + positionsPerAck));
      const { cursors } = await this.#client.subscriptions.ack({ subscriber, positions: [...some.values()], each: true });
      isMine &&= cursors.every(
        ({ topic, partition, offset, generation }) =>
          (some.get(placeOf({ topic, partition, offset }))?.generation ?? generation) === generation,
      );
    }
    this.#processed.clear();
    this.#fresh.clear();
    this.#unsure.clear();
    return isMine;
  }

  /** Where a quarter of the session is over. False where its worker was taken for dead: what was pulled comes again elsewhere. */
  async keepAlive(): Promise<boolean> {
    const { subscriber, worker, sessionMs = sessionMsDefault } = this.#options;
    if (worker === undefined || this.#epoch === null || performance.now() - this.#heardMs < sessionMs / 4) return true;
    this.#heardMs = performance.now();
    try {
      await this.#client.subscriptions.heartbeat({ subscriber, worker, epoch: this.#epoch });
      return true;
    } catch (error) {
      if (error instanceof LogError && error.code === 'unknownWorker') return false;
      throw error;
    }
  }

  /** So that the others need not wait for the end of its session; also where the client's own signal has ended it. */
  async leave(): Promise<void> {
    const { subscriber, worker } = this.#options;
    if (worker === undefined || this.#epoch === null) return;
    const leaving = this.#client.withSignal(AbortSignal.timeout(leaveMs));
    try {
      await leaving.subscriptions.leave({ subscriber, worker, epoch: this.#epoch });
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
    }
  }
}

/** Whether cursors were moved by somebody else, or the worker is not one of its subscriber's any more. */
export const isMoved = (error: unknown): boolean =>
  error instanceof LogError && (error.code === 'staleGeneration' || error.code === 'unknownWorker');

/** Of what came again each record has a place of its own. */
const placeOf = ({ topic, partition = 0, offset, tries }: AckPosition): string =>
  tries === undefined ? `${topic}/${partition}` : `${topic}/${partition}/${offset}`;
