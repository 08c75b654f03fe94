import { type TopicAdmin, LogError } from '../../eventlog/index.ts';

const againMs = 250;
const toldEveryMs = 10_000;

export interface MakeTopicEvents {
  created(): void;
  /** It is there, made now or before. */
  there(): void;
  /** Not now; it is tried again. Told at once, then every ten seconds. */
  delayed(error: LogError): void;
  /** Never. */
  failed(error: LogError): void;
}

/** Makes the topic unless it is there. Lines wait meanwhile: whoever takes them is of use before its brokers are all there. */
export async function makeTopic(log: TopicAdmin, name: string, events: MakeTopicEvents): Promise<void> {
  let toldMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    try {
      const { topics } = await log.listTopics({ prefix: name, after: '', limit: 1 });
      if (topics.some((each) => each.name === name)) return events.there();
      await log.createTopic(name, { retentionBytes: null });
      events.created();
      return events.there();
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      if (error.code === 'topicExists') return events.there();
      if (!error.retriable) return events.failed(error);
      const nowMs = performance.now();
      if (nowMs - toldMs >= toldEveryMs) {
        toldMs = nowMs;
        events.delayed(error);
      }
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }
}
