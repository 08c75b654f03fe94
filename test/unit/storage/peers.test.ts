import { describe, expect, test } from 'vitest';
import type { Life } from '../../../src/base/life.ts';
import type { Result } from '../../../src/base/result.ts';
import { type KnownPeers, noPeers, type OpenFailure, readPeers, writePeers } from '../../../src/storage/index.ts';
import { must, Rig } from './rig.ts';

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

  test('is refused when any bit of it was changed, or anything added', () => {
    const rig = new Rig(2);
    write(rig, { lives: new Map([[2, life(7)]]), shown: new Map([[2, ['a'.repeat(32)]]]) });
    rig.crash('kill');
    const stored = rig.disk.fileBytes('peers') as Uint8Array;
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const flipped = Rig.on(rig.disk, 3);
      flipped.disk.overwrite('peers', bit >> 3, Uint8Array.of((stored[bit >> 3] as number) ^ (1 << (bit & 7))));

      expect(read(flipped)).toMatchObject({ ok: false, error: { kind: 'corrupt' } });
    }
    rig.disk.overwrite('peers', stored.length, Uint8Array.of(10));
    expect(read(rig)).toMatchObject({ ok: false, error: { kind: 'corrupt' } });
  });

  test('is the old or the new whatever crash comes, and the new one once it was reported, even if it was read after a kill and power failed then', () => {
    for (let seed = 1; seed <= 200; seed++) {
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
