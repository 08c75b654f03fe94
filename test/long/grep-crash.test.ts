// A topic of three brokers is searched while the broker that answers is killed, stopped, or told to delete the topic: each record comes once and in order, or
// the answer says that it is not whole.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendDefaults, batchOf } from '../../src/client/index.ts';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { type CairnRun, ended, startCairn } from '../support/cairn.ts';

const recordCount = 120_000;
let brokers: LabBrokers;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3 });
});
afterAll(() => brokers.end());

/** More than sockets hold, so that a reader that stops makes the broker wait. Gives the offsets. */
async function fill(topic: string): Promise<readonly number[]> {
  const client = brokers.client();
  await client.createTopic(topic, { retentionBytes: null });
  const offsets: number[] = [];
  for (let from = 0; from < recordCount; from += 5_000) {
    const records = Array.from({ length: 5_000 }, (_, index) => ({ value: `record ${from + index} ${'x'.repeat(150)}` }));
    const { offset, count } = await client.append({ ...appendDefaults, topic, batch: batchOf(records) });
    for (let i = 0; i < count; i++) offsets.push(offset + i);
  }
  client.close();
  return offsets;
}

/** Searches; once something has come, and the rest waits, `strike` is done to the broker that gave it; then all is read. */
async function searchAnd(
  topic: string,
  asked: readonly number[],
  strike: (answerer: number) => Promise<unknown> | void,
): Promise<CairnRun> {
  const child = startCairn(['grep', '-n', 'record', '--topic', topic, '--on', asked.map((id) => brokers.url(id)).join(',')]);
  child.stdin.end();
  const run = ended(child);
  const begin = await new Promise<string>((resolve) => {
    child.stdout.once('data', (chunk: Buffer) => {
      child.stdout.pause();
      resolve(chunk.toString());
    });
  });
  await strike(asked.find((id) => begin.startsWith(`${new URL(brokers.url(id)).host}:`)) ?? 0);
  child.stdout.resume();
  return run;
}

const offsetsOf = (printed: string): number[] =>
  [...printed.matchAll(/^[^ ]+?:[\w-]+:(\d+):record /gm)].map(([, digits]) => Number(digits));
/** In few words: so many offsets that differ are unreadable. */
function firstDifference(found: readonly number[], expected: readonly number[]): string {
  const at = expected.findIndex((offset, index) => found[index] !== offset);
  if (at < 0 && found.length === expected.length) return 'none';
  return `${found.length} of ${expected.length}, from the one at ${at} on: ${found.slice(Math.max(0, at), at + 10).join()}`;
}

const answerers = (printed: string): string[] => [...new Set([...printed.matchAll(/^(127\.0\.0\.1:\d+):/gm)].map(([, name = '']) => name))];

test.each([
  ['killed', 'SIGKILL'],
  ['stopped', 'SIGSTOP'],
] as const)('the broker that answers is %s: another goes on, each record once', async (what, signal) => {
  const offsets = await fill(`crash-${what}`);

  let struck = 0;
  const { out, err, code } = await searchAnd(`crash-${what}`, [1, 2, 3], (answerer) => {
    struck = answerer;
    return signal === 'SIGKILL' ? brokers.kill(answerer) : brokers.signal(answerer, signal);
  });
  if (signal === 'SIGKILL') await brokers.restart(struck);
  else brokers.signal(struck, 'SIGCONT');

  expect(firstDifference(offsetsOf(out), offsets)).toBe('none');
  expect(answerers(out)).toEqual([new URL(brokers.url(struck)).host, expect.any(String)]);
  expect(err).toContain('another replica is asked');
  expect(code).toBe(0);
});

test('the topic is deleted: what comes is from its beginning on without a gap, and whole or marked', async () => {
  const offsets = await fill('deleted');

  const { out, err, code } = await searchAnd('deleted', [1, 2, 3], async () => {
    const client = brokers.client();
    await client.deleteTopic('deleted');
    client.close();
  });

  const found = offsetsOf(out);
  expect(firstDifference(found, offsets.slice(0, found.length))).toBe('none');
  const isWhole = found.length === offsets.length;
  expect([code, err.includes('Not all of the answer')]).toEqual(isWhole ? [0, false] : [2, true]);
});
