import { afterAll } from 'vitest';
import { CairnClient } from '../../src/library/index.ts';
import { type MemoryBroker, startMemoryBroker } from './memory-broker.ts';

export interface Library {
  readonly client: CairnClient;
  readonly broker: MemoryBroker;
  /** Makes a topic that no other test has. */
  freshTopic(partitions?: number): Promise<string>;
}

/** A client at a broker in memory, for the tests of the file that asks for it. */
export async function startLibrary(): Promise<Library> {
  const broker = await startMemoryBroker();
  const client = new CairnClient({ servers: [broker.url] });
  afterAll(async () => {
    await client.close();
    await broker.close();
  });
  let topics = 0;
  const freshTopic = async (partitions = 1): Promise<string> => {
    const topic = `topic-${++topics}`;
    await client.topics.create(topic, { partitions });
    return topic;
  };
  return { client, broker, freshTopic };
}
