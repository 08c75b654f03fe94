import { describe, expect, test } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import { groupId, offset, term } from '../../../src/base/branded.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { LogBatch } from '../../../src/raft/index.ts';
import {
  brokerProducerId,
  frameBatch,
  frameChecksum,
  noOpBatch,
  producerIdOf,
  RecordBatchBuilder,
  revokeBatch,
} from '../../../src/record/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { Tail } from '../../../src/broker/tail.ts';
import { termBefore } from '../../../src/broker/terms.ts';

const limits = { requestIdRetentionMs: 3_600_000, requestIdsMax: 1000 };
const newTail = (from = 0): Tail => new Tail(limits, simBytes, from);
const checksumAt = (tail: Tail, end: number): number => (end === tail.endOffset ? tail.lastChecksum : (tail.checksumBefore(end) ?? 0));

function checkpointOf(tail: Tail, offsetTo: number): Uint8Array {
  const bytes = tail.checkpoint(offsetTo, checksumAt(tail, offsetTo));
  assert(bytes !== null, 'it is derived that far');
  return bytes;
}

const restorable = (tail: Tail, offsetTo: number): boolean => newTail().restore(checkpointOf(tail, offsetTo), offsetTo);
const idOf = (text: string): number => producerIdOf(simBytes.utf8Encode(text));

interface Content {
  readonly producer?: { readonly id: number; readonly epoch: number; readonly baseSequence: number };
  readonly values?: readonly string[];
  readonly revoke?: string;
}

/** A log as a consensus core would hold it. */
class TestLog {
  batches: LogBatch[] = [];
  #ms = 1000;

  get endOffset() {
    return offset(this.batches.at(-1)?.offsetTo ?? 0);
  }

  get termStarts() {
    const starts: { term: ReturnType<typeof term>; offsetFrom: ReturnType<typeof offset> }[] = [];
    for (const batch of this.batches)
      if (starts.at(-1)?.term !== batch.term) starts.push({ term: batch.term, offsetFrom: batch.offsetFrom });
    return starts;
  }

  append(termNumber: number, content: Content): LogBatch {
    const previous = this.batches.at(-1);
    this.#ms += 10;
    const fields = {
      group: groupId(2),
      offsetFrom: this.endOffset,
      term: term(termNumber),
      stampMs: this.#ms,
      stampCounter: 0,
      previousChecksum: previous === undefined ? 0 : frameChecksum(previous.bytes),
    };
    const batch = frameBatch(fields, this.#batchOf(content), simBytes);
    this.batches.push(batch);
    return batch;
  }

  #batchOf({ producer, values, revoke }: Content): Uint8Array {
    if (revoke !== undefined) return revokeBatch(this.#ms, idOf(revoke), simBytes.utf8Encode(revoke), simBytes);
    if (values === undefined) return noOpBatch(this.#ms, simBytes);
    const builder = new RecordBatchBuilder();
    for (const value of values) builder.add(this.#ms, null, simBytes.utf8Encode(value));
    return builder.finish(simBytes, producer);
  }

  truncate(count: number): void {
    this.batches.length = count;
  }

  get view() {
    return {
      endOffset: this.endOffset,
      termBefore: (end: number) => termBefore(this.termStarts, end),
      batches: (from: number, to: number) => this.batches.filter((batch) => batch.offsetFrom >= from && batch.offsetTo <= to),
    };
  }
}

/** Everything that can be asked of a tail. */
function factsOf(tail: Tail): unknown {
  return {
    end: tail.endOffset,
    checksum: tail.lastChecksum,
    stamp: tail.lastStamp,
    producers: [...tail.producers.entries()]
      .map(({ id, epoch, nextSequence, recent }) => ({ id, epoch, nextSequence, recent: [...recent] }))
      .sort((a, b) => a.id - b.id),
    revokes: [...tail.producers.revokes()].sort((a, b) => a[0] - b[0]),
  };
}

function randomContent(random: SeededRandom): Content {
  const kind = random.below(10);
  if (kind === 0) return {};
  if (kind === 1) return { revoke: `r${random.below(8)}` };
  const values = Array.from({ length: random.between(1, 3) }, () => `${random.below(5)}`);
  const baseSequence = random.below(6);
  if (kind < 6) return { values, producer: { id: idOf(`r${random.below(8)}`), epoch: 0, baseSequence } };
  return { values, producer: { id: brokerProducerId(random.between(1, 3), 1), epoch: random.below(2), baseSequence } };
}

describe('what is derived from a log', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('is the same after any appends and cuts as after reading it once (seed %i)', (seed) => {
    const random = new SeededRandom(seed);
    const log = new TestLog();
    const tail = newTail();
    let currentTerm = 1;
    let committedCount = 0;

    for (let step = 0; step < 400; step++) {
      const what = random.below(10);
      if (what < 6) {
        log.append(currentTerm, randomContent(random));
      } else if (what === 6) {
        currentTerm++;
        log.truncate(random.between(committedCount, log.batches.length));
        // A cut log is always continued by the new leader's batches.
        for (let i = random.below(3); i >= 0; i--) log.append(currentTerm, randomContent(random));
      } else if (what === 7) {
        mustSync(tail, log);
        committedCount = random.between(committedCount, log.batches.length);
        tail.commit(log.batches[committedCount - 1]?.offsetTo ?? 0);
      } else if (what === 8) {
        mustSync(tail, log);
        checkpointIsExact(log, tail, random.between(committedCount, log.batches.length));
      } else {
        mustSync(tail, log);
        isAsReadOnce(log, tail);
      }
    }
  });

  function mustSync(tail: Tail, log: TestLog): void {
    expect(tail.sync(log.view)).toBe(true);
  }

  function isAsReadOnce(log: TestLog, tail: Tail): void {
    const fresh = newTail();
    for (const batch of log.batches) fresh.append(batch);
    expect(factsOf(tail)).toEqual(factsOf(fresh));
  }

  function checkpointIsExact(log: TestLog, tail: Tail, count: number): void {
    const before = factsOf(tail);
    const offsetTo = log.batches[count - 1]?.offsetTo ?? 0;
    const expected = newTail();
    for (const batch of log.batches.slice(0, count)) expected.append(batch);

    const restored = newTail();
    expect(restored.restore(checkpointOf(tail, offsetTo), offsetTo)).toBe(true);

    expect(factsOf(restored)).toEqual(factsOf(expected));
    expect(factsOf(tail)).toEqual(before);
  }

  test('says when more was cut than it can take back, and is derived anew', () => {
    const log = new TestLog();
    for (let i = 0; i < 5; i++) log.append(1, { values: [`${i}`], producer: { id: idOf(`r${i}`), epoch: 0, baseSequence: 0 } });
    const source = newTail();
    source.sync(log.view);
    const tail = newTail();
    tail.restore(checkpointOf(source, 4), 4);

    log.truncate(2);
    log.append(2, {});

    expect(tail.sync(log.view)).toBe(false);
    tail.reset(0);
    expect(tail.sync(log.view)).toBe(true);
    expect(tail.producers.nextSequence(idOf('r1'))).toBe(1);
    expect(tail.producers.nextSequence(idOf('r2'))).toBe(0);
  });

  test('notices that the log was cut below its checkpoint even when it has grown beyond it since', () => {
    const log = new TestLog();
    for (let i = 0; i < 5; i++) log.append(1, { values: [`${i}`], producer: { id: idOf(`r${i}`), epoch: 0, baseSequence: 0 } });
    const source = newTail();
    source.sync(log.view);
    const tail = newTail();
    tail.restore(checkpointOf(source, 4), 4);

    log.truncate(3);
    log.append(2, { values: ['a', 'b', 'c'], producer: { id: idOf('other'), epoch: 0, baseSequence: 0 } });

    expect(tail.sync(log.view)).toBe(false);
  });

  test('has no checkpoint of what it has not derived yet, and none of what it can no longer take back', () => {
    const log = new TestLog();
    for (let i = 0; i < 3; i++) log.append(1, { values: [`${i}`], producer: { id: idOf(`r${i}`), epoch: 0, baseSequence: 0 } });
    const tail = newTail();
    tail.append(log.batches[0] as LogBatch);
    tail.append(log.batches[1] as LogBatch);

    expect(tail.checkpoint(3, tail.lastChecksum)).toBeNull();
    expect(restorable(tail, 1)).toBe(true);
    tail.commit(2);
    expect(restorable(tail, 2)).toBe(true);
    expect(() => tail.checkpoint(1, tail.lastChecksum)).toThrow('can still be taken back');
  });

  test('has no checkpoint of a log that the disk holds until a cut has reached it', () => {
    const log = new TestLog();
    log.append(1, { values: ['a'], producer: { id: idOf('r'), epoch: 0, baseSequence: 0 } });
    const cut = [log.append(1, { values: ['b'] }), log.append(1, { values: ['c'] })];
    const tail = newTail();
    tail.sync(log.view);
    log.truncate(1);
    log.append(2, { values: ['d', 'e'], producer: { id: idOf('s'), epoch: 0, baseSequence: 0 } });
    tail.sync(log.view);
    const facts = factsOf(tail);

    const asked = cut.map((batch) => tail.checkpoint(batch.offsetTo, frameChecksum(batch.bytes)));

    expect(asked).toEqual([null, null]);
    expect(factsOf(tail)).toEqual(facts);
    expect(restorable(tail, 3)).toBe(true);
  });

  test('refuses a checkpoint that is damaged, of another version or of another place', () => {
    const log = new TestLog();
    log.append(1, { values: ['a'], producer: { id: idOf('r'), epoch: 0, baseSequence: 0 } });
    const source = newTail();
    source.sync(log.view);
    const bytes = checkpointOf(source, 1);

    expect(newTail().restore(bytes.subarray(0, bytes.length - 1), 1)).toBe(false);
    expect(newTail().restore(Uint8Array.of(9, ...bytes.subarray(1)), 1)).toBe(false);
    expect(newTail().restore(bytes, 2)).toBe(false);
    expect(newTail().restore(new Uint8Array(0), 1)).toBe(false);
    expect(newTail().restore(bytes, 1)).toBe(true);
  });
});

describe('request ids', () => {
  test('are forgotten by the age of the log, which a jump of a clock hardly moves', () => {
    const tail = newTail();
    const append = (id: string, timestampMs: number, offsetFrom: number): void => {
      const batch = { producerId: idOf(id), epoch: 0, sequence: 0, count: 1, body: 1, offsetFrom, term: 1, timestampMs };
      tail.producers.commit(tail.producers.apply(batch));
    };
    append('old', 1000, 0);

    append('jumped', 1000 + 86_400_000, 1);
    expect(tail.producers.nextSequence(idOf('old'))).toBe(1);

    for (let minute = 1; minute <= 62; minute++) append(`m${minute}`, 1000 + 86_400_000 + minute * 60_000, minute + 1);
    expect(tail.producers.nextSequence(idOf('old'))).toBe(0);
    expect(tail.producers.nextSequence(idOf('m62'))).toBe(1);
  });

  test('are at most as many as allowed, the oldest forgotten first', () => {
    const tail = newTail();
    for (let i = 0; i < 1005; i++) {
      const batch = { producerId: idOf(`r${i}`), epoch: 0, sequence: 0, count: 1, body: 1, offsetFrom: i, term: 1, timestampMs: 1000 };
      tail.producers.commit(tail.producers.apply(batch));
    }

    expect(tail.producers.size).toBe(1000);
    expect(tail.producers.nextSequence(idOf('r4'))).toBe(0);
    expect(tail.producers.nextSequence(idOf('r5'))).toBe(1);
  });
});

test('a broker’s own batches may come in any order, but none twice and none from beyond the window', () => {
  const { producers } = newTail();
  const batch = (sequence: number) => ({ producerId: brokerProducerId(1, 1), epoch: 0, sequence, count: 1, body: sequence });
  const apply = (sequence: number): void => void producers.apply({ ...batch(sequence), offsetFrom: sequence, term: 1, timestampMs: 1 });
  for (const sequence of [0, 2, 1, 5000]) {
    expect(producers.check(batch(sequence)).kind).toBe('append');
    apply(sequence);
  }

  expect(producers.check(batch(2))).toMatchObject({ kind: 'duplicate', batch: { offsetFrom: 2 } });
  expect(producers.check(batch(4000)).kind).toBe('append');
  expect(producers.check(batch(3000))).toMatchObject({ kind: 'refused', code: 'duplicateSequence' });
  expect(producers.check({ ...batch(0), epoch: 1 }).kind).toBe('append');
});
