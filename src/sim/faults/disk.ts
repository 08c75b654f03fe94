/** Faults of disks: slow, full, failing, rotting, lost, put back. */
import { checkpointSuffix, indexSuffix, logSuffix, markBytes, segmentHeaderBytes } from '../../storage/segment-format.ts';
import type { Backup, Member } from '../cluster.ts';
import type { DiskOperation, SimDisk } from '../disk.ts';
import type { FaultName } from './names.ts';
import type { FaultSchedule, Strike } from './schedule.ts';

const sectorBytes = 512;
const votesPath = 'votes';

export const diskStrikes = {
  diskSlow: (faults) =>
    change(
      faults,
      'diskSlow',
      (disk) => {
        disk.extraSyncMs = faults.random.pick([5, 50, 300, 2000]);
      },
      (disk) => {
        disk.extraSyncMs = 0;
      },
    ),
  diskHang: (faults) =>
    change(
      faults,
      'diskHang',
      (disk) => {
        disk.hung = true;
      },
      (disk) => {
        disk.hung = false;
      },
    ),
  diskFull: (faults) =>
    change(
      faults,
      'diskFull',
      (disk) => {
        disk.capacityBytes = disk.usedBytes + faults.random.below(64 * 1024);
      },
      (disk) => {
        disk.capacityBytes = Number.POSITIVE_INFINITY;
      },
    ),
  diskFailure: (faults) => fail(faults, faults.random.pick([['write', 'sync'], ['sync'], ['write'], ['syncDirectory'], ['rename']])),
  diskReadFailure: (faults) => fail(faults, ['read']),
  bitRot: (faults) => {
    const kind = faults.random.pick(['log', 'log', 'log', 'votes', 'identity', 'peers'] as const);
    if (kind === 'votes') return rotVotes(faults);
    return damage(faults, `bitRot.${kind}`, kind === 'log' ? syncedPlace : placeIn(kind), flipBit);
  },
  lostWrite: (faults) => damage(faults, 'lostWrite', syncedPlace, (bytes) => bytes.fill(0)),
  misdirectedWrite: (faults) => damage(faults, 'misdirectedWrite', syncedPlace, (bytes, elsewhere) => bytes.set(elsewhere)),
  derivedLoss,
  wipe,
  rollback,
} satisfies Partial<Record<FaultName, Strike>>;

function change(faults: FaultSchedule, name: string, apply: (disk: SimDisk) => void, undo: (disk: SimDisk) => void): boolean {
  const member = faults.anyMember();
  const { disk } = member.machine;
  if (disk === null) return false;
  faults.last(
    `${name} ${member.id}`,
    faults.durationMs(5000),
    () => apply(disk),
    () => undo(disk),
  );
  return true;
}

function fail(faults: FaultSchedule, calls: readonly DiskOperation[]): boolean {
  faults.anyMember().machine.failingCalls = calls;
  return true;
}

/** A broker whose disk may be spoilt for good, if there is one. */
function victim(faults: FaultSchedule): Member | null {
  const members = faults.cluster.members.filter((member) => maySpoil(faults, member));
  return members.length === 0 ? null : faults.random.pick(members);
}

/** Of all that were spoilt, and this one, a minority. */
function maySpoil({ cluster }: FaultSchedule, member: Member): boolean {
  const damaged = cluster.members.filter((other) => cluster.isDamaged(other));
  return damaged.includes(member) || damaged.length < Math.floor((cluster.members.length - 1) / 2);
}

/** Changes what was surely synced, then lets the broker meet it: while it runs, or at a start. */
function damage(
  faults: FaultSchedule,
  name: string,
  choose: (faults: FaultSchedule, disk: SimDisk) => Place | null,
  spoil: (bytes: Uint8Array, elsewhere: Uint8Array, faults: FaultSchedule) => void,
): boolean {
  const { cluster, random, coverage } = faults;
  const member = victim(faults);
  const disk = member?.machine.disk ?? null;
  if (member === null || disk === null) return false;
  const place = choose(faults, disk);
  if (place === null) return false;
  const { path, position, length, elsewhere } = place;
  const bytes = disk.fileBytes(path);
  if (bytes === null) return false;
  const spoilt = bytes.slice(position, position + length);
  spoil(spoilt, bytes.slice(elsewhere, elsewhere + length), faults);
  if (spoilt.every((byte, i) => byte === bytes[position + i])) return false;
  disk.overwrite(path, position, spoilt);
  cluster.markDamaged(member);
  coverage.reach(`damage.${name}`);
  if (random.chance(0.6)) cluster.kill(member, random.chance(0.5));
  return true;
}

function flipBit(bytes: Uint8Array, _elsewhere: Uint8Array, faults: FaultSchedule): void {
  const at = faults.random.below(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << faults.random.below(8));
}

interface Place {
  readonly path: string;
  readonly position: number;
  readonly length: number;
  /** Where other bytes of the same length stand. */
  readonly elsewhere: number;
}

/** A byte of a small file that is taken or refused as a whole. */
function placeIn(path: string): (faults: FaultSchedule, disk: SimDisk) => Place | null {
  return (faults, disk) => {
    const size = disk.fileBytes(path)?.length ?? 0;
    return size === 0 ? null : { path, position: faults.random.below(size), length: 1, elsewhere: 0 };
  };
}

/** Every record of votes is there twice, so one flipped bit changes nothing: the broker is not spoilt. Once for each disk. */
function rotVotes(faults: FaultSchedule): boolean {
  const { cluster, random, coverage } = faults;
  const member = faults.anyMember();
  const { disk } = member.machine;
  const path = disk?.filePaths().find((name) => name.startsWith(votesPath));
  const bytes = path === undefined ? null : (disk?.fileBytes(path) ?? null);
  if (disk === null || path === undefined || bytes === null || cluster.votesRotten.has(member.id)) return false;
  const written = [...bytes.keys()].filter((at) => bytes[at] !== 0);
  if (written.length === 0) return false;
  cluster.votesRotten.add(member.id);
  const at = random.pick(written);
  disk.overwrite(path, at, new Uint8Array([(bytes[at] as number) ^ (1 << random.below(8))]));
  coverage.reach('damage.bitRot.votes');
  cluster.kill(member, random.chance(0.5));
  return true;
}

/**
 * A sector of a segment whose damage the disk itself can prove: one with two marks behind it, of which the first was synced before the second was
 * written. What comes later may be a torn tail, of which nobody knows whether it was ever acknowledged.
 */
function syncedPlace(faults: FaultSchedule, disk: SimDisk): Place | null {
  const paths = disk.filePaths().filter((path) => path.endsWith(logSuffix));
  if (paths.length === 0) return null;
  const path = faults.random.pick(paths);
  const bytes = disk.fileBytes(path) as Uint8Array;
  const limit = lastMarkButOne(bytes);
  const sectors = Math.floor((limit - segmentHeaderBytes) / sectorBytes);
  if (sectors < 1) return null;
  const position = segmentHeaderBytes + faults.random.below(sectors) * sectorBytes;
  return { path, position, length: sectorBytes, elsewhere: segmentHeaderBytes + faults.random.below(sectors) * sectorBytes };
}

/** Where the last mark but one begins, 0 if there are fewer. Records here hold digits and dots, so the letters of a mark are a mark. */
function lastMarkButOne(bytes: Uint8Array): number {
  let found = 0;
  for (let at = bytes.length - markBytes; at >= segmentHeaderBytes; at--) {
    if (bytes[at + 8] !== 0x4d || bytes[at + 9] !== 0x41 || bytes[at + 10] !== 0x52 || bytes[at + 11] !== 0x4b) continue;
    if (++found === 2) return at;
  }
  return 0;
}

/** Indexes and checkpoints can always be made again: some vanish or rot while the broker is down, and nothing may be different. */
function derivedLoss(faults: FaultSchedule): boolean {
  const { cluster, random, coverage } = faults;
  const member = faults.anyMember();
  const { disk } = member.machine;
  if (disk === null || !cluster.isUp(member)) return false;
  cluster.kill(member, random.chance(0.5));
  const all = random.chance(0.5);
  for (const path of disk.filePaths()) {
    if (!path.endsWith(indexSuffix) && !path.endsWith(checkpointSuffix)) continue;
    if (!all && random.chance(0.5)) continue;
    coverage.reach('damage.derived');
    const bytes = disk.fileBytes(path) as Uint8Array;
    if (bytes.length === 0 || random.chance(0.5)) {
      disk.erase(path);
    } else {
      const at = random.below(bytes.length);
      disk.overwrite(path, at, new Uint8Array([(bytes[at] as number) ^ (1 << random.below(8))]));
    }
  }
  return true;
}

/** The disk is lost; the broker starts on an empty one. */
function wipe(faults: FaultSchedule): boolean {
  const member = victim(faults);
  return member !== null && putInPlace(faults, member, null, 'wipe');
}

/** A backup is taken, and put back once the broker has been started again since. */
function rollback(faults: FaultSchedule): boolean {
  const { cluster } = faults;
  const member = victim(faults);
  if (member === null || !cluster.isUp(member)) return false;
  cluster.kill(member, true);
  const backup = cluster.backUp(member);
  if (backup === null) return false;
  const restore = (): void => {
    if (!putInPlace(faults, member, backup, 'rollback')) faults.after(faults.durationMs(5000), restore);
  };
  faults.after(faults.durationMs(20_000), restore);
  return true;
}

/**
 * Aimed at brokers of which every other one, unless its own disk was replaced, has met a life that the other disk does not know: nobody else could tell
 * (docs/decisions/0011).
 */
function putInPlace(faults: FaultSchedule, member: Member, backup: Backup | null, name: string): boolean {
  const { cluster, coverage } = faults;
  const { nodeIdentity } = cluster.watch;
  const isKnown = cluster.members.every(
    ({ id }) => id === member.id || nodeIdentity.isImpostor(id) || nodeIdentity.hasMetBeyond(id, member.id, backup?.seen ?? []),
  );
  if (!isKnown || !maySpoil(faults, member)) return false;
  cluster.kill(member, true);
  cluster.replaceDisk(member, backup);
  coverage.reach(`damage.${name}`);
  return true;
}
