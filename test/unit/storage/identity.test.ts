import { describe, expect, test } from 'vitest';
import type { Result } from '../../../src/base/result.ts';
import {
  createIdentity,
  type Identity,
  type KnownPeers,
  noPeers,
  type OpenFailure,
  readIdentity,
  readPeers,
  startIdentity,
} from '../../../src/storage/index.ts';
import { must, Rig } from './rig.ts';

type Started = Result<Identity | null, OpenFailure>;

const identity: Identity = { clusterId: '0123456789abcdef0123456789abcdef', brokerId: 3, disk: 'd'.repeat(32), incarnation: 1 };
const newDisk = 'e'.repeat(32);
const start = (rig: Rig): Started => rig.run((done) => startIdentity(rig.host, newDisk, done));
const read = (rig: Rig): Result<unknown, OpenFailure> => rig.run((done) => readIdentity(rig.host, done));
const create = (rig: Rig): undefined => must(rig.run<Result<undefined, OpenFailure>>((done) => createIdentity(rig.host, identity, done)));

describe('the identity of a data directory', () => {
  test('is absent in a new one, and then is a new incarnation at every start', () => {
    const rig = new Rig(1);
    expect(start(rig)).toEqual({ ok: true, value: null });
    create(rig);
    rig.crash();
    for (const incarnation of [2, 3, 4]) {
      expect(start(rig)).toEqual({ ok: true, value: { ...identity, incarnation } });
      rig.crash();
    }
  });

  test('is read from its second copy when one is damaged, and refused when both are', () => {
    const rig = new Rig(2);
    create(rig);
    rig.crash('kill');
    const stored = rig.disk.fileBytes('identity') as Uint8Array;
    for (let position = 0; position < stored.indexOf(0); position++) {
      const flipped = Rig.on(rig.disk, 3);
      const flip = (at: number): void =>
        flipped.disk.overwrite('identity', at, Uint8Array.of((stored[at] as number) ^ (1 << (position & 7))));
      flip(position);
      expect(read(flipped)).toEqual({ ok: true, value: identity });

      flip(stored.length / 2 + position);
      expect(start(flipped), `byte ${position}`).toMatchObject({ ok: false, error: { kind: 'corrupt', corruption: { path: 'identity' } } });
    }
  });

  test('never goes back, whichever page is lost before whichever start', () => {
    const rig = new Rig(4);
    create(rig);
    for (let incarnation = 2; incarnation <= 33; incarnation++) {
      expect(start(rig)).toEqual({ ok: true, value: { ...identity, incarnation } });
      rig.crash();
      // A lost write: the page holds what it held before, which was zeros or the text before the last.
      const pages = [0, 32, 64, 96].map((page) => page * 1024);
      rig.disk.overwrite('identity', pages[incarnation % 4] as number, new Uint8Array(4096));
    }
  });

  test('is raised on a full disk', () => {
    const rig = new Rig(5);
    create(rig);
    rig.disk.capacityBytes = 0;
    for (let incarnation = 2; incarnation <= 9; incarnation++) {
      expect(start(rig)).toEqual({ ok: true, value: { ...identity, incarnation } });
      rig.crash();
    }
  });

  test('of format 2 is raised where there is no space for the new form, and takes it when there is', () => {
    const rig = new Rig(6);
    rig.writePlain('identity', `cairn identity 2\ncluster ${identity.clusterId}\nbroker 3\ndisk ${identity.disk}\nincarnation 9\n`);
    rig.disk.capacityBytes = rig.disk.usedBytes * 3;
    expect(start(rig)).toEqual({ ok: true, value: { ...identity, incarnation: 10 } });
    rig.crash();
    expect(rig.disk.fileBytes('identity')?.length).toBeLessThan(1000);
    rig.disk.capacityBytes = Number.POSITIVE_INFINITY;
    expect(start(rig)).toEqual({ ok: true, value: { ...identity, incarnation: 11 } });
    rig.crash();
    expect(rig.disk.fileBytes('identity')?.length).toBe(128 * 1024);
    rig.disk.capacityBytes = 0;
    expect(start(rig)).toEqual({ ok: true, value: { ...identity, incarnation: 12 } });
  });

  test('of format 1 gets a disk id and a file of peers at the next start, wherever that is cut off', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const rig = new Rig(seed);
      rig.writePlain('identity', `cairn identity 1\ncluster ${identity.clusterId}\nbroker 3\nincarnation 9\n`);
      let calls = rig.random.between(1, 30);
      rig.disk.onCall = (_operation, _path, phase) => {
        if (phase === 'during' && --calls === 0) rig.crash();
      };
      rig.tryRun<Started>((done) => startIdentity(rig.host, newDisk, done));
      rig.disk.onCall = null;
      rig.crash();

      const { disk, incarnation } = must(start(rig)) as Identity;

      expect(disk).toBe(newDisk);
      expect(incarnation).toBeGreaterThan(9);
      expect(must(rig.run<Result<KnownPeers, OpenFailure>>((done) => readPeers(rig.host, done)))).toEqual(noPeers);
    }
  });

  test('never goes back to an incarnation that a start had returned, whatever crashes come', () => {
    for (let seed = 1; seed <= 80; seed++) {
      const rig = new Rig(seed);
      create(rig);
      let highest = 1;
      for (let life = 0; life < 8; life++) {
        let calls = rig.random.between(1, 14);
        rig.disk.onCall = (_operation, _path, phase) => {
          if (phase === 'during' && --calls === 0) rig.crash();
        };
        const started = rig.tryRun<Started>((done) => startIdentity(rig.host, newDisk, done));
        rig.disk.onCall = null;
        rig.crash();
        if (started === null) continue;
        const { incarnation } = must(started) as Identity;
        expect(incarnation).toBeGreaterThan(highest);
        highest = incarnation;
      }
    }
  });
});
