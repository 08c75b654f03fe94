import { describe, expect, test } from 'vitest';
import { brokerId } from '../../../../src/base/branded.ts';
import { type Life, noDisk, type ShownLife } from '../../../../src/base/life.ts';
import type { Result } from '../../../../src/base/result.ts';
import { type Meeting, PeerLives, type RegisteredLife } from '../../../../src/broker/peers/peer-lives.ts';
import { type KnownPeers, noPeers, type OpenFailure, readPeers } from '../../../../src/storage/index.ts';
import { must, Rig as DiskRig } from '../../storage/rig.ts';

const two = brokerId(2);
const life = (incarnation: number, change: Partial<Life> = {}): Life => ({
  disk: 'd'.repeat(32),
  incarnation,
  nonce: `${incarnation}`.padStart(32, '0'),
  ...change,
});

const own = life(1, { disk: 'a'.repeat(32), nonce: 'a'.repeat(32) });
const shown = (one: Life, earlier: readonly string[] = []): ShownLife => ({ ...one, earlier });
/** Broker 2 was here in life 3. */
const three: KnownPeers = { lives: new Map([[2, life(3)]]), shown: new Map([[2, [own.nonce]]]) };

class Known {
  readonly rig = new DiskRig(1);
  readonly failures: OpenFailure[] = [];
  readonly lives: PeerLives;

  constructor(known: KnownPeers = noPeers, registered: RegisteredLife | null = null) {
    this.lives = new PeerLives({
      host: this.rig.host,
      own,
      known,
      registered: () => registered,
      failed: (failure) => void this.failures.push(failure),
    });
  }

  meet(came: Life, earlier: readonly string[] = []): Meeting {
    return this.rig.run((done) => this.lives.meet(two, shown(came, earlier), done));
  }

  get stored(): KnownPeers {
    return must(this.rig.run<Result<KnownPeers, OpenFailure>>((done) => readPeers(this.rig.host, done)));
  }
}

describe('a peer', () => {
  test('that comes for the first time is known once that is durable', () => {
    const known = new Known();
    let met: Meeting | null = null;
    known.lives.meet(two, shown(life(3)), (meeting) => {
      met = meeting;
    });
    expect(met).toBe(null);
    known.rig.settle();
    known.rig.crash();

    expect(met).toEqual({ kind: 'known' });
    expect(known.stored).toEqual(three);
  });

  test('in the life that is known is known at once', () => {
    let met: Meeting | null = null;
    new Known(three).lives.meet(two, shown(life(3)), (meeting) => {
      met = meeting;
    });

    expect(met).toEqual({ kind: 'known' });
  });

  test('that was started again since, and knows of the life that was here, is known by its new one', () => {
    const known = new Known(three);

    expect(known.meet(life(5), [life(3).nonce, life(4).nonce])).toEqual({ kind: 'known' });
    expect(known.meet(life(3))).toMatchObject({ kind: 'refused' });
    expect(known.stored.lives).toEqual(new Map([[2, life(5)]]));
  });

  test.each<[string, Life, string]>([
    [
      'on another disk',
      life(9, { disk: 'abcdef01'.repeat(4) }),
      "broker 2 was here with disk dddddddd and comes with disk abcdef01, so it has lost its data or has another's",
    ],
    [
      'without the disk that it had',
      life(9, { disk: noDisk }),
      "broker 2 was here with disk dddddddd and comes with no disk, so it has lost its data or has another's",
    ],
    [
      'in an earlier life',
      life(2),
      'broker 2 was here as incarnation 3 and comes as incarnation 2, so its data was put back to an earlier time',
    ],
    [
      'in another life of the same incarnation',
      life(3, { nonce: 'f'.repeat(32) }),
      'broker 2 was here as incarnation 3 and comes as incarnation 3 in another life, so its data was copied or put back to an earlier time',
    ],
    [
      'that was put back and started often enough since to have a higher incarnation',
      life(9),
      'broker 2 was here as incarnation 3 and comes as incarnation 9 without knowing of that, so its data was copied or put back to an earlier time',
    ],
  ])('%s is refused in one sentence, and what is known stays', (_, came, reason) => {
    const known = new Known(three);

    expect(known.meet(came)).toEqual({ kind: 'refused', reason });
    expect(known.meet(life(3))).toEqual({ kind: 'known' });
  });

  test('that the catalog knows from a later life is refused by whoever has not met that', () => {
    expect(new Known(noPeers, { incarnation: 4, nonce: 'x' }).meet(life(3))).toMatchObject({ kind: 'refused' });
    expect(new Known(noPeers, { incarnation: 3, nonce: 'x' }).meet(life(3))).toMatchObject({ kind: 'refused' });
    expect(new Known(noPeers, { incarnation: 3, nonce: life(3).nonce }).meet(life(3))).toEqual({ kind: 'known' });
    expect(new Known(noPeers, { incarnation: 3, nonce: 'x' }).meet(life(4))).toEqual({ kind: 'known' });
  });

  test('that keeps everything in memory may have the same incarnation twice: it is read from a clock', () => {
    const known = new Known({ ...noPeers, lives: new Map([[2, life(3, { disk: noDisk })]]) });

    expect(known.meet(life(3, { disk: noDisk, nonce: 'f'.repeat(32) }))).toEqual({ kind: 'known' });
    expect(known.meet(life(2, { disk: noDisk }))).toMatchObject({ kind: 'refused' });
  });
});

describe('a broker', () => {
  const earlier: KnownPeers = { lives: new Map(), shown: new Map([[2, ['b'.repeat(32), 'c'.repeat(32)]]]) };

  test('has written down that it shows itself to a peer before it does, and names the lives that the peer may remember', () => {
    const known = new Known(earlier);
    let isShown = false;
    known.lives.show(two, () => {
      isShown = true;
    });
    expect(isShown).toBe(false);
    known.rig.settle();
    known.rig.crash();

    expect(isShown).toBe(true);
    expect(known.stored.shown.get(2)).toEqual(['b'.repeat(32), 'c'.repeat(32), own.nonce]);
    expect(known.lives.shownTo(two)).toEqual({ ...own, earlier: ['b'.repeat(32), 'c'.repeat(32)] });
  });

  test('forgets earlier lives once the peer has this one', () => {
    const known = new Known(earlier);
    known.meet(life(1));
    known.lives.confirmed(two);
    known.rig.settle();

    expect(known.stored.shown.get(2)).toEqual([own.nonce]);
    expect(known.lives.shownTo(two)).toEqual({ ...own, earlier: [] });
  });
});

describe('peers that come together', () => {
  test('share a write, and none is known before its own', () => {
    const known = new Known();
    const met: number[] = [];
    for (const peer of [2, 3, 4, 5]) known.lives.meet(brokerId(peer), shown(life(peer)), () => void met.push(peer));
    let renames = 0;
    known.rig.disk.onCall = (operation, _path, phase) => {
      if (operation === 'rename' && phase === 'before') renames++;
    };

    known.rig.settle();

    expect(met).toEqual([2, 3, 4, 5]);
    expect(renames).toBeLessThanOrEqual(2);
    expect([...known.stored.lives.keys()]).toEqual([2, 3, 4, 5]);
  });

  test('of whom one comes again in an earlier life while the later is on its way to the disk do not take that back', () => {
    const known = new Known();
    const met: string[] = [];
    for (const incarnation of [5, 4])
      known.lives.meet(two, shown(life(incarnation)), ({ kind }) => void met.push(`${incarnation} ${kind}`));
    known.rig.settle();

    expect(met).toEqual(['4 refused', '5 known']);
    expect(known.stored.lives.get(2)?.incarnation).toBe(5);
  });
});

describe('a life that cannot be written down', () => {
  test('for want of space leaves the peer waiting, until there is space', () => {
    const known = new Known();
    known.rig.disk.capacityBytes = 10;
    expect(known.meet(life(3))).toEqual({ kind: 'notStored', reason: expect.stringContaining('cannot be written down') });
    expect(known.meet(life(3))).toMatchObject({ kind: 'notStored' });

    known.rig.disk.capacityBytes = 1e6;

    expect(known.meet(life(3))).toEqual({ kind: 'known' });
    expect(known.failures).toEqual([]);
  });

  test('because the disk fails ends the broker, and the peer is not dealt with', () => {
    const known = new Known();
    known.rig.disk.inject = (operation) => (operation === 'sync' ? 'failed' : null);
    let met: Meeting | null = null;
    known.lives.meet(two, shown(life(3)), (meeting) => {
      met = meeting;
    });
    known.rig.settle();

    expect(met).toBe(null);
    expect(known.failures).toHaveLength(1);
  });
});
