import { describe, expect, test } from 'vitest';
import {
  type AppendRequest,
  LogError,
  promised,
  type RecordService,
  type TopicDescription,
  withPromises,
} from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { type Divided, DividedAppends, failureOf } from '../../../src/partitions/index.ts';
import { partitionOfKey } from '../../../src/placement/index.ts';
import { forEachRecord, RecordBatchBuilder } from '../../../src/record/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { testClock } from '../../support/clock.ts';

const utf8 = (text: string): Uint8Array => systemBytes.utf8Encode(text);
const usual = { topic: 't', level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;

function batchOf(...records: readonly (readonly [key: string | null, value: string])[]): Uint8Array {
  const builder = new RecordBatchBuilder();
  for (const [key, value] of records) builder.add(1_700_000_000_000, key === null ? null : utf8(key), utf8(value));
  return builder.finish(systemBytes);
}

interface Rig {
  readonly memory: MemoryLog;
  append(request: Omit<Partial<AppendRequest>, 'batch'> & { readonly batch: Uint8Array }): Promise<Divided>;
  /** Of each partition. */
  values(): Promise<readonly (readonly string[])[]>;
}

async function open(
  partitions: number,
  through: (memory: MemoryLog) => Pick<RecordService, 'append' | 'nextSequence'> = (memory) => memory,
): Promise<Rig> {
  const memory = new MemoryLog({ clock: testClock(), bytes: systemBytes });
  await promised<TopicDescription>((answer) => memory.createTopic('t', { retentionBytes: null, partitions }, answer));
  const appends = new DividedAppends({
    log: through(memory),
    bytes: systemBytes,
    partitionsOf: (topic) => memory.partitionsOf(topic),
    whenPartitionsKnown: (topic, timeoutMs, answer) => memory.whenPartitionsKnown(topic, timeoutMs, answer),
  });
  return {
    memory,
    append: (request) => new Promise((resolve) => appends.append({ ...usual, ...request }, resolve)),
    values: async () => {
      const log = withPromises(memory);
      const { partitions: all = [null] } = await log.describeTopic('t');
      return Promise.all(
        all.map(async (_, partition) => {
          const read = {
            topic: 't',
            partition,
            offsetFrom: 0,
            sinceMs: null,
            bytesMax: 1e6,
            freshness: 'local',
            sessionOffset: 0,
            waitMs: 0,
          } as const;
          const values: string[] = [];
          for (const batch of (await log.read(read)).batches)
            forEachRecord(batch, (record) => void values.push(systemBytes.utf8Decode(record.value() ?? new Uint8Array(0))));
          return values;
        }),
      );
    },
  };
}

/** Keys of partitions 0, 1, 2, 3 of four. */
const keys = [0, 1, 2, 3].map((wanted) => {
  for (let number = 0; ; number++) if (partitionOfKey(utf8(`k${number}`), 4) === wanted) return `k${number}`;
});
const [key0, key1, key2] = keys as [string, string, string, string];

describe('records for a topic of several partitions', () => {
  test('go where their keys belong, and the answer has an entry for each', async () => {
    const rig = await open(4);

    const divided = await rig.append({ batch: batchOf([key2, 'a'], [key0, 'b'], [key2, 'c']) });

    expect(await rig.values()).toEqual([['b'], [], ['a', 'c'], []]);
    expect(divided).toMatchObject({
      kind: 'several',
      count: 4,
      parts: [
        { partition: 0, outcome: { ok: true, value: { partition: 0, count: 1 } } },
        { partition: 2, outcome: { ok: true, value: { partition: 2, count: 2 } } },
      ],
    });
  });

  test('go round without a key, a batch to each partition in turn', async () => {
    const rig = await open(3);

    for (const value of ['a', 'b', 'c', 'd']) await rig.append({ batch: batchOf([null, value], [null, value]) });

    expect(await rig.values()).toEqual([
      ['a', 'a', 'd', 'd'],
      ['b', 'b'],
      ['c', 'c'],
    ]);
  });

  test('with a request id are in the topic once, however often they are sent', async () => {
    const rig = await open(4);
    const request = { batch: batchOf([key0, 'a'], [null, 'b'], [key1, 'c']), requestId: 'r' };

    await rig.append(request);
    const again = await rig.append(request);

    expect((await rig.values()).flat().toSorted()).toEqual(['a', 'b', 'c']);
    expect(again.kind === 'several' && again.parts.every(({ outcome }) => outcome.ok && outcome.value.duplicate)).toBe(true);
  });

  test('that were done in part are completed by the same request id', async () => {
    let isFailing = true;
    const rig = await open(4, (memory) => ({
      nextSequence: (request, answer) => memory.nextSequence(request, answer),
      append: (request, answer) => {
        if (request.partition !== 1 || !isFailing) return memory.append(request, answer);
        memory.append({ ...request, partition: 1 }, () =>
          answer({ ok: false, error: new LogError('timeout', 'Cannot append: no answer') }),
        );
      },
    }));
    const request = { batch: batchOf([key0, 'a'], [key1, 'b']), requestId: 'r' };

    const first = await rig.append(request);
    isFailing = false;
    const second = await rig.append(request);

    expect(first.kind === 'several' && failureOf('t', first.parts)).toMatchObject({
      code: 'partlyAppended',
      definite: false,
      retriable: true,
      message: expect.stringContaining('partition 1 did not take theirs'),
    });
    expect(second.kind === 'several' && failureOf('t', second.parts)).toBeNull();
    expect(await rig.values()).toEqual([['a'], ['b'], [], []]);
  });

  test.each([
    ['an expected offset', { expectedOffset: 0 }],
    ['a sequence', { requestId: 'r', sequence: 4 }],
    ['a session', { requestId: 'r', isSession: true }],
  ])('are refused with %s, and none of them is appended', async (_what, more) => {
    const rig = await open(2);

    const divided = await rig.append({ batch: batchOf([null, 'a']), ...more });

    expect(divided).toMatchObject({ kind: 'one', outcome: { ok: false, error: { code: 'partitionNeeded' } } });
    expect(await rig.values()).toEqual([[], []]);
  });

  test('are appended as ever where it has one', async () => {
    const rig = await open(1);

    const divided = await rig.append({ batch: batchOf([key0, 'a'], [key1, 'b']), expectedOffset: 0 });

    expect(divided).toMatchObject({ kind: 'one', count: 1, outcome: { ok: true, value: { partition: 0, offset: 0, count: 2 } } });
  });

  test('of a topic that was not known are divided once it is', async () => {
    const memory = new MemoryLog({ clock: testClock(), bytes: systemBytes });
    await promised<TopicDescription>((answer) => memory.createTopic('t', { retentionBytes: null, partitions: 4 }, answer));
    let isKnown = false;
    const appends = new DividedAppends({
      log: {
        nextSequence: (request, answer) => memory.nextSequence(request, answer),
        append: (request, answer) => {
          isKnown = true;
          memory.append(request, answer);
        },
      },
      bytes: systemBytes,
      partitionsOf: (topic) => (isKnown ? memory.partitionsOf(topic) : null),
      whenPartitionsKnown: (topic, timeoutMs, answer) => memory.whenPartitionsKnown(topic, timeoutMs, answer),
    });

    const divided = await new Promise<Divided>((resolve) =>
      appends.append({ ...usual, batch: batchOf([key0, 'a'], [key1, 'b']) }, resolve),
    );

    expect(divided).toMatchObject({ kind: 'several', parts: [{ partition: 0 }, { partition: 1 }] });
  });
});

describe('a request that is sent again when partitions were added meanwhile', () => {
  const request = { batch: batchOf(...keys.map((key, index) => [key, `v${index}`] as const), [null, 'keyless']), requestId: 'r' };

  test.each([
    [1, [4]],
    [2, [4]],
    [2, [4, 8]],
    [4, [256]],
  ])('is not appended twice: begun with %i, then %j', async (partitions, later) => {
    const rig = await open(partitions);
    await rig.append(request);
    const log = withPromises(rig.memory);
    for (const count of later) await log.alterTopic('t', { partitions: count });

    const again = await rig.append(request);

    expect((await rig.values()).flat().toSorted()).toEqual(['keyless', 'v0', 'v1', 'v2', 'v3']);
    const outcomes = again.kind === 'one' ? [again.outcome] : again.parts.map(({ outcome }) => outcome);
    expect(outcomes.every((outcome) => outcome.ok && outcome.value.duplicate)).toBe(true);
  });

  test('is divided as the topic is now where it is new, and then is not appended twice either', async () => {
    const rig = await open(1);
    await withPromises(rig.memory).alterTopic('t', { partitions: 4 });

    await rig.append(request);
    await withPromises(rig.memory).alterTopic('t', { partitions: 6 });
    await rig.append(request);

    const values = await rig.values();
    expect(values.flat().toSorted()).toEqual(['keyless', 'v0', 'v1', 'v2', 'v3']);
    for (const index of [0, 1, 2, 3]) expect(values[index]).toContain(`v${index}`);
  });

  test('is not taken for one of another id that looks like its own of later', async () => {
    const rig = await open(1);
    await withPromises(rig.memory).alterTopic('t', { partitions: 2 });

    await rig.append({ batch: batchOf(['k', 'of the job']), requestId: 'job' });
    const other = await rig.append({ batch: batchOf(['k', 'of another']), requestId: 'job#1' });

    expect(other).toMatchObject({ kind: 'one', outcome: { ok: true, value: { duplicate: false } } });
    expect((await rig.values()).flat().toSorted()).toEqual(['of another', 'of the job']);
  });
});
