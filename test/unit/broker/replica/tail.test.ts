import { describe, expect, test } from 'vitest';
import { groupId, offset, term } from '../../../../src/base/branded.ts';
import { SeededRandom } from '../../../../src/base/random.ts';
import type { LogBatch } from '../../../../src/raft/index.ts';
import {
  brokerProducerId,
  frameBatch,
  frameChecksum,
  noOpBatch,
  producerIdOf,
  RecordBatchBuilder,
  revokeBatch,
} from '../../../../src/record/index.ts';
import { simBytes } from '../../../../src/sim/bytes.ts';
import { Tail } from '../../../../src/broker/replica/tail.ts';
import { FieldWriter } from '../../../../src/wire/fields.ts';
import { termBefore } from '../../../../src/raft/index.ts';

const limits = { requestIdRetentionMs: 3_600_000, requestIdsMax: 1000 };
const newTail = (from = 0): Tail => new Tail(simBytes, from);
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
    return this.appendRaw(termNumber, () => this.#batchOf(content));
  }

  appendRaw(termNumber: number, make: () => Uint8Array): LogBatch {
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
    const batch = frameBatch(fields, make(), simBytes);
    this.batches.push(batch);
    return batch;
  }

  #batchOf({ producer, values, revoke }: Content): Uint8Array {
    if (revoke !== undefined) return revokeBatch(this.#ms, idOf(revoke), simBytes.utf8Encode(revoke), simBytes);
    if (values === undefined) return noOpBatch(this.#ms, limits, simBytes);
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

/** What a leader would find out about every producer of a random log, uncommitted tail included. */
function factsOf(tail: Tail): unknown {
  const ids = [...Array.from({ length: 8 }, (_, i) => idOf(`r${i}`)), ...[1, 2, 3].map((id) => brokerProducerId(id, 1))];
  const { producers } = tail;
  return {
    end: tail.endOffset,
    checksum: tail.lastChecksum,
    stamp: tail.lastStamp,
    sessions: producers.sessionCount,
    producers: ids.map((producerId) => ({
      next: producers.nextSequence(producerId),
      revokedAt: producers.revokedAt(producerId),
      verdicts: [0, 1, 2, 3, 4, 5].map((sequence) => producers.check({ producerId, epoch: 0, sequence, count: 1, body: 0 })),
    })),
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
        checkpointIsExact(log, tail, committedCount);
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

  /** As of whoever read the log as far as it is committed here, and has not seen what comes behind it. */
  function checkpointIsExact(log: TestLog, tail: Tail, count: number): void {
    const before = factsOf(tail);
    const expected = newTail();
    for (const batch of log.batches.slice(0, count)) {
      expected.append(batch);
      expected.commit(batch.offsetTo);
    }

    const checkpoint = tail.checkpoint();
    const restored = newTail();
    expect(restored.restore(checkpoint.bytes, checkpoint.offsetTo)).toBe(true);

    expect(checkpoint.offsetTo).toBe(log.batches[count - 1]?.offsetTo ?? 0);
    expect([tail.digest(), restored.digest()]).toEqual([expected.digest(), expected.digest()]);
    expect(factsOf(restored)).toEqual(factsOf(expected));
    expect(factsOf(tail)).toEqual(before);
    for (const batch of log.batches.slice(count)) restored.append(batch);
    expect(factsOf(restored)).toEqual(before);
  }

  test('is the same wherever a replica has its checkpoint from and whatever it holds beyond that', () => {
    const log = new TestLog();
    const put = (id: string): LogBatch => log.append(1, { values: [id], producer: { id: idOf(id), epoch: 0, baseSequence: 0 } });
    for (let i = 0; i < 20; i++) put(`r${i}`);
    const ahead = newTail();
    for (const batch of log.batches) ahead.append(batch);
    ahead.commit(12);
    const { bytes, offsetTo } = ahead.checkpoint();
    const behind = newTail();

    behind.restore(bytes, offsetTo);
    for (const batch of log.batches.slice(12)) behind.append(batch);
    for (const tail of [ahead, behind]) tail.commit(20);

    expect(behind.digest()).toBe(ahead.digest());
    expect([...behind.producers.single.values()].map(({ lastMs }) => lastMs)).toEqual(Array.from({ length: 20 }, (_, i) => i * 10));
  });

  test('of a checkpoint from before November 2026 says when more was cut than it can take back, and is derived anew', () => {
    const log = new TestLog();
    for (let i = 0; i < 5; i++) log.append(1, { values: [`${i}`], producer: { id: idOf(`r${i}`), epoch: 0, baseSequence: 0 } });
    const tail = newTail();
    expect(tail.restore(uncommittedCheckpoint(log, 4), 4)).toBe(true);
    expect(tail.producers.nextSequence(idOf('r3'))).toBe(1);
    expect(tail.producers.revokedAt(idOf('gone'))).toBe(1);
    expect(tail.producers.hides(idOf('gone'), 0, 0)).toBe(true);

    log.truncate(2);
    log.append(2, {});

    expect(tail.sync(log.view)).toBe(false);
    tail.reset(0);
    expect(tail.sync(log.view)).toBe(true);
    expect(tail.producers.nextSequence(idOf('r1'))).toBe(1);
    expect(tail.producers.nextSequence(idOf('r2'))).toBe(0);
  });

  test('notices that the log was cut below such a checkpoint even when it has grown beyond it since', () => {
    const log = new TestLog();
    for (let i = 0; i < 5; i++) log.append(1, { values: [`${i}`], producer: { id: idOf(`r${i}`), epoch: 0, baseSequence: 0 } });
    const tail = newTail();
    tail.restore(uncommittedCheckpoint(log, 4), 4);

    log.truncate(3);
    log.append(2, { values: ['a', 'b', 'c'], producer: { id: idOf('other'), epoch: 0, baseSequence: 0 } });

    expect(tail.sync(log.view)).toBe(false);
  });

  /** Version 2, as commit 50055c0 wrote it: of batches `r0`, `r1`, ... and a revoke of `gone` at 1. */
  function uncommittedCheckpoint(log: TestLog, count: number): Uint8Array {
    const last = log.batches[count - 1] as LogBatch;
    const writer = new FieldWriter(1 + 8 + 8 + 4 + 10 + 16 + 4 + count * 64 + 4 + 16);
    writer.u8(2).u64(last.offsetTo).u64(last.term).u32(frameChecksum(last.bytes)).u64(1000).u16(0).u64(30).u64(1000).u32(count);
    for (const [i, batch] of log.batches.slice(0, count).entries()) {
      writer
        .u64(idOf(`r${i}`))
        .u16(0)
        .u32(1)
        .u64(10)
        .u32(1);
      writer.u16(0).u32(0).u32(1).u32(7).u64(batch.offsetFrom).u64(batch.term).u64(1000);
    }
    return writer.u32(1).u64(idOf('gone')).u64(1).bytes;
  }

  test('takes brokers for no sessions, in an old checkpoint either', () => {
    const id = brokerProducerId(1, 1);
    const writer = new FieldWriter(1 + 8 + 8 + 4 + 10 + 16 + 4 + 26 + 2 * 38 + 4);
    writer.u8(2).u64(2).u64(1).u32(7).u64(1000).u16(0).u64(30).u64(1000).u32(1);
    writer.u64(id).u16(1).u32(2).u64(10).u32(2);
    for (const sequence of [0, 1]) writer.u16(1).u32(sequence).u32(1).u32(7).u64(sequence).u64(1).u64(1000);
    const tail = newTail();

    expect(tail.restore(writer.u32(0).bytes, 2)).toBe(true);
    expect(tail.producers.nextSequence(id)).toBe(2);
    expect(tail.producers.sessionCount).toBe(0);
  });

  test('is kept where the log begins at its checkpoint and does not say the term before', () => {
    const log = new TestLog();
    for (const text of ['r0', 'r1', 'r2']) log.append(3, { values: [text], producer: { id: idOf(text), epoch: 0, baseSequence: 0 } });
    const source = newTail();
    source.sync(log.view);
    source.commit(3);
    const { bytes, offsetTo } = source.checkpoint();
    const tail = newTail(3);
    tail.restore(bytes, offsetTo);

    expect(tail.sync({ endOffset: offset(3), termBefore: () => term(0), batches: () => [] })).toBe(true);
    expect(tail.producers.nextSequence(idOf('r1'))).toBe(1);
    expect(tail.sync({ endOffset: offset(3), termBefore: () => term(2), batches: () => [] })).toBe(false);
  });

  test('refuses a checkpoint that is damaged, of another version or of another place', () => {
    const log = new TestLog();
    log.append(1, { values: ['a'], producer: { id: idOf('r'), epoch: 0, baseSequence: 0 } });
    const source = newTail();
    source.sync(log.view);
    source.commit(1);
    const { bytes } = source.checkpoint();

    expect(newTail().restore(bytes.subarray(0, bytes.length - 1), 1)).toBe(false);
    expect(newTail().restore(Uint8Array.of(9, ...bytes.subarray(1)), 1)).toBe(false);
    expect(newTail().restore(bytes, 2)).toBe(false);
    expect(newTail().restore(new Uint8Array(0), 1)).toBe(false);
    expect(newTail().restore(bytes, 1)).toBe(true);
  });
});

describe('request ids', () => {
  const commit = (tail: Tail, producerId: number, offsetFrom: number, timestampMs = 1000, sequence = 0): void => {
    const batch = { producerId, epoch: 0, sequence, count: 1, body: 1, offsetFrom, term: 1, timestampMs };
    tail.producers.commit(tail.producers.apply(batch), timestampMs);
  };
  const limited = (): Tail => {
    const tail = newTail();
    tail.producers.commit(tail.producers.limit(limits), 1000);
    return tail;
  };

  test('are forgotten by the age of the log, which a jump of a clock hardly moves', () => {
    const tail = limited();
    const append = (id: string, timestampMs: number, offsetFrom: number): void => commit(tail, idOf(id), offsetFrom, timestampMs);
    append('old', 1000, 0);

    append('jumped', 1000 + 86_400_000, 1);
    expect(tail.producers.nextSequence(idOf('old'))).toBe(1);

    for (let minute = 1; minute <= 62; minute++) append(`m${minute}`, 1000 + 86_400_000 + minute * 60_000, minute + 1);
    expect(tail.producers.nextSequence(idOf('old'))).toBe(0);
    expect(tail.producers.nextSequence(idOf('m62'))).toBe(1);
  });

  test('are at most as many as allowed, the oldest forgotten first', () => {
    const tail = limited();
    for (let i = 0; i < 1005; i++) commit(tail, idOf(`r${i}`), i);

    expect(tail.producers.size).toBe(1000);
    expect(tail.producers.nextSequence(idOf('r4'))).toBe(0);
    expect(tail.producers.nextSequence(idOf('r5'))).toBe(1);
  });
});

describe('what was forgotten', () => {
  const id = (text: string) => ({ producerId: idOf(text), epoch: 0, sequence: 0, count: 1, body: 1 });
  const tailOf = (requestIdsMax: number): Tail => {
    const tail = newTail();
    tail.producers.commit(tail.producers.limit({ requestIdsMax, requestIdRetentionMs: 3_600_000 }), 1000);
    return tail;
  };
  const commit = (tail: Tail, text: string, timestampMs: number, sequence = 0): void => {
    const batch = { ...id(text), sequence, offsetFrom: timestampMs, term: 1, timestampMs };
    tail.producers.commit(tail.producers.apply(batch), timestampMs);
  };

  test('is refused where a retry says that it is so old, taken where it is younger, and a new append where nothing is said', () => {
    const tail = tailOf(2);
    for (const [i, text] of ['a', 'b', 'c', 'd'].entries()) commit(tail, text, 1010 + i * 10);

    const { producers } = tail;
    expect(producers.forgottenMs).toBe(20);
    expect(producers.check(id('a'), 10)).toMatchObject({ kind: 'refused', code: 'unknownProducer' });
    expect(producers.check(id('never'), 20)).toMatchObject({ kind: 'refused', code: 'unknownProducer' });
    expect(producers.check(id('never'), 21).kind).toBe('append');
    expect(producers.check(id('a')).kind).toBe('append');
    expect(producers.check(id('c'), 10).kind).toBe('duplicate');
  });

  test('is nothing as long as nothing had to be', () => {
    const tail = tailOf(10);
    commit(tail, 'a', 1010);

    expect(tail.producers.check(id('b'), -70_000).kind).toBe('append');
  });

  test('is known of a log whose beginning is not', () => {
    expect(newTail(50).producers.check(id('a'), 0)).toMatchObject({ kind: 'refused', code: 'unknownProducer' });
  });

  test('is never a session, however many ids come, until it is too old', () => {
    const tail = tailOf(2);
    commit(tail, 's', 1010);
    commit(tail, 's', 1011, 1);
    for (let i = 0; i < 50; i++) commit(tail, `r${i}`, 1020 + i);

    expect(tail.producers.check({ ...id('s'), sequence: 2 }).kind).toBe('append');
    expect([tail.producers.size, tail.producers.sessionCount]).toEqual([3, 1]);
    for (let minute = 1; minute <= 61; minute++) commit(tail, `m${minute}`, 2000 + minute * 60_000);
    expect(tail.producers.check({ ...id('s'), sequence: 2 })).toMatchObject({ kind: 'refused', code: 'unknownProducer' });
  });

  test('depends on the committed log alone, not on what a replica holds beyond it', () => {
    const commitTo = 6;
    const log = new TestLog();
    log.appendRaw(1, () => noOpBatch(1000, { requestIdsMax: 3, requestIdRetentionMs: 1000 }, simBytes));
    for (let i = 0; i < 12; i++)
      log.append(1, { values: ['x'], producer: { id: idOf(`r${i % 7}`), epoch: 0, baseSequence: Math.floor(i / 7) } });
    const digests = [commitTo, 8, 13].map((known) => {
      const tail = newTail();
      for (const batch of log.batches.slice(0, known)) tail.append(batch);
      tail.commit(commitTo);
      return tail.digest();
    });

    expect(new Set(digests).size).toBe(1);
  });
});

describe('sessions', () => {
  const batch = (text: string, sequence: number) => ({ producerId: idOf(text), epoch: 0, sequence, count: 1, body: 1 });

  test('are refused at their limit when they are new, and go on when they are known; the uncommitted tail counts', () => {
    const { producers } = newTail();
    const apply = (text: string, sequence: number, at: number) =>
      producers.apply({ ...batch(text, sequence), offsetFrom: at, term: 1, timestampMs: 1000 + at });
    const first = [apply('a', 0, 0), apply('a', 1, 1), apply('b', 0, 2)];
    for (const change of first) producers.commit(change, 1000);
    const second = apply('c', 0, 3);
    const third = apply('c', 1, 4);

    expect(producers.sessionCount).toBe(2);
    expect(producers.check(batch('b', 1), null, 2)).toMatchObject({ kind: 'refused', code: 'tooManySessions', details: { limit: 2 } });
    expect(producers.check(batch('new', 0), null, 2).kind).toBe('append');
    for (const [text, next] of [
      ['a', 2],
      ['c', 2],
    ] as const)
      expect(producers.check(batch(text, next), null, 2).kind).toBe('append');
    producers.undo(third);
    expect(producers.check(batch('b', 1), null, 2).kind).toBe('append');
    producers.undo(second);
    expect(producers.sessionCount).toBe(1);
  });
});

describe('a revoke', () => {
  const limitsOf = { requestIdsMax: 10, requestIdRetentionMs: 60_000 };
  const rig = () => {
    const { producers } = newTail();
    let at = 0;
    let ms = 1000;
    producers.commit(producers.limit(limitsOf), ms);
    return {
      producers,
      append: (text: string): number => {
        const batch = { producerId: idOf(text), epoch: 0, sequence: 0, count: 1, body: 1, offsetFrom: ++at, term: 1, timestampMs: ms };
        producers.commit(producers.apply(batch), ms);
        return at;
      },
      revoke: (text: string): number => {
        producers.commit(producers.revoke(idOf(text), ++at), ms);
        return at;
      },
      pass: (minutes: number): void => {
        for (let i = 0; i < minutes; i++) producers.commit(producers.limit(limitsOf), (ms += 60_000));
      },
    };
  };

  test('is forgotten by log time, and what it hides stays hidden as long as it is in the log', () => {
    const { producers, append, revoke, pass } = rig();
    const at = append('r');
    const revokedAt = revoke('r');
    const revokeOnly = revoke('never appended');
    pass(3);

    expect([producers.revokedAt(idOf('r')), producers.revokes().size]).toEqual([null, 0]);
    expect(producers.hides(idOf('r'), at, 100)).toBe(true);
    expect([...producers.hidden().keys()]).toEqual([idOf('r')]);
    expect(producers.hides(idOf('never appended'), revokeOnly + 1, 100)).toBe(false);
    const again = append('r');
    expect(producers.hides(idOf('r'), again, 100)).toBe(false);

    producers.trimmed(revokedAt - 1);
    expect(producers.hides(idOf('r'), at, 100)).toBe(true);
    producers.trimmed(revokedAt);
    expect(producers.hidesAny).toBe(false);
  });

  test('that is not committed hides nothing, refuses already, and can be taken back', () => {
    const { producers, append } = rig();
    const at = append('r');
    const change = producers.revoke(idOf('r'), 50);

    expect(producers.revokedAt(idOf('r'))).toBe(50);
    expect(producers.hides(idOf('r'), at, 50)).toBe(false);
    expect(producers.hides(idOf('r'), at, 51)).toBe(true);
    producers.undo(change);
    expect([producers.revokedAt(idOf('r')), producers.hidesAny]).toEqual([null, false]);
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
