/** What spoils bytes that were synced: rot, lost and misdirected writes, sectors that cannot be read, derived files that are gone. */
import { indexSuffix, logSuffix, markBytes, segmentHeaderBytes, segmentName, stateSuffix } from '../../storage/segment-format.ts';
import type { Member } from '../cluster.ts';
import { pageBytes, sectorBytes, type SimDisk } from '../disk.ts';
import type { FaultName } from './names.ts';
import type { FaultSchedule, Strike } from './schedule.ts';

const votesPath = 'votes';

export const damageStrikes = {
  bitRot: (faults) => {
    const kind = faults.random.pick(['log', 'log', 'log', 'votes', 'identity', 'peers'] as const);
    if (kind === 'votes') return spoilVotes(faults, 'bitRot.votes', flipVotes);
    return damage(faults, `bitRot.${kind}`, kind === 'log' ? syncedPlace : placeIn(kind), flipBit);
  },
  lostWrite: (faults) => damage(faults, 'lostWrite', syncedPlace, (bytes) => bytes.fill(0)),
  lostPage: (faults) => {
    const kind = faults.random.pick(['log', 'log', 'votes', 'votes', 'identity', 'peers'] as const);
    if (kind === 'votes') return spoilVotes(faults, 'lostPage.votes', zeroVotes);
    return damage(faults, `lostPage.${kind}`, kind === 'log' ? syncedPage : pageOf(kind), (bytes) => bytes.fill(0));
  },
  badSector,
  misdirectedWrite: (faults) => damage(faults, 'misdirectedWrite', syncedPlace, (bytes, elsewhere) => bytes.set(elsewhere)),
  derivedLoss,
} satisfies Partial<Record<FaultName, Strike>>;

/** A broker whose disk may be spoilt for good, if there is one. */
export function victim(faults: FaultSchedule): Member | null {
  const members = faults.cluster.members.filter((member) => maySpoil(faults, member));
  return members.length === 0 ? null : faults.random.pick(members);
}

/** Of all that were spoilt, and this one, a minority of the least that keep a topic: whichever they are, each log is left with a sound majority. */
export function maySpoil({ cluster }: FaultSchedule, member: Member): boolean {
  const damaged = cluster.members.filter((other) => cluster.isDamaged(other));
  return damaged.includes(member) || damaged.length < Math.floor((cluster.replicas - 1) / 2);
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
  cluster.markDamaged(member, path);
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

/** A small file that is gone as a whole: all of it is on one page. */
function pageOf(path: string): (faults: FaultSchedule, disk: SimDisk) => Place | null {
  return (_faults, disk) => {
    const size = disk.fileBytes(path)?.length ?? 0;
    return size === 0 ? null : { path, position: 0, length: Math.min(size, pageBytes), elsewhere: 0 };
  };
}

/**
 * Every record of votes is there twice, so what spoils one page of them changes nothing: the broker is not spoilt. Once for each disk, because a second
 * time could meet the other copy; and the broker starts again at once, so that it meets it.
 */
function spoilVotes(
  faults: FaultSchedule,
  name: string,
  spoil: (faults: FaultSchedule, disk: SimDisk, path: string, bytes: Uint8Array, written: readonly number[]) => void,
): boolean {
  const { cluster, random, coverage } = faults;
  const member = faults.anyMember();
  const { disk } = member.machine;
  const path = disk?.filePaths().find((file) => file.startsWith(votesPath));
  const bytes = path === undefined ? null : (disk?.fileBytes(path) ?? null);
  if (disk === null || path === undefined || bytes === null || cluster.votesSpoilt.has(member.id)) return false;
  const written = [...bytes.keys()].filter((at) => bytes[at] !== 0);
  if (written.length === 0) return false;
  cluster.votesSpoilt.add(member.id);
  spoil(faults, disk, path, bytes, written);
  coverage.reach(`damage.${name}`);
  cluster.kill(member, random.chance(0.5));
  return true;
}

function flipVotes({ random }: FaultSchedule, disk: SimDisk, path: string, bytes: Uint8Array, written: readonly number[]): void {
  const at = random.pick(written);
  disk.overwrite(path, at, new Uint8Array([(bytes[at] as number) ^ (1 << random.below(8))]));
}

/** The page of some byte. */
function zeroVotes({ random }: FaultSchedule, disk: SimDisk, path: string, bytes: Uint8Array, written: readonly number[]): void {
  const from = Math.floor(random.pick(written) / pageBytes) * pageBytes;
  disk.overwrite(path, from, new Uint8Array(Math.min(pageBytes, bytes.length - from)));
}

/**
 * A sector that cannot be read, for good: of a log, or of the votes, which are there twice. A broker that cannot read its log is asked for nothing but to go
 * on with its other logs.
 */
function badSector(faults: FaultSchedule): boolean {
  const { cluster, random, coverage } = faults;
  if (random.chance(0.3)) {
    return spoilVotes(faults, 'badSector.votes', (_faults, disk, path, _bytes, written) => {
      const from = Math.floor(random.pick(written) / sectorBytes) * sectorBytes;
      disk.makeUnreadable(path, from, from + sectorBytes);
    });
  }
  const member = victim(faults);
  const disk = member?.machine.disk ?? null;
  const paths = disk?.filePaths().filter((path) => path.endsWith(logSuffix)) ?? [];
  if (member === null || disk === null || paths.length === 0) return false;
  const path = random.pick(paths);
  const from = random.below(Math.ceil((disk.fileBytes(path)?.length ?? 0) / sectorBytes)) * sectorBytes;
  disk.makeUnreadable(path, from, from + sectorBytes);
  cluster.markDamaged(member, path);
  coverage.reach('damage.badSector.log');
  // Somebody lacks what stands there, or the broker itself reads it when it starts.
  if (random.chance(0.5)) cluster.kill(random.pick(cluster.members), random.chance(0.5));
  return true;
}

/** A page of a segment with two marks behind it, as for a sector below. */
function syncedPage(faults: FaultSchedule, disk: SimDisk): Place | null {
  const paths = disk.filePaths().filter((path) => path.endsWith(logSuffix));
  if (paths.length === 0) return null;
  const path = faults.random.pick(paths);
  const pages = Math.floor(lastMarkButOne(disk.fileBytes(path) as Uint8Array) / pageBytes);
  if (pages < 1) return null;
  return { path, position: faults.random.below(pages) * pageBytes, length: pageBytes, elsewhere: 0 };
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
    if (!path.endsWith(indexSuffix) && !isReplaceableState(disk, path)) continue;
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

/** A checkpoint of a log that still begins at 0; elsewhere it is all that is left of what was removed. */
function isReplaceableState(disk: SimDisk, path: string): boolean {
  if (!path.endsWith(stateSuffix)) return false;
  return disk.fileBytes(`${path.slice(0, path.lastIndexOf('/'))}/${segmentName(0, logSuffix)}`) !== null;
}
