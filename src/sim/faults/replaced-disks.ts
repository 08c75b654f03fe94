/** Another disk in place of a broker's: an empty one, or an old one. */
import type { Backup, Member } from '../cluster.ts';
import { maySpoil, victim } from './damage.ts';
import type { FaultName } from './names.ts';
import type { FaultSchedule, Strike } from './schedule.ts';

export const replacedDiskStrikes = { wipe, rollback } satisfies Partial<Record<FaultName, Strike>>;

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
 * (docs/decisions/0009).
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
