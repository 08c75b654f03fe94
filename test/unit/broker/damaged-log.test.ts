import { describe, expect, test } from 'vitest';
import type { ReadResult } from '../../../src/eventlog/index.ts';
import type { DiskOperation } from '../../../src/sim/disk.ts';
import { readOf, Rig } from './rig.ts';

/** A broker that finds its `log` damaged when it starts. */
function withDamagedLog(): { readonly rig: Rig; readonly id: number } {
  const rig = new Rig();
  rig.createTopic('orders');
  for (let i = 0; i < 5; i++) rig.appended(1, [`${i}`]);
  const id = rig.follower();
  rig.run(1000);
  rig.kill(id);
  const { machine } = rig.member(id);
  const path = machine.disk?.filePaths().find((name) => name.startsWith('groups/log/') && name.endsWith('.log')) as string;
  rig.cluster.damage(rig.member(id), path, 1500);
  rig.start(id);
  return { rig, id };
}

describe('a broker whose `log` is damaged', () => {
  test('is ready all the same: it takes part in everything else', () => {
    const { rig, id } = withDamagedLog();

    rig.run(2000);

    expect(rig.broker(id).ready).toBe(true);
    expect(rig.appended(id, ['a'], { topic: 'orders' }).committed).toBe(true);
    expect(rig.values(id, 'orders')).toEqual(['a']);
    expect(rig.violations).toEqual([]);
  });

  test('says so, in its status and to whoever asks for `log`', () => {
    const { rig, id } = withDamagedLog();

    const status = rig.broker(id).peek();
    expect(status.partitions.find(({ topic }) => topic === 'log')).toMatchObject({
      role: 'fenced',
      fenced: expect.stringMatching(/damaged at \d+/),
    });
    expect(rig.lines).toContainEqual(expect.objectContaining({ machine: id, event: 'groupFenced', level: 'error' }));
    expect(rig.refused(id, ['x'])).toMatchObject({ code: 'fenced', definite: true });
    const other = rig.alive.find((member) => member.id !== id)?.id as number;
    expect(rig.values(other)).toEqual(['0', '1', '2', '3', '4']);
  });
});

describe('a read that', () => {
  /** A follower with old segments on its disk, which its memory does not hold any more. */
  function withOldSegments(): { readonly rig: Rig; readonly id: number; readonly path: string } {
    const rig = new Rig({ settings: { segmentBytesMin: 4096, segmentBytesMax: 4096, cacheBytesMax: 4096 } });
    rig.awaitLeader();
    for (let i = 0; i < 40; i++) rig.appended(1, [`${i}`.padEnd(900, '.')]);
    rig.run(1000);
    const id = rig.follower();
    const path = rig
      .member(id)
      .machine.disk?.filePaths()
      .find((name) => /^groups\/log\/0+\.log$/.test(name)) as string;
    return { rig, id, path };
  }

  test('meets damage fences the log there, and says where it is to whoever asked and to the operator', () => {
    const { rig, id, path } = withOldSegments();
    rig.cluster.damage(rig.member(id), path, 1500);

    const error = rig.error<ReadResult>(id, (service, answer) => service.read(readOf({ freshness: 'local' }), answer));

    expect(error).toMatchObject({
      code: 'fenced',
      message: expect.stringMatching(/^Cannot read topic "log": groups\/log\/0+\.log is damaged at \d+/),
    });
    rig.run(100);
    expect(rig.lines).toContainEqual(expect.objectContaining({ machine: id, event: 'groupFenced', level: 'error' }));
    expect(
      rig
        .broker(id)
        .peek()
        .partitions.find(({ topic }) => topic === 'log'),
    ).toMatchObject({ role: 'fenced', fenced: error.message.replace('Cannot read topic "log": ', '') });
    expect(rig.appended(rig.leader() as number, ['after']).ackedBy).not.toContain(id);
    expect(rig.violations).toEqual([]);
  });

  test('the disk refuses is that one read: the log is not damaged, and some seconds later it is tried again', () => {
    const { rig, id } = withOldSegments();
    const { disk } = rig.member(id).machine;
    if (disk === null) throw new Error('machines have disks here');
    const { inject } = disk;
    disk.inject = (called, path) => (called === 'read' && path.startsWith('groups/log/') ? 'failed' : (inject?.(called, path) ?? null));

    const error = rig.error<ReadResult>(id, (service, answer) => service.read(readOf({ freshness: 'local' }), answer));
    disk.inject = inject;
    rig.run(11_000);

    expect(error).toMatchObject({
      code: 'diskFailed',
      message: expect.stringMatching(/^Cannot read topic "log": read of groups\/log\/\S+ failed/),
    });
    expect(rig.values(id).length).toBeGreaterThan(0);
    expect(rig.lines.filter(({ event }) => event === 'groupFenced')).toEqual([]);
    expect(rig.violations).toEqual([]);
  });
});

test('a broker that meets damage in its catalog fences that, and topics that it knows go on', () => {
  const rig = new Rig({ settings: { segmentBytesMin: 4096, segmentBytesMax: 4096, cacheBytesMax: 4096 } });
  for (let i = 0; i < 30; i++) rig.createTopic(`topic-${i}`.padEnd(100, 'x'));
  rig.run(1000);
  const id = rig.follower();
  const member = rig.member(id);
  rig.kill(id);
  // Sealed long ago: nobody looks at it when the log is opened.
  const path = member.machine.disk?.filePaths().find((name) => /^groups\/catalog\/0+\.log$/.test(name)) as string;
  rig.cluster.damage(member, path, 1500);

  rig.start(id);
  rig.run(2000);

  expect(rig.lines).toContainEqual(expect.objectContaining({ machine: id, event: 'groupFenced', level: 'error' }));
  const other = rig.alive.find((alive) => alive.id !== id)?.id as number;
  rig.createTopic('orders', other);
  expect(rig.appended(other, ['a'], { topic: 'orders' }).ackedBy).not.toContain(id);
  expect(rig.appended(id, ['b'])).toMatchObject({ committed: true });
  expect(rig.violations).toEqual([]);
});

describe('a mark that fails', () => {
  test.each<DiskOperation>(['write', 'sync'])('at its %s stops the broker: what the disk holds is not known any more', (operation) => {
    const rig = new Rig({ brokers: 1, logOnly: true, settings: { markAfterMs: 100 } });
    rig.awaitLeader();
    rig.appended(1, ['a']);
    const { disk } = rig.member(1).machine;
    if (disk === null) throw new Error('machines have disks here');
    const { inject } = disk;
    let failures = 0;
    disk.inject = (called, path) => {
      if (called !== operation || !path.startsWith('groups/log/')) return inject?.(called, path) ?? null;
      failures++;
      return 'failed';
    };
    rig.run(500);

    expect(failures).toBe(1);
    const [fatal] = rig.lines.filter(({ event }) => event === 'fatal');
    expect(fatal?.fields).toMatchObject({ code: 'diskFailed', message: expect.stringMatching(/^Cannot mark its log: /) });
    expect(rig.member(1).broker).toBeNull();
  });
});

test('a read that fails while a log is opened fences that log at most, whichever read it is, until the next start', () => {
  const rig = new Rig({ brokers: 1, logOnly: true, settings: { segmentBytesMin: 4096, segmentBytesMax: 4096 } });
  rig.awaitLeader();
  for (let i = 0; i < 40; i++) rig.appended(1, [`${i}`.padEnd(900, '.')]);
  const { disk } = rig.member(1).machine;
  if (disk === null) throw new Error('machines have disks here');
  const { inject } = disk;
  const outcomes = { fenced: 0, whole: 0 };
  // The first read of a start fails, then the second, until one start makes none of its reads fail.
  for (let nth = 1, failed = true; failed; nth++) {
    rig.kill(1);
    failed = false;
    let reads = 0;
    let failedPath = '';
    disk.inject = (called, path) => {
      if (!['read', 'open', 'list'].includes(called) || !path.startsWith('groups/log') || ++reads !== nth)
        return inject?.(called, path) ?? null;
      failed = true;
      failedPath = path;
      return 'failed';
    };
    rig.start(1);
    rig.run(1000);
    disk.inject = inject;

    const partition = rig.broker(1).peek().partitions[0];
    const isWhole = partition?.fenced === null;
    const isRight = isWhole ? rig.values(1).length === 40 : partition?.fenced?.includes(`${failedPath} failed`);
    expect(isRight, `read ${nth} of a start`).toBe(true);
    outcomes[isWhole ? 'whole' : 'fenced'] += 1;
  }
  expect(outcomes.fenced).toBeGreaterThan(3);
  // Indexes and checkpoints are made again; the last start refused nothing.
  expect(outcomes.whole).toBeGreaterThan(3);
  expect(rig.lines.filter(({ event }) => event === 'fatal')).toEqual([]);
});
