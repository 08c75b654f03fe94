import { describe, expect, test } from 'vitest';
import { CairnClient, type LogRecord, type SubscribeOptions } from '../../../src/library/index.ts';
import { startLibrary } from '../../support/library.ts';

const { client, freshTopic: makeTopic } = await startLibrary();

async function freshTopic(partitions = 1): Promise<{ readonly topic: string; readonly subscriber: string }> {
  const topic = await makeTopic(partitions);
  return { topic, subscriber: `subscriber-of-${topic}` };
}

/** Ends the subscription behind so many records. */
async function take(subscriber: string, topics: string | readonly string[], count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const ending = new AbortController();
  const subscription = client.subscribe(
    subscriber,
    topics,
    (record) => {
      records.push(record);
      if (records.length === count) ending.abort();
    },
    { signal: ending.signal },
  );
  await subscription.done;
  return records;
}

const textsOf = (records: readonly LogRecord[]): string[] => records.map((record) => record.text());

describe('a subscription', () => {
  test('hands each record to the handler once, and the next one goes on behind it', async () => {
    const { topic, subscriber } = await freshTopic();
    await client.append(topic, ['a', 'b', 'c', 'd']);

    const first = await take(subscriber, topic, 2);
    const second = await take(subscriber, topic, 2);

    expect([textsOf(first), textsOf(second)]).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  test('waits for the handler before it hands over the next one, and drains when it is closed', async () => {
    const { topic, subscriber } = await freshTopic();
    await client.append(topic, ['a', 'b']);
    let underWay = 0;
    const done: string[] = [];
    let begun = (): void => undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const subscription = client.subscribe(subscriber, topic, async (record) => {
      expect(++underWay).toBe(1);
      begun();
      await new Promise((resolve) => setTimeout(resolve, 20));
      underWay--;
      done.push(record.text());
    });

    await hasBegun;
    await subscription.close();

    expect(done).toEqual(['a']);
    expect(textsOf(await take(subscriber, topic, 1))).toEqual(['b']);
  });

  /** Fails `bad` so often; ends behind so many calls. */
  async function failing(failures: number, calls: number, options: SubscribeOptions = {}) {
    const { topic, subscriber } = await freshTopic();
    await client.append(topic, ['a', 'bad', 'c']);
    const given: string[] = [];
    const failed: (number | null)[] = [];
    const ending = new AbortController();
    const subscription = client.subscribe(
      subscriber,
      topic,
      (record, tries) => {
        given.push(`${record.text()} ${tries}`);
        if (given.length === calls) ending.abort();
        if (record.text() === 'bad' && tries < failures) throw new Error('cannot do that');
      },
      { signal: ending.signal, onFailure: ({ tries, againAt }) => void failed.push(againAt === null ? null : tries), ...options },
    );
    const ended = await subscription.done.then(
      () => null,
      (error: unknown) => error,
    );
    const described = await client.batches.subscriptions.describeSubscriber(subscriber);
    const parked = await client.batches.subscriptions.listParked({ subscriber, topic: null, after: -1, limit: 9 });
    return { topic, subscriber, given, failed, ended, described, parked };
  }

  test('gives a record again for which its handler throws, and the others meanwhile', async () => {
    const { given, failed, ended, described } = await failing(2, 5);

    expect([given, failed, ended]).toEqual([['a 0', 'bad 0', 'c 0', 'bad 1', 'bad 2'], [1, 2], null]);
    expect(described.cursors).toMatchObject([{ offset: 3, retries: 0 }]);
  });

  test('waits for it where its order matters', async () => {
    const { given } = await failing(2, 5, { ordered: true });

    expect(given).toEqual(['a 0', 'bad 0', 'bad 1', 'bad 2', 'c 0']);
  });

  test('goes on without a record that has failed too often, which is parked with its error', async () => {
    const { given, failed, parked, described } = await failing(99, 6);

    expect(given).toEqual(['a 0', 'bad 0', 'c 0', 'bad 1', 'bad 2', 'bad 3']);
    expect(failed).toEqual([1, 2, 3, null]);
    await expect.poll(() => client.batches.subscriptions.describeSubscriber(described.id)).toMatchObject({ parked: 1 });
    const { parked: now } = await client.batches.subscriptions.listParked({ subscriber: described.id, topic: null, after: -1, limit: 9 });
    expect([parked.count <= 1, now]).toMatchObject([true, [{ offset: 1, tries: 4, reason: 'Error: cannot do that' }]]);
  });

  test('ends where whoever is told of a failure throws, and what was not processed comes again', async () => {
    const wrong = new Error('that is enough');
    const onFailure = (): never => {
      throw wrong;
    };
    const { given, ended, subscriber, topic } = await failing(1, 99, { onFailure });

    expect([given, ended]).toEqual([['a 0', 'bad 0'], wrong]);
    expect(textsOf(await take(subscriber, topic, 2)).toSorted()).toEqual(['bad', 'c']);
  });

  test('takes up what comes, in all partitions and in topics of a pattern', async () => {
    const { topic, subscriber } = await freshTopic(3);
    const records = take(subscriber, `${topic}*`, 7);
    for (let index = 0; index < 6; index++) await client.append(topic, { key: `k${index}`, value: `r${index}` });
    await client.topics.create(`${topic}-later`);
    await client.append(`${topic}-later`, 'r6');

    expect(textsOf(await records).toSorted()).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6']);
  });

  test('begins where it is told, once', async () => {
    const { topic, subscriber } = await freshTopic();
    await client.append(topic, ['a', 'b', 'c']);
    const given: string[] = [];
    const ending = new AbortController();

    const subscription = client.subscribe(
      subscriber,
      [topic],
      (record) => {
        given.push(record.text());
        ending.abort();
      },
      { from: 2, signal: ending.signal },
    );
    await subscription.done;

    expect(given).toEqual(['c']);
  });

  test('goes on where somebody has put the cursor meanwhile', async () => {
    const { topic, subscriber } = await freshTopic();
    await client.append(topic, ['a', 'b']);
    const given: string[] = [];
    const ending = new AbortController();

    const subscription = client.subscribe(
      subscriber,
      topic,
      async (record): Promise<void> => {
        given.push(record.text());
        if (given.length === 2)
          await client.batches.subscriptions.seek({ subscriber, topic, partition: null, to: { at: 'beginning' }, preview: false });
        if (given.length === 4) ending.abort();
      },
      { signal: ending.signal },
    );
    await subscription.done;

    expect(given).toEqual(['a', 'b', 'a', 'b']);
  });

  test('tells of a topic that cannot be read and goes on with the others, however quiet they are', async () => {
    const { topic: gone, subscriber } = await freshTopic();
    const { topic: quiet } = await freshTopic();
    const problems: string[] = [];
    const given: string[] = [];
    let told = (): void => undefined;
    const isTold = new Promise<void>((resolve) => (told = resolve));
    const ending = new AbortController();
    const subscription = client.subscribe(
      subscriber,
      [gone, quiet],
      (record) => {
        given.push(record.text());
        ending.abort();
      },
      {
        signal: ending.signal,
        onProblem: ({ topic, code }) => {
          problems.push(`${topic}: ${code}`);
          told();
        },
      },
    );
    await expect.poll(async () => (await client.batches.subscriptions.describeSubscriber(subscriber)).cursors.length).toBe(2);

    await client.topics.delete(gone);
    await Promise.race([isTold, subscription.done]);
    await client.append(quiet, 'still given');
    await subscription.done;

    expect([new Set(problems), given]).toEqual([new Set([`${gone}: unknownTopic`]), ['still given']]);
  });

  test('of a worker that was taken for dead while it waited joins again, and leaves as the one that it is then', async () => {
    const { topic, subscriber } = await freshTopic();
    const given: string[] = [];
    const subscription = client.subscribe(subscriber, topic, (record) => void given.push(record.text()), { worker: 'w' });
    const { subscriptions } = client.batches;
    const epochNow = async () => (await subscriptions.describeSubscriber(subscriber)).workers[0]?.epoch ?? 0;
    await expect.poll(() => epochNow().catch(() => 0)).toBeGreaterThan(0);
    const epoch = await epochNow();
    await subscriptions.leave({ subscriber, worker: 'w', epoch });
    await client.append(topic, 'a');
    await expect.poll(() => given).toEqual(['a']);
    expect(await epochNow()).toBeGreaterThan(epoch);

    await subscription.close();

    expect(await epochNow()).toBe(0);
  });

  test('to a topic that is not there fails', async () => {
    await expect(client.subscribe('nobody', 'missing', () => undefined).done).rejects.toMatchObject({ code: 'unknownTopic' });
  });

  test.each([
    ['', 'log', (): number => 1, 'the subscriber is ""'],
    ['s', [], (): number => 1, '0 topics'],
    ['s', 'a b', (): number => 1, 'neither a topic nor a pattern'],
    ['s', 'log', 'x', 'the handler is "x"'],
  ])('refuses %j %j %o', (subscriber, topics, handler, reason) => {
    expect(() => client.subscribe(subscriber, topics, handler as () => number)).toThrow(reason);
  });
});

describe('workers', () => {
  test('share the partitions of a subscriber, and one that ends leaves its own to the others', async () => {
    const { topic, subscriber } = await freshTopic(4);
    const given: Record<string, string[]> = { one: [], two: [] };
    let wanted = Number.POSITIVE_INFINITY;
    const ending = new AbortController();
    const work = (worker: string): ReturnType<CairnClient['subscribe']> =>
      client.subscribe(
        subscriber,
        topic,
        (record) => {
          given[worker]?.push(record.text());
          if ((given['one']?.length ?? 0) + (given['two']?.length ?? 0) === wanted) ending.abort();
        },
        { worker, sessionMs: 5000, signal: ending.signal },
      );
    const [one, two] = [work('one'), work('two')];
    const holds = async (): Promise<number[]> =>
      (await client.batches.subscriptions.describeSubscriber(subscriber)).workers.map((worker) => worker.holds);

    await expect.poll(holds, { timeout: 30_000 }).toEqual([2, 2]);
    for (let index = 0; index < 20; index++) await client.append(topic, { key: `k${index}`, value: `r${index}` });
    await expect.poll(() => [...(given['one'] ?? []), ...(given['two'] ?? [])].length, { timeout: 30_000 }).toBe(20);
    await one.close();
    wanted = 40;
    for (let index = 20; index < 40; index++) await client.append(topic, { key: `k${index}`, value: `r${index}` });
    await two.done;

    expect([...(given['one'] ?? []), ...(given['two'] ?? [])].toSorted()).toEqual(
      Array.from({ length: 40 }, (_, index) => `r${index}`).toSorted(),
    );
    expect(given['one']?.length).toBeGreaterThan(0);
    expect(given['two']?.length).toBeGreaterThan(20);
  });
});
