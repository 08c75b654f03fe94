/** Faults of disks that they recover from: slow, hanging, full, failing in one call. */
import type { DiskOperation, SimDisk } from '../disk.ts';
import type { FaultName } from './names.ts';
import type { FaultSchedule, Strike } from './schedule.ts';

export const diskStrikes = {
  diskSlow: (faults) => {
    const extraMs = faults.random.pick([5, 50, 300, 2000]);
    return change(
      faults,
      'diskSlow',
      (disk) => {
        disk.extraSyncMs += extraMs;
      },
      (disk) => {
        disk.extraSyncMs -= extraMs;
      },
    );
  },
  disksSlow,
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
  disksFull,
  diskFailure: (faults) => fail(faults, faults.random.pick([['write', 'sync'], ['sync'], ['write'], ['syncDirectory'], ['rename']])),
  diskReadFailure: (faults) => fail(faults, ['read']),
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

/**
 * So much longer does a sync take from now on, to the end of the run and through its healing, on a majority of the brokers or on all: slower than leaders
 * are elected, and yet each append must be acknowledged.
 */
function disksSlow(faults: FaultSchedule): boolean {
  const { cluster, random } = faults;
  const { members } = cluster;
  if (!faults.isFirst('disksSlow')) return false;
  const extraMs = random.pick([150, 290, 400]);
  const count = random.pick([Math.floor(members.length / 2) + 1, members.length]);
  for (const { machine } of faults.shuffled(members).slice(0, count)) if (machine.disk !== null) machine.disk.extraSyncMs += extraMs;
  return true;
}

const fullMs = 20_000;

/** All disks are full, and brokers start again meanwhile: one, some or all at once. What an election needs must have its space (ST9). */
function disksFull(faults: FaultSchedule): boolean {
  const { cluster, random } = faults;
  if (!faults.isFirst('disksFull')) return false;
  const disks = cluster.members.flatMap(({ machine }) => machine.disk ?? []);
  // Mostly somebody else takes whatever is freed.
  const spareBytes = random.pick([null, null, 4 * 1024, 64 * 1024]);
  faults.last(
    'disksFull',
    fullMs,
    () => {
      for (const disk of disks) disk.capacityBytes = spareBytes === null ? 0 : disk.usedBytes + random.below(spareBytes);
    },
    () => {
      for (const disk of disks) disk.capacityBytes = Number.POSITIVE_INFINITY;
    },
  );
  faults.standBack(fullMs);
  const { length } = cluster.members;
  for (const member of faults.shuffled(cluster.members).slice(0, random.pick([1, Math.floor(length / 2) + 1, length])))
    faults.after(1000 + random.below(3000), () => cluster.kill(member, random.chance(0.5)));
  return true;
}
