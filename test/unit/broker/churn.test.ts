/** Topics that come and go while they are used: nothing of them stays, and whoever used one is told that it ended. */
import { expect, test } from 'vitest';
import type { ReadResult } from '../../../src/eventlog/index.ts';
import type { SimDisk } from '../../../src/sim/disk.ts';
import { readOf, Rig } from './rig.ts';

const settings = { retentionBytes: null };

/** Cairn's own topic grows meanwhile, as the catalog does. */
const isOfTopic = (path: string): boolean => /^groups\/\d/.test(path) && !path.startsWith('groups/16/');

/** Files, and how many of them are open. */
function held(rig: Rig, open: { readonly count: number }): Readonly<Record<string, number>> {
  const files = (rig.member(1).machine.disk as SimDisk).filePaths().filter(isOfTopic);
  return { files: files.length, open: open.count, partitions: rig.broker(1).peek().partitions.length };
}

test('100 rounds of creating, using and deleting a topic leave files and descriptors as they were', () => {
  const open = { count: 0 };
  const rig = new Rig({ brokers: 1 });
  const disk = rig.member(1).machine.disk as SimDisk;
  const opening = disk.open.bind(disk);
  disk.open = (path, mode, done) =>
    opening(path, mode, (result) => {
      if (result.ok && isOfTopic(path)) {
        open.count++;
        const closing = result.value.close.bind(result.value);
        result.value.close = (closed) => {
          open.count--;
          closing(closed);
        };
      }
      done(result);
    });
  rig.until('the own topic is there', () => rig.broker(1).peek().partitions.length > 1);
  const endings = new Map<string, number>();
  const round = (): void => {
    rig.createTopic('churn');
    rig.appended(1, ['x'], { topic: 'churn' });
    const follower = rig.begin<ReadResult>(1, (service, answer) =>
      service.read(readOf({ topic: 'churn', offsetFrom: 1, waitMs: 60_000, freshness: 'local' }), answer),
    );
    const append = rig.beginAppend(1, ['y'], { topic: 'churn' });
    rig.ok(1, (service, answer) => service.deleteTopic('churn', answer));
    const another = rig.error(1, (service, answer) => service.createTopic('cairn.events', settings, answer));
    expect(another.code).toBe('topicExists');
    rig.until('whoever used it is answered', () => follower.outcome !== null && append.outcome !== null);
    const outcome = follower.outcome;
    const ending = outcome?.ok === true ? 'records' : (outcome?.error.code ?? 'none');
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  };
  for (let i = 0; i < 10; i++) round();
  rig.run(1000);
  const before = held(rig, open);

  for (let i = 0; i < 100; i++) round();
  rig.run(1000);

  expect(held(rig, open)).toEqual(before);
  // Whoever followed it had the second record or was told that it ended.
  expect([...endings.keys()].filter((ending) => ending !== 'records' && ending !== 'unknownTopic')).toEqual([]);
  expect(rig.violations).toEqual([]);
});
