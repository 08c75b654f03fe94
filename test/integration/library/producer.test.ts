import { describe, expect, test } from 'vitest';
import { CairnClient, type LogRecord } from '../../../src/library/index.ts';
import { startLibrary } from '../../support/library.ts';

const { client, broker, freshTopic } = await startLibrary();

async function readAll(topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of client.read(topic)) records.push(record);
  return records;
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `r${index}`);

describe('a producer', () => {
  test('appends all it takes once and in order, and what came together goes together', async () => {
    const topic = await freshTopic();
    const producer = client.producer(topic);

    for (const text of numbered(40_000)) await producer.append(text);
    await producer.flush();

    expect(producer.acknowledged).toBe(40_000);
    expect((await readAll(topic)).map((record) => record.text())).toEqual(numbered(40_000));
    await producer.close();
  });

  test('sends one record at once, without waiting for more', async () => {
    const topic = await freshTopic();
    const producer = client.producer(topic);
    const records = client.follow(topic);

    void producer.append('alone');

    expect(((await records.next()).value as LogRecord).text()).toBe('alone');
    await records.return();
    await producer.close();
  });

  test('keeps the order of each key among partitions, those that are added included', async () => {
    const topic = await freshTopic(4);
    const producer = client.producer(topic);

    for (let index = 0; index < 4000; index++) await producer.append({ key: `k${index % 20}`, value: String(index) });
    await producer.append('without a key');
    await producer.close();

    const records = await readAll(topic);
    expect(records).toHaveLength(4001);
    expect(new Set(records.map(({ partition }) => partition)).size).toBeGreaterThan(2);
    for (let key = 0; key < 20; key++) {
      const own = records.filter((record) => record.keyText() === `k${key}`);
      expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
      expect(own.map((record) => Number(record.text()))).toEqual(Array.from({ length: own.length }, (_, index) => key + 20 * index));
    }
  });

  test('says when there is no room, and refuses who does not listen', async () => {
    const topic = await freshTopic();
    const producer = client.producer(topic, { bufferBytes: 1000 });

    const first = producer.append('x'.repeat(500));
    const second = producer.append('x'.repeat(1600));

    expect(first).toBeUndefined();
    expect(second).toBeInstanceOf(Promise);
    expect(() => producer.append('y')).toThrow(expect.objectContaining({ code: 'overloaded', retriable: true }) as Error);
    await second;
    expect(producer.bufferedBytes).toBeLessThan(1000);
    await producer.append('y');
    await producer.close();
    expect(await readAll(topic)).toHaveLength(3);
  });

  test('says so of a record that is larger than all of its room, and refuses nobody who listens', async () => {
    const topic = await freshTopic();
    const producer = client.producer(topic, { bufferBytes: 1000 });

    const first = producer.append('x'.repeat(3000));

    expect(first).toBeInstanceOf(Promise);
    await first;
    await producer.append('y');
    await producer.close();
    expect(await readAll(topic)).toHaveLength(2);
  });

  test('fails with what became of a batch, and takes nothing more', async () => {
    const producer = client.producer('missing');
    void producer.append('x');

    await expect(producer.flush()).rejects.toMatchObject({ code: 'unknownTopic', definite: true });

    expect(() => producer.append('y')).toThrow(expect.objectContaining({ code: 'unknownTopic' }) as Error);
    await expect(producer.close()).rejects.toMatchObject({ code: 'unknownTopic' });
  });

  test('passes over a record that is none, and goes on', async () => {
    const topic = await freshTopic();
    const producer = client.producer(topic);

    void producer.append('a');
    expect(() => producer.append(7 as unknown as string)).toThrow(expect.objectContaining({ code: 'invalidRequest' }) as Error);
    void producer.append('b');
    await producer.close();

    expect((await readAll(topic)).map((record) => record.text())).toEqual(['a', 'b']);
  });

  test('is finished by the client that is closed, and refuses then', async () => {
    const own = new CairnClient({ servers: [broker.url] });
    const topic = await freshTopic();
    const producer = own.producer(topic);
    void producer.append('x');

    await own.close();

    expect(await readAll(topic)).toHaveLength(1);
    expect(() => producer.append('y')).toThrow(expect.objectContaining({ code: 'clientClosed' }) as Error);
    expect(() => own.producer(topic)).toThrow(expect.objectContaining({ code: 'clientClosed' }) as Error);
  });

  test('ends by its signal', async () => {
    const ending = new AbortController();
    const producer = client.producer(await freshTopic(), { signal: ending.signal });
    void producer.append('x');

    ending.abort();

    await expect(producer.flush()).rejects.toMatchObject({ code: 'interrupted' });
  });
});
