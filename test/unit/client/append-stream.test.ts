import { describe, expect, test } from 'vitest';
import { AppendStream, LineBatcher } from '../../../src/client/index.ts';
import { type AppendRequest, type AppendResult, type EventLog, LogError, withPromises } from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { forEachRecord } from '../../../src/record/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';
import { testClock } from '../../support/clock.ts';

const text = Array.from({ length: 300 }, (_, i) => `line ${i}`);
const usual = { topic: 'log', requestId: 'job', level: 'quorum', timeoutMs: 5000 } as const;

/** Streams the text in batches of ten lines. */
async function stream(
  log: EventLog,
  options: { skip?: number; inFlightMax?: number; lines?: readonly string[] } = {},
): Promise<AppendStream> {
  const skip = options.skip ?? 0;
  const batcher = new LineBatcher({ recordsMax: 10, skip });
  const out = new AppendStream(log, { ...usual, sequenceFrom: skip, inFlightMax: options.inFlightMax ?? 4 });
  const bytes = Buffer.from((options.lines ?? text).map((line) => `${line}\n`).join(''));
  for (const { batch, count } of batcher.push(bytes)) await out.append(batch, count);
  for (const { batch, count } of batcher.end()) await out.append(batch, count);
  return out;
}

const newLog = (): EventLog => withPromises(new MemoryLog({ clock: testClock(), bytes: systemBytes }));

/** A log with something in between: what `append` does with each request. */
const between = (log: EventLog, append: (request: AppendRequest, count: number) => Promise<AppendResult>): EventLog => {
  let calls = 0;
  return { ...log, append: (request) => append(request, calls++) };
};

async function contents(log: EventLog): Promise<string[]> {
  const usualRead = { topic: 'log', offsetFrom: 0, sinceMs: null, bytesMax: 1e7, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;
  const values: string[] = [];
  for (const batch of (await log.read(usualRead)).batches) {
    forEachRecord(batch, (record) => void values.push(systemBytes.utf8Decode(record.value() ?? new Uint8Array(0))));
  }
  return values;
}

const gone = (): LogError => new LogError('connectionLost', 'gone');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a stream of batches', () => {
  test('arrives in order, with several in flight', async () => {
    const log = newLog();
    let inFlight = 0;
    let inFlightMost = 0;
    const watched = between(log, async (request) => {
      inFlightMost = Math.max(inFlightMost, ++inFlight);
      await turn();
      inFlight--;
      return log.append(request);
    });

    const summary = await (await stream(watched)).finish();

    expect(await contents(log)).toEqual(text);
    expect(summary).toEqual({ acknowledged: 300, offsetFirst: 0, offsetLast: 299, repeated: 0 });
    expect(inFlightMost).toBe(4);
  });

  test('sends the first batch alone, since later ones would be refused until the leader knows the request id', async () => {
    const log = newLog();
    const sequences: number[] = [];
    const refused: string[] = [];
    const watched = between(log, async (request) => {
      sequences.push(request.sequence);
      return log.append(request).catch((error: LogError) => {
        refused.push(error.code);
        throw error;
      });
    });

    await (await stream(watched)).finish();

    expect(sequences).toEqual(Array.from({ length: 30 }, (_, i) => i * 10));
    expect(refused).toEqual([]);
  });

  test('stays in order when batches overtake one another', async () => {
    const log = newLog();
    // Every third batch is slow, so that those behind it come first and are refused for the gap.
    const slow = between(log, async (request, call) => {
      if (call % 3 === 1) for (let i = 0; i < 5; i++) await turn();
      return log.append(request);
    });

    const summary = await (await stream(slow)).finish();

    expect(await contents(log)).toEqual(text);
    expect(summary.acknowledged).toBe(300);
  });

  test('catches its breath after batches overtook one another, so that it does not go on sending them twice', async () => {
    const log = newLog();
    let calls = 0;
    // One slow batch, once.
    const slow = between(log, async (request, call) => {
      calls++;
      for (let i = 0; i < (call === 3 ? 20 : 3); i++) await turn();
      return log.append(request);
    });

    const summary = await (await stream(slow, { inFlightMax: 8 })).finish();

    expect(summary.acknowledged).toBe(300);
    expect(calls).toBeGreaterThan(30);
    expect(calls).toBeLessThanOrEqual(30 + 8);
  });

  test('counts what a repeated acknowledgement had appended before', async () => {
    const log = newLog();
    await (await stream(log)).finish();

    const summary = await (await stream(log)).finish();

    expect(await contents(log)).toEqual(text);
    expect(summary).toEqual({ acknowledged: 300, offsetFirst: 0, offsetLast: 299, repeated: 300 });
  });

  test('goes on where an interrupted one stopped', async () => {
    const log = newLog();
    const broken = between(log, (request, call) => (call < 12 ? log.append(request) : Promise.reject(gone())));
    const interrupted = await stream(broken).catch((error: unknown) => error);
    expect(interrupted).toMatchObject({ code: 'connectionLost' });

    const skip = await log.nextSequence({ topic: 'log', requestId: 'job' });
    const summary = await (await stream(log, { skip })).finish();

    expect(skip).toBe(120);
    expect(await contents(log)).toEqual(text);
    expect(summary.acknowledged).toBe(180);
  });

  test('after a failure sends nothing more, and what is acknowledged is a prefix', async () => {
    const log = newLog();
    let later = 0;
    const broken = between(log, (request) => {
      if (request.sequence < 100) return log.append(request);
      if (request.sequence >= 150) later++;
      return Promise.reject(gone());
    });

    const batcher = new LineBatcher({ recordsMax: 10 });
    const out = new AppendStream(broken, usual);
    const sent = (async () => {
      for (const { batch, count } of batcher.push(Buffer.from(`${text.join('\n')}\n`))) await out.append(batch, count);
    })();

    await expect(sent).rejects.toMatchObject({ code: 'connectionLost' });
    await out.settle();
    expect(out.summary.acknowledged).toBe(100);
    expect(await contents(log)).toEqual(text.slice(0, 100));
    expect(later).toBe(0);
    await expect(out.finish()).rejects.toMatchObject({ code: 'connectionLost' });
  });

  test('refuses to call a batch acknowledged when the request id stands for another one', async () => {
    const log = newLog();
    await (await stream(log, { lines: text.slice(0, 7) })).finish();

    await expect(stream(log)).rejects.toMatchObject({ code: 'requestIdReused' });
    expect(await contents(log)).toEqual(text.slice(0, 7));
  });

  test('refuses an acknowledgement of another number of records', async () => {
    const log = newLog();
    const other = between(log, async (request) => ({ ...(await log.append(request)), duplicate: true, count: 7 }));

    await expect(stream(other)).rejects.toMatchObject({ code: 'requestIdReused', message: expect.stringContaining('appended 7 records') });
  });

  test('does not send a batch again whose predecessor has failed', async () => {
    const log = newLog();
    const sent: number[] = [];
    const broken = between(log, async (request) => {
      sent.push(request.sequence);
      if (request.sequence !== 10) return log.append(request);
      for (let i = 0; i < 10; i++) await turn();
      throw new LogError('fenced', 'broken');
    });

    await expect(stream(broken)).rejects.toMatchObject({ code: 'fenced' });

    expect(sent.filter((sequence) => sequence === 20)).toEqual([20]);
  });

  test('takes a batch that arrived too long ago for acknowledged only if all of it did', async () => {
    const log = newLog();
    const forgotten = (expectedSequence: number): EventLog =>
      between(log, () => Promise.reject(new LogError('duplicateSequence', 'long ago', { expectedSequence })));

    const whole = await (await stream(forgotten(10), { lines: text.slice(0, 10) })).finish();
    const half = stream(forgotten(9), { lines: text.slice(0, 10) });

    expect(whole).toEqual({ acknowledged: 10, offsetFirst: null, offsetLast: null, repeated: 10 });
    await expect(half).rejects.toMatchObject({ code: 'duplicateSequence' });
  });

  test('sends a batch again that overtook another one, also when an answer was lost before that was said', async () => {
    const log = newLog();
    let refusals = 0;
    const overtaking = between(log, (request) => {
      if (request.sequence !== 20 || refusals++ > 0) return log.append(request);
      const cause = new LogError('sequenceGap', 'a gap', { expectedSequence: 10 });
      return Promise.reject(new LogError('timeout', 'an answer was lost, then: a gap', {}, { cause }));
    });

    const summary = await (await stream(overtaking)).finish();

    expect(summary.acknowledged).toBe(text.length);
    expect(refusals).toBe(2);
  });

  test('gives up when a gap stays although the batch before it is acknowledged', async () => {
    const log = newLog();
    const forgetful = between(log, (request) =>
      request.sequence < 20 ? log.append(request) : Promise.reject(new LogError('sequenceGap', 'a gap', { expectedSequence: 10 })),
    );
    const out = new AppendStream(forgetful, { ...usual, timeoutMs: 1 });
    const batcher = new LineBatcher({ recordsMax: 10 });

    const sent = (async () => {
      for (const { batch, count } of batcher.push(Buffer.from(`${text.join('\n')}\n`))) await out.append(batch, count);
    })();

    await expect(sent).rejects.toMatchObject({ code: 'sequenceGap' });
    expect(out.summary.acknowledged).toBe(20);
  });
});
