import { type EventLog, LogError } from '../../eventlog/index.ts';

const againMs = 250;

export interface MakeTopicEvents {
  created(): void;
  /** Not now; it is tried again. */
  delayed(error: LogError): void;
  /** Never. */
  failed(error: LogError): void;
}

/** Makes the topic unless it is there. Lines wait meanwhile: whoever takes them is of use before its brokers are all there. */
export async function makeTopic(log: EventLog, name: string, events: MakeTopicEvents): Promise<void> {
  for (;;) {
    try {
      const topics = await log.listTopics();
      if (topics.some((each) => each.name === name)) return;
      await log.createTopic(name, { retentionBytes: null });
      return events.created();
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      if (error.code === 'topicExists') return;
      if (!error.retriable) return events.failed(error);
      events.delayed(error);
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }
}
