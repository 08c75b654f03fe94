import { beforeEach, expect, test } from 'vitest';
import { AppendStream, LineBatcher, Overlap } from '../../../src/client/index.ts';
import { type EventLog, withPromises } from '../../../src/eventlog/index.ts';
import { makeMemoryLog, testTopic } from '../../support/line-gateway.ts';

const requestId = 'job';
const linesOf = (count: number, word = 'line'): string => Array.from({ length: count }, (_, index) => `${word} ${index}\n`).join('');

let log: EventLog;
beforeEach(async () => {
  log = withPromises(await makeMemoryLog());
});

/** A run of `cairn append - --request-id job` over this text; batches of so many lines. */
async function run(text: string, recordsMax = 16_384): Promise<{ readonly appended: number; readonly uncompared: number }> {
  const skip = await log.nextSequence({ topic: testTopic, requestId });
  const settings = { topic: testTopic, partition: 0, requestId, timeoutMs: 1_000 };
  const stream = new AppendStream(log, { ...settings, level: 'quorum', sequenceFrom: skip });
  const overlap = new Overlap(log, settings);
  const batcher = new LineBatcher({ skip, recordsMax, givesSkipped: true });
  const take = async (batches: Iterable<{ batch: Uint8Array; count: number; isPassedOver: boolean }>): Promise<void> => {
    for (const { batch, count, isPassedOver } of batches) await (isPassedOver ? overlap.compare(batch) : stream.append(batch, count));
  };
  await take(batcher.push(Buffer.from(text)));
  await take(batcher.end());
  const { acknowledged } = await stream.finish();
  return { appended: acknowledged, uncompared: overlap.uncompared };
}

test.each([
  ['as it was cut before', 16_384, 16_384],
  ['cut into more batches before', 3, 16_384],
  ['cut into fewer batches before', 16_384, 3],
])('goes on behind what an earlier run of the same input has appended, %s', async (_how, before, now) => {
  await run(linesOf(50), before);

  expect(await run(linesOf(80), now)).toEqual({ appended: 30, uncompared: 0 });
});

test.each([
  ['another longer file', linesOf(80, 'other'), 1],
  ['a line in the middle is another', linesOf(80).replace('line 27\n', 'line 27!\n'), 28],
  ['the last line that arrived is another', linesOf(80).replace('line 49\n', 'line\n'), 50],
])('refuses %s, and appends nothing of it', async (_what, text, line) => {
  await run(linesOf(50), 7);

  await expect(run(text)).rejects.toMatchObject({ code: 'requestIdReused', details: { line } });
  expect(await log.nextSequence({ topic: testTopic, requestId })).toBe(50);
});
