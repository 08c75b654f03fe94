import { type TopicAdmin, type TopicDescription, LogError } from '../../eventlog/index.ts';

const againMs = 250;
const toldEveryMs = 10_000;

export interface MakeTopicEvents {
  created(): void;
  /** It is there, made now or before; how many partitions it has had, the last is how many it has. */
  there(partitions: readonly number[]): void;
  /** Not now; it is tried again. Told at once, then every ten seconds. */
  delayed(error: LogError): void;
  /** Not before somebody does something about it. It is not tried again; where this is left out, it is, every ten seconds. */
  failed?(error: LogError): void;
}

/** Makes the topic unless it is there. Lines wait meanwhile: whoever takes them is of use before its brokers are all there. */
export async function makeTopic(log: TopicAdmin, name: string, events: MakeTopicEvents): Promise<void> {
  let toldMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    try {
      const { topics } = await log.listTopics({ prefix: name, after: '', limit: 1 });
      const known = topics.find((each) => each.name === name);
      if (known !== undefined) return events.there(partitionsOf(known));
      await log.createTopic(name, { retentionBytes: null });
      events.created();
      return events.there([1]);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      // Somebody was quicker: what it is like is asked next.
      const isOver = !error.retriable && error.code !== 'topicExists';
      if (isOver && events.failed !== undefined) return events.failed(error);
      const nowMs = performance.now();
      if (nowMs - toldMs >= toldEveryMs) {
        toldMs = nowMs;
        events.delayed(error);
      }
      await new Promise((resolve) => setTimeout(resolve, isOver ? toldEveryMs : againMs));
    }
  }
}

const partitionsOf = ({ settings: { partitionsBefore = [], partitions = 1 } }: TopicDescription): readonly number[] => [
  ...partitionsBefore,
  partitions,
];
