/** What a `GroupLog` does on any disk: run by `group-log.test.ts` for the real, the simulated and the in-memory one. */
import { describe, expect, test } from 'vitest';
import { groupId, offset } from '../../src/base/branded.ts';
import type { Result } from '../../src/base/result.ts';
import type { LogBatch } from '../../src/raft/messages.ts';
import { verifyFrame } from '../../src/record/index.ts';
import {
  type GroupLog,
  type GroupLogOptions,
  type OpenedLog,
  type OpenFailure,
  openGroupLog,
  type ReadFailure,
  type StorageHost,
} from '../../src/storage/index.ts';
import { bytes, Leader, logOptions, must } from '../unit/storage/rig.ts';

type Wrote = Result<undefined, OpenFailure>;

const wait = <Value>(start: (done: (value: Value) => void) => void): Promise<Value> => new Promise((resolve) => start(resolve));

async function open(host: StorageHost, options: Partial<GroupLogOptions> = {}): Promise<OpenedLog> {
  return must(await wait<Result<OpenedLog, OpenFailure>>((done) => openGroupLog(host, { ...logOptions, ...options }, done)));
}

async function write(log: GroupLog, batches: readonly LogBatch[], truncateTo: number | null = null): Promise<void> {
  must(await wait<Wrote>((done) => log.write({ truncateTo: truncateTo === null ? null : offset(truncateTo), batches }, done)));
}

async function read(log: GroupLog, offsetFrom: number, offsetTo: number = log.endOffset, bytesMax = 2 ** 40): Promise<readonly LogBatch[]> {
  const request = { offsetFrom: offset(offsetFrom), offsetTo: offset(offsetTo), bytesMax };
  return must(await wait<Result<readonly LogBatch[], ReadFailure>>((done) => log.read(request, done)));
}

const close = (log: GroupLog): Promise<void> => wait((done) => log.close(done));
const offsetsOf = (batches: readonly LogBatch[]): number[] => batches.map((batch) => batch.offsetFrom);

export function describeGroupLog(name: string, makeHost: () => StorageHost): void {
  describe(`a log on the ${name} disk`, () => {
    test('begins empty', async () => {
      const { log, checkpoint, cut, cleanStop } = await open(makeHost());

      expect([log.logStartOffset, log.endOffset, log.syncedOffset, log.lastChecksum, log.segmentCount]).toEqual([0, 0, 0, 0, 1]);
      expect([log.termStarts, checkpoint, cut, cleanStop, log.full]).toEqual([[], null, null, true, false]);
      expect(await read(log, 0)).toEqual([]);
      await close(log);
    });

    test('gives back what was written, before and after it was opened again', async () => {
      const host = makeHost();
      const leader = new Leader();
      const { log } = await open(host);
      const batches = [...leader.batches(3, 2), ...leader.batches(2)];
      await write(log, batches.slice(0, 2));
      await write(log, batches.slice(2));

      expect([log.endOffset, log.syncedOffset, log.lastChecksum]).toEqual([8, 8, leader.lastChecksum]);
      expect(await read(log, 0)).toEqual(batches);
      await close(log);

      const again = await open(host);
      expect([again.cleanStop, again.cut, again.log.endOffset, again.log.syncedOffset]).toEqual([true, null, 8, 8]);
      expect(again.log.lastChecksum).toBe(leader.lastChecksum);
      expect(await read(again.log, 0)).toEqual(batches);
      await close(again.log);
    });

    test('moves its end when a write begins and its synced offset when it is done', async () => {
      const { log } = await open(makeHost());
      const batches = new Leader().batches(2);
      const written = wait<Wrote>((done) => log.write({ truncateTo: null, batches }, done));

      expect([log.endOffset, log.syncedOffset]).toEqual([2, 0]);
      expect(await read(log, 0)).toEqual(batches);
      must(await written);
      expect(log.syncedOffset).toBe(2);
      await close(log);
    });

    test('reads from the batch that contains an offset, whole batches, at least one and as many as fit', async () => {
      const { log } = await open(makeHost());
      const leader = new Leader();
      const batches = leader.batches(60, 3, 50);
      for (let i = 0; i < 60; i += 6) await write(log, batches.slice(i, i + 6));
      const size = (batches[0] as LogBatch).bytes.length;
      expect(log.segmentCount).toBeGreaterThan(2);

      expect(offsetsOf(await read(log, 4, 180, 1))).toEqual([3]);
      expect(offsetsOf(await read(log, 5, 180, size * 2 + 5))).toEqual([3, 6]);
      expect(offsetsOf(await read(log, 6, 12))).toEqual([6, 9]);
      expect(await read(log, 180)).toEqual([]);
      expect(await read(log, 0, 180)).toEqual(batches);
      for (const from of [0, 33, 77, 140, 179]) {
        expect(await read(log, from)).toEqual(batches.filter((batch) => batch.offsetTo > from));
      }
      expect((await read(log, 0)).every((batch) => verifyFrame(batch.bytes, bytes))).toBe(true);
      await close(log);
    });

    test('goes on in new segments and finds all of them again', async () => {
      const host = makeHost();
      const { log } = await open(host);
      const leader = new Leader();
      const batches: LogBatch[] = [];
      for (let i = 0; i < 40; i++) {
        if (i % 10 === 0) leader.goBackTo(batches, i + 1);
        const more = leader.batches(4, 1, 200);
        batches.push(...more);
        await write(log, more);
      }
      const { segmentCount } = log;
      expect(segmentCount).toBeGreaterThan(3);
      await close(log);

      const again = await open(host);
      expect(again.log.segmentCount).toBe(segmentCount);
      expect(await read(again.log, 0)).toEqual(batches);
      expect(again.log.termStarts).toEqual([1, 11, 21, 31].map((term, i) => ({ term, offsetFrom: i * 40 })));
      const { offsetTo, bytes: state } = again.checkpoint ?? { offsetTo: -1, bytes: new Uint8Array(0) };
      expect(bytes.utf8Decode(state)).toBe(`state ${offsetTo}`);
      expect(offsetTo).toBeGreaterThan(80);
      await write(again.log, leader.batches(3));
      expect(again.log.endOffset).toBe(163);
      await close(again.log);
    });

    test('takes batches that are larger than a segment, and writes larger than several', async () => {
      const host = makeHost();
      const { log } = await open(host);
      const leader = new Leader();
      const batches = [leader.batch(1, 100_000), ...leader.batches(2), ...leader.batches(200, 1, 900), leader.batch(1, 50_000)];
      await write(log, batches);

      expect(await read(log, 0)).toEqual(batches);
      await close(log);
      const again = await open(host);
      expect(await read(again.log, 0)).toEqual(batches);
      await close(again.log);
    });

    test('is cut back and continued, also across segments, and never shows what was cut', async () => {
      const host = makeHost();
      // None of it is committed, so there is no checkpoint of it.
      const uncommitted = { checkpoint: () => null };
      const { log } = await open(host, uncommitted);
      const leader = new Leader();
      let batches = leader.batches(100, 2, 100);
      await write(log, batches);
      for (const [truncateTo, newTerm] of [
        [198, 2],
        [150, 3],
        [20, 4],
        [0, 5],
      ] as const) {
        batches = batches.filter((batch) => batch.offsetTo <= truncateTo);
        leader.goBackTo(batches, newTerm);
        const more = leader.batches(30, 2, 100);
        batches = [...batches, ...more];
        await write(log, more, truncateTo);

        expect(log.endOffset).toBe(truncateTo + 60);
        expect(await read(log, 0)).toEqual(batches);
        expect(log.termStarts.at(-1)).toEqual({ term: newTerm, offsetFrom: truncateTo });
      }
      await write(log, [], 10);
      expect([log.endOffset, log.syncedOffset]).toEqual([10, 10]);
      await close(log);

      const again = await open(host, uncommitted);
      expect(await read(again.log, 0)).toEqual(batches.slice(0, 5));
      expect(again.log.lastChecksum).toBe(log.lastChecksum);
      expect(again.log.termStarts).toEqual([{ term: 5, offsetFrom: 0 }]);
      await close(again.log);
    });

    test('finds the first batch appended at or after a time', async () => {
      const { log } = await open(makeHost());
      const leader = new Leader();
      const batches = leader.batches(100, 2, 100);
      for (let i = 0; i < 100; i += 5) await write(log, batches.slice(i, i + 5));
      const since = async (timeMs: number): Promise<number> =>
        must(await wait<Result<number, ReadFailure>>((done) => log.offsetSince(timeMs, done)));

      expect(await since(0)).toBe(0);
      for (const i of [0, 1, 17, 50, 98, 99]) expect(await since(1_000_000 + i)).toBe(i * 2);
      expect(await since(1_000_100)).toBe(200);
      await close(log);
    });

    test('removes old segments whole, and then says where it begins', async () => {
      const host = makeHost();
      const { log } = await open(host);
      const leader = new Leader();
      const batches = leader.batches(100, 2, 100);
      for (let i = 0; i < 100; i += 5) await write(log, batches.slice(i, i + 5));
      const before = log.segmentCount;
      must(await wait<Wrote>((done) => log.deleteBefore(offset(100), done)));

      expect(log.segmentCount).toBeLessThan(before);
      expect(log.logStartOffset).toBeGreaterThan(0);
      expect(log.logStartOffset).toBeLessThanOrEqual(100);
      const rest = batches.filter((batch) => batch.offsetFrom >= log.logStartOffset);
      expect(await read(log, log.logStartOffset)).toEqual(rest);
      const below = await wait<Result<readonly LogBatch[], ReadFailure>>((done) =>
        log.read({ offsetFrom: offset(0), offsetTo: offset(9), bytesMax: 9 }, done),
      );
      expect(below).toEqual({ ok: false, error: { kind: 'belowLogStart' } });
      expect(log.termStarts).toEqual([{ term: 1, offsetFrom: log.logStartOffset }]);
      expect(log.termBeforeStart).toBe(1);
      await close(log);

      const again = await open(host);
      expect(again.log.logStartOffset).toBe(log.logStartOffset);
      expect(await read(again.log, log.logStartOffset)).toEqual(rest);
      expect(again.log.termStarts).toEqual(log.termStarts);
      expect(again.log.termBeforeStart).toBe(1);
      await close(again.log);
    });

    test('records that it is idle once, and a clean stop', async () => {
      const host = makeHost();
      const { log } = await open(host);
      await write(log, new Leader().batches(1));
      const size = log.sizeBytes;
      must(await wait<Wrote>((done) => log.mark(done)));
      must(await wait<Wrote>((done) => log.mark(done)));
      expect(log.sizeBytes).toBe(size + 48);
      await close(log);

      const again = await open(host);
      expect(again.cleanStop).toBe(true);
      await close(again.log);
    });

    test('keeps the logs of two groups apart', async () => {
      const host = makeHost();
      const first = await open(host);
      const second = await open(host, { group: groupId(8), path: 'groups/8' });
      const ours = new Leader().batches(2);
      const theirs = new Leader(groupId(8)).batches(3);
      await Promise.all([write(first.log, ours), write(second.log, theirs)]);

      expect(await read(first.log, 0)).toEqual(ours);
      expect(await read(second.log, 0)).toEqual(theirs);
      expect(() => first.log.write({ truncateTo: null, batches: theirs.slice(2) }, () => {})).toThrow('group');
    });
  });
}
