import { describe, expect, test } from 'vitest';
import { groupId } from '../../../src/base/branded.ts';
import { Barriers } from '../../../src/broker/edge/barriers.ts';
import { Broker } from '../../../src/broker/index.ts';
import type { Core } from '../../../src/broker/core.ts';
import type { Requests } from '../../../src/broker/edge/requests.ts';
import type { SimDisk } from '../../../src/sim/disk.ts';
import { Cluster } from '../../../src/sim/cluster.ts';
import { appendOf, Rig } from './rig.ts';

/** How many files are open on a disk from here on. */
function countFiles(disk: SimDisk): { open: number } {
  const files = { open: 0 };
  const open = disk.open.bind(disk);
  disk.open = (path, mode, done) =>
    open(path, mode, (result) => {
      if (result.ok) {
        const file = result.value;
        files.open++;
        const close = file.close.bind(file);
        file.close = (closed) => {
          files.open--;
          close(closed);
        };
      }
      done(result);
    });
  return files;
}

describe('a broker that is told to close', () => {
  test('while it opens ends the opening first, closes what it had opened, and leaves nothing locked', () => {
    for (const afterMs of [0, 0.2, 0.5, 1, 2, 4, 8]) {
      const made: Broker[] = [];
      const opened: string[] = [];
      const cluster = new Cluster({
        seed: 1,
        brokerCount: 1,
        makeBroker: (options) => {
          const broker = new Broker(options);
          made.push(broker);
          const { open } = broker;
          broker.open = (done) =>
            open.call(broker, (result) => {
              opened.push(result.ok ? 'opened' : result.error.code);
              if (result.ok) done(result);
            });
          return broker;
        },
        settings: undefined,
        inMemory: false,
        logOnly: false,
        clockSkewMsMax: 0,
        clockDriftMax: 0,
      });
      const [member] = cluster.members;
      if (member === undefined) throw new Error('there is a member');
      const files = countFiles(member.machine.disk as SimDisk);
      cluster.start(member);
      const { scheduler } = cluster.world;
      scheduler.runUntil(afterMs);
      const wasOpen = opened.length > 0;
      let closed = false;
      made[0]?.close(100, () => {
        closed = true;
      });
      scheduler.runUntil(afterMs + 2000, () => closed);

      expect(closed, `${afterMs} ms`).toBe(true);
      expect(opened).toEqual([wasOpen ? 'opened' : 'shuttingDown']);
      expect(files.open, `${afterMs} ms: files that are open`).toBe(0);
    }
  });

  test('takes no append any more, while it gives its office away and answers what it has', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    for (const id of [1, 2, 3]) if (id !== leader) rig.isolate(id);
    const earlier = rig.beginAppend(leader, ['earlier']);
    rig.run(1);
    rig.broker(leader).close(1000, () => undefined);

    const late = rig.beginAppend(leader, ['late']);
    rig.run(50);

    expect(late.outcome).toMatchObject({ ok: false, error: { code: 'shuttingDown', definite: true } });
    expect(earlier.outcome).toBeNull();
    expect(appendOf(['x']).level).toBe('quorum');
  });
});

test('barriers remember no group that this broker does not have, once nobody waits', () => {
  const core = { replica: () => undefined, wake: () => undefined } as unknown as Core;
  const barriers = new Barriers(core, {} as Requests);
  const answers: (number | null)[] = [];
  for (let group = 16; group < 216; group++) barriers.confirm(groupId(group), 100, (highWatermark) => answers.push(highWatermark));
  expect(barriers.groupCount).toBe(200);

  barriers.expire(100);

  expect(answers).toHaveLength(200);
  expect(barriers.groupCount).toBe(0);
});
