import { describe, expect, test } from 'vitest';
import { done as succeeded, type Result } from '../../../src/base/result.ts';
import { runTask } from '../../../src/base/task.ts';
import {
  createIdentity,
  type Identity,
  type KnownPeers,
  noPeers,
  type OpenFailure,
  readPeers,
  startIdentity,
} from '../../../src/storage/index.ts';
import { replaceWhole } from '../../../src/storage/steps.ts';
import { bytes, must, Rig } from './rig.ts';

type Started = Result<Identity | null, OpenFailure>;

const identity: Identity = { clusterId: '0123456789abcdef0123456789abcdef', brokerId: 3, disk: 'd'.repeat(32), incarnation: 1 };
const newDisk = 'e'.repeat(32);
const start = (rig: Rig): Started => rig.run((done) => startIdentity(rig.host, newDisk, done));
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

  test('is refused when any byte of it was changed, removed or added', () => {
    const rig = new Rig(2);
    create(rig);
    rig.crash('kill');
    const bytes = rig.disk.fileBytes('identity') as Uint8Array;
    let refused = 0;
    for (let position = 0; position < bytes.length * 8; position++) {
      const flipped = Rig.on(rig.disk, 3);
      flipped.disk.overwrite('identity', position >> 3, Uint8Array.of((bytes[position >> 3] as number) ^ (1 << (position & 7))));
      const result = start(flipped);
      if (!result.ok && result.error.kind === 'corrupt') refused++;
    }
    expect(refused).toBe(bytes.length * 8);

    rig.disk.overwrite('identity', bytes.length, Uint8Array.of(10));
    expect(start(rig)).toMatchObject({ ok: false, error: { kind: 'corrupt', corruption: { path: 'identity' } } });
  });

  test('of format 1 gets a disk id and a file of peers at the next start, wherever that is cut off', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const rig = new Rig(seed);
      create(rig);
      rig.crash();
      const text = `cairn identity 1\ncluster ${identity.clusterId}\nbroker 3\nincarnation 9\n`;
      const checksum = bytes.crc32c(bytes.utf8Encode(text)).toString(16).padStart(8, '0');
      must(
        rig.run<Result<undefined, OpenFailure>>((done) =>
          runTask(function* () {
            yield* replaceWhole(rig.host.disk, 'identity', bytes.utf8Encode(`${text}crc32c ${checksum}\n`));
            return succeeded;
          }, done),
        ),
      );
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
    for (let seed = 1; seed <= 200; seed++) {
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
