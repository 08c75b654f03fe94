import { type TopicAdmin, type TopicDescription, LogError } from '../../eventlog/index.ts';

const againMs = 250;
const toldEveryMs = 10_000;
/** How often it is looked whether the topic has got more partitions. */
export const lookEveryMs = 5_000;

export interface CollectedTopicEvents {
  created(): void;
  /** It is there, made now or before, or has other partitions than before: how many it has had, the last is how many it has. */
  there(partitions: readonly number[]): void;
  /** Not now; it is tried again. Told at once, then every ten seconds. */
  delayed(error: LogError): void;
  /** Not before somebody does something about it. It is not tried again; where this is left out, it is, every ten seconds. */
  failed?(error: LogError): void;
}

/** The topic that lines are collected into: made where it is not there, and looked at every five seconds, since partitions may be added to it. */
export class CollectedTopic {
  readonly #log: TopicAdmin;
  readonly #name: string;
  readonly #events: CollectedTopicEvents;
  #partitions: readonly number[] = [];
  #isMaking = false;
  #isLooking = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(log: TopicAdmin, name: string, events: CollectedTopicEvents) {
    this.#log = log;
    this.#name = name;
    this.#events = events;
  }

  /** Makes it unless it is there, at once or whenever that can be done. Lines wait meanwhile: whoever takes them is of use before its brokers are all there. */
  async make(): Promise<void> {
    if (this.#isMaking) return;
    this.#isMaking = true;
    try {
      await this.#makeNow();
    } finally {
      this.#isMaking = false;
    }
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #makeNow(): Promise<void> {
    let toldMs = Number.NEGATIVE_INFINITY;
    while (!this.#isClosed) {
      try {
        const known = await this.#find();
        if (known !== null) return this.#tell(known);
        await this.#log.createTopic(this.#name, { retentionBytes: null });
        this.#events.created();
        return this.#tell([1]);
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        // Somebody was quicker: what it is like is asked next.
        const isOver = !error.retriable && error.code !== 'topicExists';
        if (isOver && this.#events.failed !== undefined) return this.#events.failed(error);
        const nowMs = performance.now();
        if (nowMs - toldMs >= toldEveryMs) {
          toldMs = nowMs;
          this.#events.delayed(error);
        }
        await new Promise((resolve) => setTimeout(resolve, isOver ? toldEveryMs : againMs));
      }
    }
  }

  #tell(partitions: readonly number[]): void {
    if (this.#isClosed) return;
    this.#partitions = partitions;
    this.#events.there(partitions);
    this.#timer ??= setInterval(() => void this.#look(), lookEveryMs).unref();
  }

  /** Whoever appends finds out by himself that it is gone. */
  async #look(): Promise<void> {
    if (this.#isMaking || this.#isLooking) return;
    this.#isLooking = true;
    try {
      const found = await this.#find();
      if (found !== null && !this.#isMaking && found.join() !== this.#partitions.join()) this.#tell(found);
    } catch (error) {
      // It is looked again.
      if (!(error instanceof LogError)) throw error;
    } finally {
      this.#isLooking = false;
    }
  }

  async #find(): Promise<readonly number[] | null> {
    const { topics } = await this.#log.listTopics({ prefix: this.#name, after: '', limit: 1 });
    const known = topics.find((each) => each.name === this.#name);
    return known === undefined ? null : partitionsOf(known);
  }
}

const partitionsOf = ({ settings: { partitionsBefore = [], partitions = 1 } }: TopicDescription): readonly number[] => [
  ...partitionsBefore,
  partitions,
];
