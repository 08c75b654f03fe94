import { describe, expect, test } from 'vitest';
import type { CancelSignal, ReadResult } from '../../../src/eventlog/index.ts';
import { readOf, Rig, valuesOf } from './rig.ts';

describe('a linearizable read', () => {
  test('at any broker shows what was acknowledged before it began', () => {
    const rig = new Rig();
    rig.awaitLeader();
    for (let i = 0; i < 30; i++) {
      const { offset } = rig.appended(1 + (i % 3), [`${i}`]);

      const result = rig.read(1 + ((i + 1) % 3), { offsetFrom: offset });

      expect(valuesOf(result)).toEqual([`${i}`]);
    }
  });

  test('at a broker that is cut off fails as not current, and a local one says how old it is', () => {
    const rig = new Rig();
    const id = rig.follower();
    rig.appended(id, ['a']);
    rig.read(id);
    rig.isolate(id);
    rig.run(3000);

    const error = rig.error(id, (service, answer) => service.read(readOf(), answer));
    const local = rig.read(id, { freshness: 'local' });

    expect(error).toMatchObject({ code: 'notCurrent', definite: true });
    expect(valuesOf(local)).toEqual(['a']);
    expect(local.asOfMs).toBeGreaterThan(2900);
  });

  test('at a deposed leader never shows an old end as the new one', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const call = rig.begin<ReadResult>(leader, (service, answer) => service.read(readOf(), answer));
    rig.isolate(leader);
    rig.until('it is answered', () => call.outcome !== null);

    expect(call.outcome?.ok === true ? 'current' : call.outcome?.error.code).toMatch(/^(current|notCurrent)$/);
    expect(rig.violations).toEqual([]);
  });
});

describe('a session read', () => {
  test('waits until this broker shows what the session has seen', () => {
    const rig = new Rig();
    const id = rig.follower();
    const { offset } = rig.appended(rig.awaitLeader(), ['a']);

    const result = rig.read(id, { freshness: 'session', sessionOffset: offset + 1 });

    expect(result.highWatermark).toBeGreaterThan(offset);
    expect(valuesOf(result)).toEqual(['a']);
  });

  test('that cannot be served in time says how far this broker is', () => {
    const rig = new Rig();

    const error = rig.error(rig.awaitLeader(), (service, answer) =>
      service.read(readOf({ freshness: 'session', sessionOffset: 99 }), answer),
    );

    expect(error).toMatchObject({ code: 'notCurrent' });
    expect(error.message).toContain('not yet to 99');
  });
});

describe('a waiting read', () => {
  test('is answered by the next append, on followers too', () => {
    const rig = new Rig();
    rig.awaitLeader();
    const { offset } = rig.appended(1, ['a']);
    const more = { offsetFrom: offset + 1, freshness: 'local', waitMs: 10_000 } as const;
    const waiting = rig.cluster.members.map(({ id }) => rig.begin<ReadResult>(id, (service, answer) => service.read(readOf(more), answer)));
    rig.run(1000);
    expect(waiting.every(({ outcome }) => outcome === null)).toBe(true);

    rig.appended(2, ['b']);
    rig.until('all are answered', () => waiting.every(({ outcome }) => outcome !== null), 100);

    for (const { outcome } of waiting) expect(outcome?.ok === true && valuesOf(outcome.value)).toEqual(['b']);
  });

  test('is answered empty when its time is up, and at once when cancelled', () => {
    const rig = new Rig();
    const id = rig.awaitLeader();
    rig.appended(id, ['a']);
    const { highWatermark } = rig.read(id);
    const startMs = rig.nowMs;

    const result = rig.read(id, { offsetFrom: highWatermark, waitMs: 500 });

    expect(result).toMatchObject({ offsetFrom: highWatermark, offsetNext: highWatermark, batches: [] });
    expect(rig.nowMs - startMs).toBeGreaterThanOrEqual(500);

    const cancel: CancelSignal = { cancelled: false, onCancel: null };
    const call = rig.begin<ReadResult>(id, (service, answer) =>
      service.read(readOf({ offsetFrom: highWatermark, waitMs: 60_000, cancel }), answer),
    );
    rig.run(100);
    (cancel as { cancelled: boolean }).cancelled = true;
    cancel.onCancel?.();
    rig.until('it is answered', () => call.outcome !== null, 50);
    expect(call.outcome).toMatchObject({ ok: true, value: { batches: [] } });
  });

  test('is not woken into an answer by control batches alone', () => {
    const rig = new Rig();
    const id = rig.awaitLeader();
    rig.appended(id, ['a']);
    const { highWatermark } = rig.read(id);

    const call = rig.begin<ReadResult>(id, (service, answer) =>
      service.read(readOf({ offsetFrom: highWatermark, waitMs: 10_000 }), answer),
    );
    rig.ok(id, (service, answer) => service.revoke({ topic: 'log' }, 'r', answer));
    rig.run(100);
    expect(call.outcome).toBe(null);
    rig.appended(id, ['b']);
    rig.until('it is answered', () => call.outcome !== null);

    expect(call.outcome?.ok === true && valuesOf(call.outcome.value)).toEqual(['b']);
  });
});

describe('a range', () => {
  test('is read in parts of at most the bytes asked for, each going on where the last one ended', () => {
    const rig = new Rig({ settings: { segmentBytesMin: 4096, segmentBytesMax: 8192, cacheBytesMax: 2000 } });
    const id = rig.awaitLeader();
    const sent = Array.from({ length: 80 }, (_, i) => `${i}`.padEnd(150, '.'));
    for (const value of sent) rig.appended(id, [value]);

    const values: string[] = [];
    let parts = 0;
    for (let offsetFrom = 0; values.length < sent.length; parts++) {
      const result = rig.read(id, { offsetFrom, bytesMax: 1000 });
      const bytes = result.batches.reduce((sum, batch) => sum + batch.length, 0);
      expect(bytes).toBeLessThanOrEqual(1000);
      values.push(...valuesOf(result));
      offsetFrom = result.offsetNext;
    }

    expect(values).toEqual(sent);
    expect(parts).toBeGreaterThan(10);
    expect(rig.read(id, { offsetFrom: 40, bytesMax: 1 }).batches).toHaveLength(1);
  });

  test('that begins beyond the end or is unknown is refused with what there is', () => {
    const rig = new Rig();
    const id = rig.awaitLeader();
    rig.appended(id, ['a']);
    const { highWatermark } = rig.read(id);

    const error = rig.error(id, (service, answer) => service.read(readOf({ offsetFrom: highWatermark + 1 }), answer));

    expect(error).toMatchObject({ code: 'offsetOutOfRange', definite: true, details: { logStartOffset: 0, endOffset: highWatermark } });
  });

  describe('that begins beyond what a broker that is behind has heard of', () => {
    /** A broker that is cut off, while five records are appended. */
    function lagging(): { readonly rig: Rig; readonly behind: number; readonly end: number } {
      const rig = new Rig();
      const behind = rig.follower();
      rig.run(500);
      rig.isolate(behind);
      const ends = ['a', 'b', 'c', 'd', 'e'].map((value) => rig.appended(rig.awaitLeader(), [value]).offset + 1);
      return { rig, behind, end: ends[4] as number };
    }
    const freshnesses = ['local', 'session'] as const;

    test.each(freshnesses)('is not refused for good at level %s: no leader said that it does not exist', (freshness) => {
      const { rig, behind, end } = lagging();

      const error = rig.error(behind, (service, answer) => service.read(readOf({ offsetFrom: end, freshness, waitMs: 100 }), answer));

      expect(error).toMatchObject({ code: 'notCurrent', retriable: true });
    });

    test.each(freshnesses)('waits at level %s for what comes', (freshness) => {
      const { rig, behind, end } = lagging();
      const call = rig.begin<ReadResult>(behind, (service, answer) =>
        service.read(readOf({ offsetFrom: end, freshness, waitMs: 10_000 }), answer),
      );
      rig.run(3000);
      expect(call.outcome).toBe(null);

      rig.heal();
      rig.appended(rig.awaitLeader(), ['next']);
      rig.until('it is answered', () => call.outcome !== null);

      expect(call.outcome?.ok === true && valuesOf(call.outcome.value)).toEqual(['next']);
    });

    test.each(freshnesses)('is refused at level %s when the leader says that the topic does not go so far', (freshness) => {
      const rig = new Rig();
      const behind = rig.follower();
      const end = rig.appended(behind, ['a']).offset + 1;

      const error = rig.error(behind, (service, answer) =>
        service.read(readOf({ offsetFrom: end + 1, freshness, waitMs: 10_000 }), answer),
      );

      expect(error).toMatchObject({ code: 'offsetOutOfRange', details: { endOffset: end } });
    });
  });

  test('is answered when the disk is not: another broker may have one that works', () => {
    const rig = new Rig({ settings: { cacheBytesMax: 0 } });
    const id = rig.awaitLeader();
    rig.appended(id, ['a'.repeat(500)]);
    rig.appended(id, ['b']);
    rig.run(1000);
    const { disk } = rig.member(id).machine;
    if (disk !== null) disk.hung = true;

    const error = rig.error(id, (service, answer) => service.read(readOf({ freshness: 'local' }), answer));

    expect(error).toMatchObject({ code: 'notCurrent', retriable: true });
  });

  test('can begin at a log time', () => {
    const rig = new Rig();
    const id = rig.awaitLeader();
    rig.appended(id, ['early']);
    rig.run(5000);
    const { timestampMs } = rig.appended(id, ['late']);

    const result = rig.read(rig.follower(), { offsetFrom: null, sinceMs: timestampMs - 1000 });

    expect(valuesOf(result)).toEqual(['late']);
    expect(valuesOf(rig.read(id, { offsetFrom: null, sinceMs: timestampMs + 1000 }))).toEqual([]);
  });
});
