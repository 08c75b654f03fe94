/**
 * A data directory as commit 50055c0 left it when it was killed: one broker with `topicsMax: 4`, segments of 4 to 16 KiB. It made the topics a, b and c, was
 * refused d and e for the limit, deleted a and made f, took 260 records into f (64 KiB, so that retention removed the oldest, and the only checkpoint with
 * them), five into b, and one by `PUT /`.
 */
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { expect, test } from 'vitest';
import type { Result } from '../../../src/base/result.ts';
import { runTask, wait } from '../../../src/base/task.ts';
import type { DiskError, DiskFile } from '../../../src/host/index.ts';
import type { SimDisk } from '../../../src/sim/disk.ts';
import { Rig } from './rig.ts';

const fixture = path.resolve(import.meta.dirname, '../../fixtures/data-directory-50055c0.json.gz');
const files = JSON.parse(zlib.gunzipSync(fs.readFileSync(fixture)).toString()) as Readonly<Record<string, string>>;

/** Puts the directory on the disk of a broker that is down. */
function fill(rig: Rig, target: SimDisk): void {
  const { world } = rig.cluster;
  target.replaceBy(null);
  const disk = target.copy(world.random.fork(), { schedule: (delayMs, run) => world.scheduler.schedule(delayMs, 'client', 0, run) });
  const ok = <Value>(result: Result<Value, DiskError>): Value => {
    if (!result.ok) throw new Error(result.error.reason);
    return result.value;
  };
  rig.waitFor((done) =>
    runTask(function* () {
      ok(yield* wait<Result<undefined, DiskError>>((next) => disk.makeDirectory('groups', next)));
      for (const [name, content] of Object.entries(files)) {
        const folder = path.posix.dirname(name);
        if (folder !== '.') ok(yield* wait<Result<undefined, DiskError>>((next) => disk.makeDirectory(folder, next)));
        const file = ok(yield* wait<Result<DiskFile, DiskError>>((next) => disk.open(name, 'create', next)));
        const bytes = new Uint8Array(Buffer.from(content, 'base64'));
        ok(yield* wait<Result<undefined, DiskError>>((next) => file.write(0, [bytes], next)));
        yield* wait<undefined>((next) => file.close(() => next(undefined)));
      }
      return undefined;
    }, done),
  );
  target.replaceBy(disk);
}

test('a data directory of commit 50055c0 opens, with the topics that it had, whatever `topicsMax` is now', () => {
  let topicsMax = 4;
  const rig = new Rig({
    brokers: 1,
    change: (o) => ({
      ...o,
      settings: {
        ...o.settings,
        topicsMax,
        topicsMaxBefore: topicsMax,
        segmentBytesMin: 4096,
        segmentBytesMax: 16_384,
        eventsRetentionBytes: 32_768,
      },
    }),
  });
  rig.kill(1);
  fill(rig, rig.member(1).machine.disk as SimDisk);
  const value = (name: string): string => `${name} ${'x'.repeat(900)}`;

  for (const limit of [4, 200, 1]) {
    topicsMax = limit;
    rig.start(1);
    rig.awaitLeader('f');
    rig.until('the catalog is known', () => rig.broker(1).peek().partitions.length === 5);
    const partitions = rig
      .broker(1)
      .peek()
      .partitions.map(({ topic, group, fenced }) => ({ topic, group, fenced }));
    expect(partitions).toEqual(
      [
        ['log', 2],
        ['b', 18],
        ['c', 19],
        ['cairn.events', 16],
        ['f', 20],
      ].map(([topic, group]) => ({ topic, group, fenced: null })),
    );
    expect(rig.values(1, 'b')).toEqual(['b1', 'b2', 'b3', 'b4', 'b5']);
    expect(rig.values(1)).toEqual(['hello']);
    expect(rig.appended(1, ['b1'], { topic: 'b', requestId: 'b1' })).toMatchObject({ duplicate: true, offset: 1 });
    expect(rig.appended(1, [value('f255')], { topic: 'f', requestId: 'f255' })).toMatchObject({ duplicate: true, offset: 255 });
    // Its records went with the only checkpoint.
    expect(rig.refused(1, [value('f1')], { topic: 'f', requestId: 'f1', firstAttemptMs: 60_000 }).code).toBe('unknownProducer');
    rig.run(1000);
    rig.kill(1);
  }
});
