import { describe, expect, test } from 'vitest';
import { appendOf, batchOf, Rig, valuesOf } from './rig.ts';

const quick = { timeoutMs: 2000 } as const;

describe.each([1, 3, 5])('with %i brokers', (brokers) => {
  test('an append at any broker is on a majority and reads the same everywhere', () => {
    const rig = new Rig({ brokers });
    rig.awaitLeader();

    const results = rig.cluster.members.map(({ id }) => rig.appended(id, [`from ${id}`, 'and more']));

    const values = results.flatMap((_, index) => [`from ${index + 1}`, 'and more']);
    for (const { id } of rig.cluster.members) expect(rig.values(id)).toEqual(values);
    for (const result of results) {
      expect(result).toMatchObject({
        topic: 'log',
        partition: 0,
        count: 2,
        level: 'quorum',
        committed: true,
        duplicate: false,
        durable: true,
      });
      expect(result.ackedBy.length).toBeGreaterThan(brokers / 2);
    }
    expect(rig.violations).toEqual([]);
  });

  test('appends of one turn share one batch and learn their own offsets', () => {
    const rig = new Rig({ brokers });
    const id = rig.follower() ?? rig.awaitLeader();

    const calls = Array.from({ length: 50 }, (_, i) => rig.beginAppend(id, [`a${i}`, `b${i}`]));
    rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));

    const offsets = calls.map(({ outcome }) => (outcome?.ok === true ? outcome.value.offset : -1));
    expect(offsets).toEqual(offsets.map((_, i) => (offsets[0] as number) + i * 2));
    const read = rig.read(id, { offsetFrom: offsets[0] as number });
    expect(read.batches).toHaveLength(1);
    expect(valuesOf(read)).toEqual(calls.flatMap((_, i) => [`a${i}`, `b${i}`]));
  });
});

describe('when the leader dies', () => {
  test('appends waiting at the others go on with the next leader, within their time and once', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const other = rig.follower();

    const calls = Array.from({ length: 5 }, (_, i) => rig.beginAppend(other, [`first ${i}`]));
    rig.run(0.3);
    rig.kill(leader);
    const later = Array.from({ length: 5 }, (_, i) => rig.beginAppend(other, [`second ${i}`]));
    rig.until('all are answered', () => [...calls, ...later].every(({ outcome }) => outcome !== null));

    for (const { outcome } of [...calls, ...later]) expect(outcome?.ok).toBe(true);
    expect(rig.values(other).sort()).toEqual([0, 1, 2, 3, 4].flatMap((i) => [`first ${i}`, `second ${i}`]).sort());
    expect(rig.leader()).not.toBe(leader);
    expect(rig.violations).toEqual([]);
  });

  test('an append whose answer was lost with it is not appended a second time', () => {
    // The kill hits every moment between the forwarding and the answer.
    for (let step = 0; step < 30; step++) {
      const rig = new Rig({ seed: step + 1 });
      const leader = rig.awaitLeader();
      const other = rig.follower();
      rig.appended(other, ['before']);

      const call = rig.beginAppend(other, ['once']);
      rig.run(step * 0.1);
      rig.kill(leader, true);
      rig.until('it is answered', () => call.outcome !== null);

      expect(call.outcome?.ok).toBe(true);
      expect(rig.values(other)).toEqual(['before', 'once']);
      expect(rig.violations).toEqual([]);
    }
  });

  test('what it had appended alone is not taken for what the next leader put in its place', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const next = rig.follower();
    rig.isolate(leader);
    const call = rig.beginAppend(leader, ['alone']);
    rig.until('another leads', () => rig.leader() !== leader);
    for (let i = 0; i < 5; i++) rig.appended(next, [`${i}`]);
    expect(call.outcome).toBe(null);

    rig.heal();
    rig.until('it is answered', () => call.outcome !== null);

    const offset = call.outcome?.ok === true ? call.outcome.value.offset : -1;
    expect(rig.values(next)).toEqual(['0', '1', '2', '3', '4', 'alone']);
    expect(valuesOf(rig.read(next, { offsetFrom: offset }))).toEqual(['alone']);
    expect(rig.violations).toEqual([]);
  });

  test('one that comes back holds the same log', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.appended(leader, ['one']);

    rig.kill(leader, true);
    const next = rig.awaitLeader();
    rig.appended(next, ['two']);
    rig.start(leader);

    expect(rig.values(leader)).toEqual(['one', 'two']);
    expect(rig.violations).toEqual([]);
  });
});

describe('errors are definite or indefinite, truly', () => {
  test('without any leader nothing was appended, and never will be', () => {
    const rig = new Rig();
    rig.kill(2);
    rig.kill(3);

    const error = rig.refused(1, ['never'], { timeoutMs: 500 });

    expect(error).toMatchObject({ code: 'noLeader', definite: true });
    rig.start(2);
    rig.awaitLeader();
    rig.run(2000);
    expect(rig.values(1)).toEqual([]);
  });

  test('a leader without a majority does not know', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.isolate(leader);

    const error = rig.refused(leader, ['perhaps'], { timeoutMs: 150 });

    expect(error).toMatchObject({ code: 'timeout', definite: false });
    rig.heal();
    rig.awaitLeader();
    rig.run(1000);
    expect(rig.violations).toEqual([]);
  });

  test('an append forwarded into a partition is not known either, and a retry with its request id tells', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const other = rig.follower();
    rig.cluster.world.network.block(leader, other);

    const error = rig.refused(other, ['x'], { timeoutMs: 100, requestId: 'r1' });
    rig.heal();
    const result = rig.appended(other, ['x'], { requestId: 'r1' });

    expect(error).toMatchObject({ code: 'timeout', definite: false });
    expect(result.duplicate).toBe(true);
    expect(rig.values(other)).toEqual(['x']);
  });

  test('what a leader refuses after an attempt that nobody answered is not called definite', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const other = rig.follower();
    const { offset } = rig.appended(other, ['a']);

    const call = rig.beginAppend(other, ['b'], { expectedOffset: offset + 1 });
    rig.isolate(leader);
    rig.until('it is answered', () => call.outcome !== null);

    // The next leader's first entry stands where this one was to go.
    expect(call.outcome).toMatchObject({ ok: false, error: { code: 'timeout', definite: false, details: { endOffset: offset + 2 } } });
  });

  test('an append whose time is over when the leader gets it never happens', () => {
    const rig = new Rig();

    const error = rig.refused(rig.awaitLeader(), ['late'], { timeoutMs: 0 });
    rig.run(1000);

    expect(error).toMatchObject({ code: 'notAppendedInTime', definite: true });
    expect(rig.values(1)).toEqual([]);
  });

  test('more than may wait is refused at once', () => {
    const rig = new Rig({ settings: { queuedAppendsMax: 3 } });
    const id = rig.awaitLeader();
    rig.awaitLeader('cairn.events');
    // What a broker appends for itself waits too.
    rig.until('nothing else waits', () => rig.broker(id).peek().counters.queuedAppendBytes === 0);

    const calls = Array.from({ length: 5 }, () => rig.beginAppend(id, ['x']));
    rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));

    const codes = calls.map(({ outcome }) => (outcome?.ok === true ? 'ok' : outcome?.error.code));
    expect(codes).toEqual(['ok', 'ok', 'ok', 'overloaded', 'overloaded']);
    expect(rig.appended(id, ['x']).committed).toBe(true);
  });

  test('what is larger than the limit is refused with the limit', () => {
    const rig = new Rig({ settings: { batchBytesMax: 1000 } });

    expect(rig.refused(rig.awaitLeader(), ['x'.repeat(1000)])).toMatchObject({ code: 'recordTooLarge', details: { limit: 1000 } });
  });

  test('an unknown topic is unknown only if the catalog says so', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader('catalog');

    expect(rig.refused(1, ['x'], { topic: 'nowhere', ...quick }).code).toBe('unknownTopic');
    for (const { id } of rig.cluster.members) if (id !== leader) rig.kill(id);
    rig.run(1000);
    expect(rig.refused(leader, ['x'], { topic: 'nowhere', ...quick }).code).toBe('noLeader');
  });
});

describe('levels', () => {
  test('all is answered when every voter has it', () => {
    const rig = new Rig();

    const result = rig.appended(rig.follower(), ['x'], { level: 'all' });

    expect(result).toMatchObject({ ackedBy: [1, 2, 3], committed: true, level: 'all' });
  });

  test('all without one voter says what was reached', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const away = rig.follower();
    const third = rig.cluster.members.find(({ id }) => id !== leader && id !== away)?.id as number;
    rig.kill(away);

    for (const id of [leader, third]) {
      const error = rig.refused(id, ['x'], { level: 'all', timeoutMs: 700 });

      expect(error).toMatchObject({ code: 'levelNotReached', definite: false });
      expect(error.details).toMatchObject({ committed: true, ackedBy: [1, 2, 3].filter((one) => one !== away).join(',') });
    }
  });

  test('leader is answered by a leader alone, as not committed', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.isolate(leader);

    const result = rig.appended(leader, ['x'], { level: 'leader' });

    expect(result).toMatchObject({ committed: false, ackedBy: [leader] });
  });
});

describe('an expected offset', () => {
  test('lets exactly one of two appends through', () => {
    const rig = new Rig();
    rig.awaitLeader();
    const { offset } = rig.ok<{ offset: number }>(1, (service, answer) => service.end({ topic: 'log', freshness: 'linearizable' }, answer));

    const calls = [1, 2, 3].map((id) => rig.beginAppend(id, [`by ${id}`], { expectedOffset: offset }));
    rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));

    const won = calls.filter(({ outcome }) => outcome?.ok === true);
    expect(won).toHaveLength(1);
    const lost = calls.flatMap(({ outcome }) => (outcome?.ok === false ? [outcome.error] : []));
    for (const error of lost) expect(error).toMatchObject({ code: 'offsetMismatch', definite: true, details: { endOffset: offset + 1 } });
  });

  test('survives a change of leader without a second try being refused', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const other = rig.follower();
    const { offset } = rig.appended(other, ['a']);

    const call = rig.beginAppend(other, ['b'], { expectedOffset: offset + 1 });
    rig.run(1.5);
    rig.kill(leader);
    rig.until('it is answered', () => call.outcome !== null);

    // Either it was in the log of the next leader, or the new leader's own first entry came before it.
    const end = call.outcome?.ok === true ? call.outcome.value.offset : call.outcome?.error.code;
    expect([offset + 1, 'offsetMismatch', 'timeout']).toContain(end);
    expect(rig.violations).toEqual([]);
  });
});

test('a batch that the caller built is stored as it is, but for its producer and place', () => {
  const rig = new Rig({ brokers: 1 });
  rig.awaitLeader();

  const request = appendOf(['a', 'b'], { requestId: 'mine' });
  const original = batchOf(['a', 'b']);
  rig.ok(1, (service, answer) => service.append(request, answer));

  const stored = rig.read(1).batches[0] as Uint8Array;
  expect(stored.subarray(57)).toEqual(original.subarray(57));
});
