import { describe, expect, test } from 'vitest';
import type { ReadResult } from '../../../src/eventlog/index.ts';
import type { SimDisk } from '../../../src/sim/disk.ts';
import { readOf, Rig } from './rig.ts';

const settings = { segmentBytesMin: 4096, segmentBytesMax: 4096, cacheBytesMax: 4096 };

function diskOf(rig: Rig, id: number): SimDisk {
  const { disk } = rig.member(id).machine;
  if (disk === null) throw new Error('machines have disks here');
  return disk;
}

const partition = (rig: Rig, id: number) =>
  rig
    .broker(id)
    .peek()
    .partitions.find(({ topic }) => topic === 'orders');
const segmentsOf = (rig: Rig, id: number): string[] => {
  const folder = `groups/${partition(rig, id)?.group ?? 0}/`;
  return diskOf(rig, id)
    .filePaths()
    .filter((path) => path.startsWith(folder) && path.endsWith('.log'));
};

/** Makes the third frame or so of a segment unreadable, for good; gives the file. */
function spoil(rig: Rig, id: number, path: string): string {
  rig.cluster.touched(rig.member(id), path);
  diskOf(rig, id).makeUnreadable(path, 2048, 2560);
  return path;
}

/** A topic of many segments, of which one broker lacks nearly all. */
function withLaggingBroker(): { readonly rig: Rig; readonly leader: number; readonly other: number; readonly lagging: number } {
  const rig = new Rig({ settings });
  rig.createTopic('orders');
  const leader = rig.awaitLeader('orders');
  const [lagging, other] = [1, 2, 3].filter((id) => id !== leader) as [number, number];
  rig.kill(lagging, true);
  for (let i = 0; i < 100; i++) rig.appended(leader, [`${i}`.padEnd(300, '.')], { topic: 'orders' });
  expect(segmentsOf(rig, leader).length).toBeGreaterThan(8);
  return { rig, leader, other, lagging };
}

const leaderChanges = (rig: Rig, group: number): number =>
  rig.lines.filter(({ event, fields }) => event === 'role' && fields?.['group'] === group && fields['role'] === 'leader').length;
const told = (rig: Rig, event: string) => rig.lines.filter((line) => line.event === event);

describe('a bad sector in an old segment', () => {
  test('of a leader ends nobody: a peer that lacks what stands there gets it from another', () => {
    const { rig, leader, lagging } = withLaggingBroker();
    const path = spoil(rig, leader, segmentsOf(rig, leader)[2] as string);

    rig.start(lagging);
    rig.until('the peer has everything', () => partition(rig, lagging)?.endOffset === partition(rig, leader)?.endOffset);

    expect(rig.leader('orders')).not.toBe(leader);
    expect(told(rig, 'fatal')).toEqual([]);
    expect(told(rig, 'groupFenced')).toEqual([]);
    expect(told(rig, 'rangeUnreadable').map(({ machine, fields }) => [machine, fields?.['path']])).toEqual([[leader, path]]);
    expect(rig.values(lagging, 'orders')).toHaveLength(100);
    // It still counts: what it acknowledges from here on is on its disk.
    rig.kill(lagging);
    expect(rig.appended(leader, ['after'], { topic: 'orders' }).ackedBy).toContain(leader);
    expect(rig.violations).toEqual([]);
  });

  test('that no replica can read leaves one peer behind, and the others with their leader, and asks the disks seldom', () => {
    const { rig, leader, other, lagging } = withLaggingBroker();
    for (const id of [leader, other]) spoil(rig, id, segmentsOf(rig, id)[2] as string);
    const group = partition(rig, leader)?.group as number;
    rig.start(lagging);
    rig.run(2000);
    const before = { changes: leaderChanges(rig, group), reads: diskOf(rig, leader).callCounts.read + diskOf(rig, other).callCounts.read };

    rig.run(60_000);

    const reads = diskOf(rig, leader).callCounts.read + diskOf(rig, other).callCounts.read;
    expect(leaderChanges(rig, group) - before.changes).toBeLessThanOrEqual(2);
    expect(reads - before.reads).toBeLessThan(60);
    expect(rig.appended(1, ['after'], { topic: 'orders' }).committed).toBe(true);
    expect(told(rig, 'fatal')).toEqual([]);
    expect(rig.violations).toEqual([]);
  });

  test('fails reads of what stands there, and no others', () => {
    const { rig, leader, other } = withLaggingBroker();
    const path = spoil(rig, other, segmentsOf(rig, other)[2] as string);
    const first = Number(/(\d+)\.log$/.exec(path)?.[1]);
    const read = (offsetFrom: number) =>
      rig.call<ReadResult>(other, (service, answer) =>
        service.read(readOf({ topic: 'orders', freshness: 'local', offsetFrom, bytesMax: 2000 }), answer),
      );

    const before = read(first);
    // What is in front of it in the same file, then what it is.
    expect(before).toMatchObject({ ok: true });
    const next = before.ok ? before.value.offsetNext : 0;
    let refused = read(next);
    for (let at = next; refused.ok; refused = read(at)) at = refused.value.offsetNext;
    expect(refused.error).toMatchObject({ code: 'diskFailed', message: expect.stringContaining(`read of ${path} failed`) });

    const asked = diskOf(rig, other).callCounts.read;
    for (let i = 0; i < 5; i++) expect(read(next)).toMatchObject({ ok: false });
    expect(diskOf(rig, other).callCounts.read - asked).toBeLessThanOrEqual(5);
    expect(read(0)).toMatchObject({ ok: true });
    expect(read(99)).toMatchObject({ ok: true });
    expect(partition(rig, other)).toMatchObject({ fenced: null });
    expect(rig.appended(leader, ['after'], { topic: 'orders' }).ackedBy).toContain(other);
  });
});

describe('a bad sector that a start meets', () => {
  test('in an active segment fences that topic, names the file, and leaves the others', () => {
    const { rig, leader, other, lagging } = withLaggingBroker();
    rig.start(lagging);
    rig.run(2000);
    rig.kill(other);
    const path = segmentsOf(rig, leader).at(-1)?.replace(/^.*\//, '') as string;
    const folder = `groups/${partition(rig, leader)?.group ?? 0}`;
    diskOf(rig, other).makeUnreadable(`${folder}/${path}`, 0, 512);
    rig.cluster.touched(rig.member(other), `${folder}/${path}`);

    rig.start(other);
    rig.run(2000);

    expect(partition(rig, other)).toMatchObject({ role: 'fenced', fenced: expect.stringContaining(`read of ${folder}/${path} failed`) });
    expect(told(rig, 'groupFenced').map(({ machine }) => machine)).toEqual([other]);
    expect(rig.appended(other, ['x']).committed).toBe(true);
    expect(rig.refused(other, ['x'], { topic: 'orders' })).toMatchObject({ code: 'fenced' });
    expect(rig.appended(leader, ['x'], { topic: 'orders' }).ackedBy).not.toContain(other);
    expect(rig.violations).toEqual([]);
  });

  test('fences it for good: it closes the files, and they can be removed with their topic', () => {
    const { rig, leader, other } = withLaggingBroker();
    rig.kill(other);
    const group = partition(rig, leader)?.group ?? 0;
    const path = diskOf(rig, other)
      .filePaths()
      .findLast((name) => name.startsWith(`groups/${group}/`) && name.endsWith('.log')) as string;
    // Behind the last checkpoint, so that the log opens and its state cannot be derived.
    const sealed = diskOf(rig, other)
      .filePaths()
      .filter((name) => name.startsWith(`groups/${group}/`) && /\.(checkpoint|state)$/.test(name));
    for (const name of sealed) diskOf(rig, other).erase(name);
    spoil(rig, other, path.replace(/\d+\.log$/, '00000000000000000000.log'));
    const counts = diskOf(rig, other).callCounts;
    rig.start(other);
    rig.run(1000);
    expect(partition(rig, other)).toMatchObject({ role: 'fenced' });

    rig.ok(leader, (service, answer) => service.deleteTopic('orders', answer));
    rig.run(2000);

    expect(
      diskOf(rig, other)
        .filePaths()
        .filter((name) => name.startsWith(`groups/${group}/`)),
    ).toEqual([]);
    expect(counts.close).toBeGreaterThan(0);
    expect(told(rig, 'fatal')).toEqual([]);
  });
});
