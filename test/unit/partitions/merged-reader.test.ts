import { describe, expect, test } from 'vitest';
import { type Answer, LogError, type Outcome, type ReadRequest, type ReadResult } from '../../../src/eventlog/index.ts';
import { decodePlaces, encodePlaces, MergedReader, type MergedReaderOptions, type PartitionPlace } from '../../../src/partitions/index.ts';
import { offset, term } from '../../../src/base/branded.ts';
import { forEachRecord, RecordBatchBuilder, setPlacement } from '../../../src/record/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';

interface Entry {
  readonly timeMs: number;
  readonly values: readonly string[];
}

/** A partition as a list of batches; `isSilent`: what is asked of it is not answered until it is told to. */
class Partition {
  readonly entries: Entry[] = [];
  isSilent = false;
  failure: LogError | null = null;
  readonly held: (() => void)[] = [];
  readonly waiting = new Set<() => void>();

  add(timeMs: number, ...values: string[]): void {
    this.entries.push({ timeMs, values });
    const woken = Array.from(this.waiting);
    for (const wake of woken) wake();
  }

  get end(): number {
    return this.entries.reduce((sum, { values }) => sum + values.length, 0);
  }
}

/** Time goes on when a test says so. */
class ManualClock {
  nowMs = 0;
  #timers: { readonly atMs: number; readonly fire: () => void; isOver: boolean }[] = [];

  readonly monotonicMs = (): number => this.nowMs;
  readonly wallMs = (): number => this.nowMs;
  readonly defer = (run: () => void): void => queueMicrotask(run);
  readonly startTimer = (delayMs: number, fire: () => void): { cancel(): void } => {
    const timer = { atMs: this.nowMs + delayMs, fire, isOver: false };
    this.#timers.push(timer);
    return {
      cancel: () => {
        timer.isOver = true;
      },
    };
  };

  pass(ms: number): void {
    this.nowMs += ms;
    for (const timer of this.#timers.splice(0)) {
      if (timer.isOver) continue;
      if (timer.atMs <= this.nowMs) timer.fire();
      else this.#timers.push(timer);
    }
  }
}

class Rig {
  readonly partitions: readonly Partition[];
  readonly clock = new ManualClock();
  readonly requests: ReadRequest[] = [];

  constructor(count: number) {
    this.partitions = Array.from({ length: count }, () => new Partition());
  }

  at(index: number): Partition {
    return this.partitions[index] as Partition;
  }

  readonly read = (request: ReadRequest, answer: Answer<ReadResult>): void => {
    this.requests.push(request);
    const partition = this.at(request.partition ?? 0);
    const reply = (outcome: Outcome<ReadResult>): void => this.clock.defer(() => answer(outcome));
    const give = (): void => {
      if (partition.failure !== null) reply({ ok: false, error: partition.failure });
      else reply({ ok: true, value: readFrom(partition, request) });
    };
    if (partition.isSilent) partition.held.push(give);
    else if (request.waitMs > 0 && readFrom(partition, request).batches.length === 0) {
      const wake = (): void => {
        partition.waiting.delete(wake);
        give();
      };
      partition.waiting.add(wake);
      if (request.cancel !== undefined) request.cancel.onCancel = wake;
    } else give();
  };

  reader(more: Partial<MergedReaderOptions> = {}): MergedReader {
    return new MergedReader({
      log: { read: this.read },
      clock: this.clock,
      topic: 't',
      places: this.partitions.map((): PartitionPlace => ({ from: 'start' })),
      bytesMax: 1e6,
      freshness: 'linearizable',
      sessionOffsets: [],
      silentMs: 1000,
      ...more,
    });
  }
}

function readFrom({ entries, end }: Partition, { offsetFrom, sinceMs, bytesMax }: ReadRequest): ReadResult {
  let at = 0;
  const since = sinceMs ?? Number.NEGATIVE_INFINITY;
  const from = offsetFrom ?? entries.reduce((sum, { timeMs, values }) => (timeMs < since ? sum + values.length : sum), 0);
  const batches: Uint8Array[] = [];
  const times: number[] = [];
  let next = from;
  let bytes = 0;
  for (const { timeMs, values } of entries) {
    const to = at + values.length;
    if (to > from && (batches.length === 0 || bytes < bytesMax)) {
      const builder = new RecordBatchBuilder();
      for (const value of values) builder.add(0, null, systemBytes.utf8Encode(value));
      const batch = builder.finish(systemBytes);
      setPlacement(batch, offset(at), term(1));
      bytes += batch.length;
      batches.push(batch);
      times.push(timeMs);
      next = to;
    }
    at = to;
  }
  return { topic: 't', offsetFrom: from, offsetNext: next, batches, times, highWatermark: end, logStartOffset: 0, asOfMs: 0, lag: 0 };
}

const noCancel = (): { cancelled: boolean; onCancel: (() => void) | null } => ({ cancelled: false, onCancel: null });

const filled = (reader: MergedReader, waitMs = 0, cancel = noCancel()): Promise<LogError | null> =>
  new Promise((resolve) => reader.fill(waitMs, cancel, resolve));

/** All that can be given now. */
function taken(reader: MergedReader): string[] {
  const values: string[] = [];
  for (let piece = reader.piece(); piece !== null; piece = reader.piece()) {
    const { batch, offsetFrom } = piece;
    forEachRecord(batch, (record) => {
      if (record.offset >= offsetFrom) values.push(systemBytes.utf8Decode(record.value() ?? new Uint8Array(0)));
    });
    reader.advance(piece);
  }
  return values;
}

async function allOf(reader: MergedReader): Promise<string[]> {
  const values: string[] = [];
  do {
    expect(await filled(reader)).toBeNull();
    values.push(...taken(reader));
  } while (!reader.isAtEnd);
  return values;
}

describe('all partitions of a topic', () => {
  test('are read in order of log time, and of one time in order of partitions', async () => {
    const rig = new Rig(3);
    rig.at(0).add(10, 'c');
    rig.at(0).add(30, 'f');
    rig.at(1).add(5, 'a', 'b');
    rig.at(1).add(10, 'd');
    rig.at(2).add(20, 'e');

    expect(await allOf(rig.reader())).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  test('are in that order however little is read at once', async () => {
    const rig = new Rig(3);
    const expected: { readonly timeMs: number; readonly partition: number; readonly value: string }[] = [];
    for (let number = 0; number < 120; number++) {
      const partition = (number * 7) % 3;
      rig.at(partition).add(number * 2 + partition, `v${number}`);
      expected.push({ timeMs: number * 2 + partition, partition, value: `v${number}` });
    }
    const sorted = expected.toSorted((a, b) => a.timeMs - b.timeMs || a.partition - b.partition).map(({ value }) => value);

    expect(await allOf(rig.reader({ bytesMax: 200 }))).toEqual(sorted);
  });

  test('go on where the text says that another reader ended, in the middle of a batch too', async () => {
    const rig = new Rig(2);
    rig.at(0).add(1, 'a', 'b', 'c');
    rig.at(1).add(2, 'd', 'e');
    const first = rig.reader();
    await filled(first);
    const piece = first.piece();
    if (piece === null) throw new Error('nothing was read');
    first.advance(piece, 2);

    const places = decodePlaces(encodePlaces(first.places), 2);
    const second = rig.reader({ places: places ?? [] });

    expect(await allOf(second)).toEqual(['c', 'd', 'e']);
    expect(encodePlaces(second.places)).toBe('v1.3.2');
  });

  test('begin at a time in each of them', async () => {
    const rig = new Rig(2);
    rig.at(0).add(10, 'a');
    rig.at(0).add(30, 'c');
    rig.at(1).add(20, 'b');

    expect(
      await allOf(
        rig.reader({
          places: [
            { from: 'since', timeMs: 15 },
            { from: 'since', timeMs: 15 },
          ],
        }),
      ),
    ).toEqual(['b', 'c']);
  });

  test('are followed: what comes wakes the reader, wherever it comes', async () => {
    const rig = new Rig(3);
    const reader = rig.reader({ freshness: 'local' });
    await filled(reader);

    const waiting = filled(reader, 5000);
    await Promise.resolve();
    setTimeout(() => rig.at(2).add(1, 'new'));

    expect(await waiting).toBeNull();
    expect(taken(reader)).toEqual(['new']);
    expect(rig.clock.nowMs).toBe(0);
  });

  test('end a waiting reader whose caller goes away', async () => {
    const rig = new Rig(2);
    const reader = rig.reader();
    const cancel = noCancel();
    const waiting = filled(reader, 5000, cancel);
    setTimeout(() => {
      cancel.cancelled = true;
      cancel.onCancel?.();
    });

    expect(await waiting).toBeNull();
    expect(taken(reader)).toEqual([]);
  });
});

describe('a partition that does not answer', () => {
  test('is waited for for a stated time, then named and read without, and goes on where it was', async () => {
    const rig = new Rig(2);
    rig.at(0).add(10, 'a');
    rig.at(1).add(5, 'late');
    rig.at(1).isSilent = true;
    const reader = rig.reader();

    const filling = filled(reader);
    await new Promise((resolve) => setTimeout(resolve));
    expect(reader.piece()).toBeNull();
    rig.clock.pass(1000);
    expect(await filling).toBeNull();

    expect(taken(reader)).toEqual(['a']);
    expect(reader.missing).toEqual([{ partition: 1, reason: expect.stringContaining('1000 ms') }]);
    expect(reader.isAtEnd).toBe(true);
    expect(encodePlaces(reader.places)).toBe('v1.1.-');

    rig.at(1).isSilent = false;
    for (const give of rig.at(1).held.splice(0)) give();
    await new Promise((resolve) => setTimeout(resolve));
    expect(await allOf(reader)).toEqual(['late']);
    expect(reader.missing).toEqual([]);
  });

  test('does not hold up the others once more in each round', async () => {
    const rig = new Rig(2);
    rig.at(1).isSilent = true;
    const reader = rig.reader();
    const filling = filled(reader);
    rig.clock.pass(1000);
    await filling;

    rig.at(0).add(1, 'a');
    expect(await filled(reader)).toBeNull();
    expect(taken(reader)).toEqual(['a']);
  });

  test('is missing at once where its broker says that it cannot be read now', async () => {
    const rig = new Rig(2);
    rig.at(0).add(1, 'a');
    rig.at(1).failure = new LogError('noLeader', 'Cannot read topic "t": nobody leads it');

    const reader = rig.reader();

    expect(await allOf(reader)).toEqual(['a']);
    expect(reader.missing).toEqual([{ partition: 1, reason: 'Cannot read topic "t": nobody leads it' }]);
  });

  test('is asked again while what comes to the others is waited for', async () => {
    const rig = new Rig(2);
    rig.at(1).failure = new LogError('noLeader', 'Cannot read topic "t": nobody leads it');
    const reader = rig.reader();
    await filled(reader);
    const waiting = filled(reader, 10_000);
    await new Promise((resolve) => setTimeout(resolve));

    rig.at(1).failure = null;
    rig.clock.pass(250);
    await new Promise((resolve) => setTimeout(resolve));
    rig.at(1).add(1, 'led again');

    expect(await waiting).toBeNull();
    expect(taken(reader)).toEqual(['led again']);
    expect(reader.missing).toEqual([]);
  });

  test('ends the read where what it says is not made good by waiting', async () => {
    const rig = new Rig(2);
    rig.at(1).failure = new LogError('offsetOutOfRange', 'Cannot read topic "t" from offset 7: it holds nothing yet');

    expect(await filled(rig.reader())).toMatchObject({ code: 'offsetOutOfRange' });
  });

  test('and none that does is an error', async () => {
    const rig = new Rig(2);
    for (const partition of rig.partitions) partition.failure = new LogError('notCurrent', 'Cannot read topic "t": no leader confirmed it');

    expect(await filled(rig.reader())).toMatchObject({ code: 'notCurrent' });
  });
});
