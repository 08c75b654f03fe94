import { describe, expect, it } from 'vitest';
import { offset } from '../../../src/base/branded.ts';
import type { Result } from '../../../src/base/result.ts';
import type { LogBatch } from '../../../src/raft/messages.ts';
import type { CallPhase } from '../../../src/sim/disk.ts';
import { removedName, type OpenFailure, removeGroupLog, type ReadFailure } from '../../../src/storage/index.ts';
import { killedLog, logOptions, must, Rig } from './rig.ts';

type Done = Result<undefined, OpenFailure>;

const filesOf = (rig: Rig): string[] => rig.disk.filePaths().filter((path) => path.startsWith(`${logOptions.path}/`));

describe('removing a log', () => {
  it('leaves an empty folder, in which a new log can begin', () => {
    const rig = Rig.on(killedLog().disk, 1);
    const { log } = rig.open();

    must(rig.run<Done>((done) => log.remove(done)));

    expect(filesOf(rig)).toEqual([]);
    expect(rig.open().log.endOffset).toBe(0);
  });

  it.each<CallPhase>(['before', 'during', 'after'])(
    'that a power loss interrupts %s a host call has not begun or is finished by the next open, whatever names the disk kept',
    (phase) => {
      const start = killedLog().disk;
      const ends = new Set<number>();
      let finished = false;
      for (let callIndex = 1; !finished; callIndex++) {
        for (let seed = 1; seed <= 12; seed++) {
          const rig = Rig.on(start, seed);
          const { log } = rig.open();
          let calls = 0;
          rig.disk.onCall = (_operation, _path, at) => {
            if (at === 'before') calls++;
            if (calls < callIndex || at !== phase) return;
            rig.disk.onCall = null;
            rig.crash('power');
          };
          finished = rig.tryRun<Done>((done) => log.remove(done)) !== null;
          rig.disk.onCall = null;
          if (finished) rig.crash('power');

          const again = rig.tryOpen();
          expect(again.ok ? 'opens' : again.error, `call ${callIndex}, seed ${seed}`).toBe('opens');
          ends.add(must(again).log.endOffset);
        }
      }

      expect([...ends].sort((a, b) => a - b)).toEqual([0, 60]);
    },
  );

  it('syncs nothing that it is about to remove', () => {
    const rig = Rig.on(killedLog().disk, 1);
    const { log } = rig.open();
    rig.disk.inject = (operation, path) => ((operation === 'sync' || operation === 'write') && path.endsWith('.log') ? 'failed' : null);

    expect(rig.run<Done>((done) => log.remove(done))).toEqual({ ok: true, value: undefined });

    expect(filesOf(rig)).toEqual([]);
  });

  it('goes without its announcement where the disk has no room for that', () => {
    const rig = Rig.on(killedLog().disk, 1);
    rig.disk.inject = (operation, path) => (operation === 'open' && path.endsWith(removedName) ? 'noSpace' : null);

    expect(rig.run<Done>((done) => removeGroupLog(rig.host.disk, logOptions.path, done)).ok).toBe(true);

    expect(filesOf(rig)).toEqual([]);
  });

  it('of a log that is not there does nothing', () => {
    const rig = new Rig(1);

    expect(rig.run<Done>((done) => removeGroupLog(rig.host.disk, logOptions.path, done)).ok).toBe(true);
  });

  it('says what failed', () => {
    const rig = Rig.on(killedLog().disk, 1);
    rig.disk.inject = (operation) => (operation === 'remove' ? 'failed' : null);

    const result = rig.run<Done>((done) => removeGroupLog(rig.host.disk, logOptions.path, done));

    expect(result).toMatchObject({ ok: false, error: { kind: 'disk', error: { code: 'failed', operation: 'remove' } } });
  });
});

describe.each(['close', 'remove'] as const)('a read when a log is asked to %s', (how) => {
  const end = (rig: Rig, log: ReturnType<Rig['open']>['log'], done: () => void): void => {
    if (how === 'close') log.close(done);
    else log.remove(() => done());
  };
  const all = { offsetFrom: offset(0), offsetTo: offset(60), bytesMax: 2 ** 40 };

  it('that is under way gets what it asked for, from sealed segments and the active one', () => {
    const start = killedLog().disk;
    let ended = 0;
    for (let stepsBefore = 0; stepsBefore < 40; stepsBefore++) {
      const rig = Rig.on(start, stepsBefore + 1);
      const { log } = rig.open();
      const results: Result<readonly LogBatch[], ReadFailure>[] = [];
      log.read(all, (result) => results.push(result));
      for (let i = 0; i < stepsBefore; i++) rig.step(Number.POSITIVE_INFINITY);
      end(rig, log, () => ended++);
      rig.settle();

      expect(results).toHaveLength(1);
      expect(must(results[0] as Result<readonly LogBatch[], ReadFailure>)).toHaveLength(60);
    }
    expect(ended).toBe(40);
  });

  it('that comes later is told so', () => {
    const rig = Rig.on(killedLog().disk, 1);
    const { log } = rig.open();
    end(rig, log, () => undefined);

    const result = rig.run<Result<readonly LogBatch[], ReadFailure>>((done) => log.read(all, done));

    expect(result).toEqual({ ok: false, error: { kind: 'closed' } });
  });
});
