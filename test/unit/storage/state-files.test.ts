import { describe, expect, test } from 'vitest';
import { offset } from '../../../src/base/branded.ts';
import type { Result } from '../../../src/base/result.ts';
import type { GroupLog, GroupLogOptions, StateCheckpoint } from '../../../src/storage/index.ts';
import { bytes, killedLog, Leader, Rig } from './rig.ts';

const stateFiles = (rig: Rig): string[] => rig.disk.filePaths().filter((path) => path.endsWith('.state'));
const deleteBefore = (rig: Rig, log: GroupLog, before: number): Result<undefined, unknown> =>
  rig.run((done) => log.deleteBefore(offset(before), done));

describe('a checkpoint', () => {
  test('stays when its segment is cut, as long as the cut is above what it covers', () => {
    const rig = new Rig(1);
    const { log } = rig.open({ checkpoint: committedTo(8) });
    const leader = new Leader();
    const batches = leader.batches(60, 1, 150);
    for (let i = 0; i < 60; i += 2) rig.write(log, batches.slice(i, i + 2));
    rig.settle();
    expect(stateFiles(rig)).toHaveLength(1);

    leader.goBackTo(batches.slice(0, 10), 2);
    rig.write(log, leader.batches(1), 10);
    rig.crash();

    const again = rig.open();
    expect(again.log.endOffset).toBe(11);
    expect(again.checkpoint).toMatchObject({ offsetTo: 8 });
    expect(again.log.checkpointedTo).toBe(8);
  });

  test('that the log does not reach any more says that synced records are lost', () => {
    const { disk } = killedLog();
    const rig = Rig.on(disk, 1);
    for (const path of rig.disk
      .filePaths()
      .filter((name) => name.endsWith('.log'))
      .slice(1))
      rig.disk.erase(path);

    expect(rig.tryOpen()).toMatchObject({ ok: false, error: { kind: 'corrupt', corruption: { path: expect.stringMatching(/\.state$/) } } });
  });

  test('bounds what may be removed, and is made where it is needed for that', () => {
    const { disk } = killedLog({ checkpoint: () => null });
    const rig = Rig.on(disk, 1);
    let allowed: GroupLogOptions['checkpoint'] = () => null;
    const asked: boolean[] = [];
    const { log } = rig.open({
      checkpoint: (...place) => {
        asked.push(place[2]);
        return allowed(...place);
      },
    });
    const first = log.segmentCount;

    expect(deleteBefore(rig, log, 60).ok).toBe(true);
    expect([log.logStartOffset, log.segmentCount, log.checkpointedTo]).toEqual([0, first, 0]);
    allowed = committedTo(40);
    expect(deleteBefore(rig, log, 60).ok).toBe(true);

    expect(asked).toEqual([true, true]);
    expect(log.checkpointedTo).toBe(40);
    expect(log.logStartOffset).toBeGreaterThan(0);
    expect(log.logStartOffset).toBeLessThanOrEqual(40);
    rig.close(log);
    expect(rig.open().checkpoint).toMatchObject({ offsetTo: 40 });
  });

  /** As of a replica on which so much is committed. */
  function committedTo(at: number): () => StateCheckpoint {
    return () => ({ offsetTo: offset(at), checksum: 1, bytes: bytes.utf8Encode(`state ${at}`) });
  }
});
