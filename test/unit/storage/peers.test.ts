import { describe, expect, test } from 'vitest';
import type { Life } from '../../../src/base/life.ts';
import type { Result } from '../../../src/base/result.ts';
import { type KnownPeers, noPeers, type OpenFailure, readPeers, writePeers } from '../../../src/storage/index.ts';
import { must, Rig, unreadable } from './rig.ts';

const life = (incarnation: number): Life => ({ disk: 'd'.repeat(32), incarnation, nonce: `${incarnation}`.padStart(32, '0') });
const one = (incarnation: number): KnownPeers => ({ lives: new Map([[2, life(incarnation)]]), shown: new Map() });
const read = (rig: Rig): Result<KnownPeers, OpenFailure> => rig.run((done) => readPeers(rig.host, done));
const write = (rig: Rig, peers: KnownPeers): undefined =>
  must(rig.run<Result<undefined, OpenFailure>>((done) => writePeers(rig.host, peers, done)));

describe('what is known of peers', () => {
  test('is there after a loss of power', () => {
    const rig = new Rig(1);
    const lives = new Map([
      [3, life(1)],
      [2, life(7)],
    ]);
    const shown = new Map([[3, ['a'.repeat(32), 'b'.repeat(32)]]]);
    write(rig, noPeers);
    write(rig, { lives, shown });
    rig.crash();

    expect(must(read(rig))).toEqual({ lives, shown });
  });

  test('is refused where it is missing, so that a lost file does not pass for peers that were never met', () => {
    expect(read(new Rig(1))).toMatchObject({ ok: false, error: { kind: 'corrupt', corruption: { path: 'peers', found: 'no file' } } });
  });

  test('is read from its second copy when one is damaged, and refused when both are', () => {
    const rig = new Rig(2);
    const known = { lives: new Map([[2, life(7)]]), shown: new Map([[2, ['a'.repeat(32)]]]) };
    write(rig, known);
    rig.crash('kill');
    const stored = rig.disk.fileBytes('peers') as Uint8Array;
    for (let position = 0; position < stored.indexOf(0); position++) {
      const flipped = Rig.on(rig.disk, 3);
      const flip = (at: number): void => flipped.disk.overwrite('peers', at, Uint8Array.of((stored[at] as number) ^ (1 << (position & 7))));
      flip(position);
      // Reading stores it again, so the damage is put back afterwards.
      expect(must(read(Rig.on(flipped.disk, 4)))).toEqual(known);

      flip(stored.length / 2 + position);
      expect(read(flipped), `byte ${position}`).toMatchObject({ ok: false, error: { kind: 'corrupt' } });
    }
  });

  test('survives a lost page, a page that cannot be read and a full disk', () => {
    const rig = new Rig(5);
    write(rig, noPeers);
    rig.disk.capacityBytes = rig.disk.usedBytes;
    for (let incarnation = 1; incarnation <= 40; incarnation++) {
      write(rig, one(incarnation));
      rig.crash();
      // Each half in turn: what the page held is gone, in one of its copies.
      const half = incarnation % 2;
      rig.disk.overwrite('peers', half * 32 * 1024, new Uint8Array(4096));

      expect(must(read(rig))).toEqual(one(incarnation));
    }
    const host = unreadable(rig.host, 'peers', 0, 64 * 1024);

    expect(must(rig.run<Result<KnownPeers, OpenFailure>>((done) => readPeers(host, done)))).toEqual(one(40));
    const nothing = unreadable(rig.host, 'peers', 0, 2 ** 40);
    expect(rig.run<Result<KnownPeers, OpenFailure>>((done) => readPeers(nothing, done))).toMatchObject({
      ok: false,
      error: { kind: 'unreadable', error: { operation: 'read', path: 'peers' } },
    });
  });

  test('takes more peers than its file was made for', () => {
    const rig = new Rig(6);
    const many: KnownPeers = { lives: new Map(Array.from({ length: 2000 }, (_, i) => [i + 1, life(i + 1)])), shown: new Map() };
    write(rig, noPeers);
    write(rig, many);
    write(rig, one(3));
    write(rig, many);
    rig.crash();

    expect(must(read(rig))).toEqual(many);
  });

  test('of format 1 gets a file of the new form as soon as there is space for it', () => {
    const rig = new Rig(7);
    rig.writePlain('peers', `cairn peers 1\nbroker 2 disk ${'d'.repeat(32)} incarnation 7 nonce ${'7'.padStart(32, '0')}\n`);
    rig.disk.capacityBytes = rig.disk.usedBytes * 3;
    expect(must(read(rig))).toEqual(one(7));
    write(rig, one(8));
    rig.crash();
    expect(must(read(rig))).toEqual(one(8));
    expect(rig.disk.fileBytes('peers')?.length).toBeLessThan(1000);

    rig.disk.capacityBytes = Number.POSITIVE_INFINITY;
    expect(must(read(rig))).toEqual(one(8));
    expect(rig.disk.fileBytes('peers')?.length).toBe(128 * 1024);
    rig.crash();
    expect(must(read(rig))).toEqual(one(8));
  });

  test('is the old or the new whatever crash comes, and the new one once it was reported, even if it was read after a kill and power failed then', () => {
    for (let seed = 1; seed <= 80; seed++) {
      const rig = new Rig(seed);
      write(rig, one(1));
      let calls = rig.random.between(1, 14);
      rig.disk.onCall = (_operation, _path, phase) => {
        if (phase === 'during' && --calls === 0) rig.crash(rig.random.chance(0.5) ? 'kill' : 'power');
      };
      const written = rig.tryRun<Result<undefined, OpenFailure>>((done) => writePeers(rig.host, one(2), done));
      rig.disk.onCall = null;
      rig.crash('kill');
      const found = must(read(rig)).lives.get(2)?.incarnation as number;
      rig.crash();

      expect(found).toBeGreaterThanOrEqual(written === null ? 1 : 2);
      expect(must(read(rig)).lives.get(2)?.incarnation).toBe(found);
    }
  });
});
