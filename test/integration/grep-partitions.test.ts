// Topics of more partitions than a broker makes searches of at once, as `cairn grep` searches them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { promised } from '../../src/eventlog/index.ts';
import { RecordBatchBuilder } from '../../src/record/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { followGrep, runGrep } from '../support/grep-rig.ts';
import { type MemoryBroker, startMemoryBroker } from '../support/memory-broker.ts';

const partitions = 100;
const recordsEach = 60;
const firstMs = Date.UTC(2026, 10, 30, 4);
/** So long that a partition's records are several pieces of an answer. */
const filling = 'x'.repeat(2000);

let broker: MemoryBroker;

async function append(topic: string, partition: number, records: readonly (readonly [value: string, timeMs: number])[]): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (const [value, timeMs] of records) builder.add(timeMs, null, Buffer.from(value));
  const request = { topic, partition, level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  await promised((answer) => broker.memory.append({ ...request, batch: builder.finish(systemBytes) }, answer));
}

beforeAll(async () => {
  broker = await startMemoryBroker();
  await broker.log.createTopic('wide', { retentionBytes: null, partitions });
  for (let partition = 0; partition < partitions; partition++) {
    // In turn: the next line of all is always in another partition.
    const records = Array.from({ length: recordsEach }, (_, index) => {
      const number = index * partitions + partition;
      return [`hit ${number} ${filling}`, firstMs + number] as const;
    });
    await append('wide', partition, records);
  }
});
afterAll(() => broker.close());

const on = (): readonly string[] => ['--on', broker.url];
const numbersOf = (text: string): number[] => [...text.matchAll(/hit (\d+) /g)].map(([, digits]) => Number(digits));
const all = Array.from({ length: partitions * recordsEach }, (_, number) => number);
/** In few words: many numbers that differ are unreadable. */
const compared = (found: readonly number[]): string =>
  found.length === all.length && found.every((number, index) => number === index)
    ? 'all in order'
    : `${found.length}: ${found.slice(0, 20).join()}`;

test('put in order of time, every line of each is there once and counted once', async () => {
  const { stdout, stderr, status } = await runGrep(['-h', '--merge', 'hit', '--topic', 'wide', ...on()]);

  expect(compared(numbersOf(stdout.toString()))).toBe('all in order');
  expect(status).toBe(0);
  expect(stderr).toContain(`total: ${all.length} lines on 1 machine\n`);
  for (const partition of [0, 99]) expect(stderr).toContain(`topic wide partition ${partition}, offsets 0 to ${recordsEach - 1}\n`);
});

test('where no record is of the time that is asked for that is said, and nothing of the end', async () => {
  const { stderr, status } = await runGrep(['hit', '--topic', 'wide', '--until', '2026-11-29T00:00:00Z', ...on()]);

  expect(stderr).toContain('topic wide partition 0, no record of that time\n');
  expect(stderr).not.toContain('the next gets');
  expect(status).toBe(1);
});

test('with -m each gives as many as it may, however often it is put off', async () => {
  const { stdout, status } = await runGrep(['-h', '-m', '50', '--merge', 'hit', '--topic', 'wide', ...on()]);

  expect(numbersOf(stdout.toString())).toEqual(all.slice(0, 50 * partitions));
  expect(status).toBe(0);
});

test('one behind the other they are searched whole too, by several at once', async () => {
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => runGrep(['-c', '-h', 'hit', '--topic', 'wide', ...on()])));

  for (const { stdout, status } of answers) {
    expect(status).toBe(0);
    expect(stdout.toString()).toBe(`${recordsEach}\n`.repeat(partitions));
  }
});

test('all are followed', async () => {
  const interrupt = new AbortController();
  const followed = followGrep(['-h', '--window', '0.2', 'new', '--topic', 'wide', '--since', '1h', ...on()], interrupt.signal);

  for (const partition of [0, 63, 64, 99]) await append('wide', partition, [[`new in ${partition}`, Date.now()]]);

  for (const partition of [0, 63, 64, 99]) await followed.until(`new in ${partition}\n`);
  interrupt.abort();
  expect(await followed.status).toBe(130);
  expect(followed.said()).not.toContain('refuse');
});
