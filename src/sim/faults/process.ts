/** Faults of processes and their clocks: kills, pauses, stops, skew. */
import type { Member } from '../cluster.ts';
import type { CrashTrap, HostCall } from '../world.ts';
import type { FaultName } from './names.ts';
import { isolate } from './network.ts';
import type { FaultSchedule, Strike } from './schedule.ts';
import { logGroup } from '../../broker/index.ts';

const trappedCalls: readonly (HostCall | null)[] = [
  null,
  null,
  'write',
  'write',
  'sync',
  'sync',
  'syncDirectory',
  'rename',
  'truncate',
  'open',
  'remove',
  'send',
  'send',
];

const day = 86_400_000;

export const processStrikes = {
  crash: (faults) => crash(faults, faults.anyMember(), false),
  powerLoss: (faults) => crash(faults, faults.anyMember(), true),
  crashMany,
  pauseKill,
  stop: (faults) => stop(faults, faults.anyMember()),
  leaderStop,
  rollingRestart,
  pause: (faults) => pause(faults, faults.anyMember(), faults.durationMs(6000)),
  faultSwitch,
  clockJump: (faults) => {
    faults.anyMember().machine.clockError.wallSkewMs += faults.random.between(-1, 1) * faults.random.pick([500, 60_000, day]);
    return true;
  },
  clockStrobe,
  clockDrift,
} satisfies Partial<Record<FaultName, Strike>>;

/** At a host call that is chosen, or at once. */
function crash(faults: FaultSchedule, member: Member, powerLoss: boolean): boolean {
  const { random, cluster } = faults;
  if (!cluster.isUp(member)) return false;
  if (random.chance(0.25)) {
    cluster.kill(member, powerLoss);
    return true;
  }
  const trap: CrashTrap = {
    operation: random.pick(trappedCalls),
    phase: random.pick(['before', 'during', 'after'] as const),
    countdown: 1 + random.below(1 << random.below(7)),
    powerLoss,
  };
  member.machine.trap = trap;
  // A call that never comes must not keep the crash from happening.
  faults.after(2000, () => {
    if (member.machine.trap === trap) cluster.kill(member, powerLoss);
  });
  return true;
}

/** Several at one moment: a minority, a majority or all. */
function crashMany(faults: FaultSchedule): boolean {
  const { random, cluster, coverage } = faults;
  const { members } = cluster;
  const minority = Math.floor((members.length - 1) / 2);
  const [name, count] = random.pick([
    ['minority', minority],
    ['majority', minority + 1],
    ['all', members.length],
  ] as const);
  const powerLoss = faults.has('powerLoss') && random.chance(0.6);
  const left = [...members];
  for (let i = 0; i < count; i++) {
    const [member] = left.splice(random.below(left.length), 1);
    if (member !== undefined) cluster.kill(member, powerLoss);
  }
  coverage.reach(`crash.${name}${powerLoss ? '.powerLoss' : ''}`);
  return true;
}

/**
 * The script that finds whoever acknowledges too early: one part sleeps while the rest goes on, then one of the rest loses its power and what it had not
 * synced, another falls asleep, and those that slept wake up.
 */
function pauseKill(faults: FaultSchedule): boolean {
  const { random, cluster } = faults;
  const order = faults.shuffled(cluster.members);
  const minority = Math.floor((order.length - 1) / 2);
  const sleepers = order.slice(0, minority);
  const [killed, next] = order.slice(minority);
  if (sleepers.length === 0 || killed === undefined || next === undefined) return false;
  const partMs = 500 + random.below(2500);
  for (const sleeper of sleepers) pause(faults, sleeper, partMs + random.below(50));
  faults.after(partMs, () => {
    cluster.kill(killed, true);
    pause(faults, next, partMs);
  });
  return true;
}

function stop(faults: FaultSchedule, member: Member): boolean {
  if (member.broker === null) return false;
  faults.cluster.stop(member, faults.random.pick([0, 100, 5000]));
  return true;
}

/** Whoever leads `log` hands its office over and goes, again and again. */
function leaderStop(faults: FaultSchedule): boolean {
  const { cluster, random } = faults;
  const again = (left: number): boolean => {
    const leader = cluster.leaderOf(logGroup);
    if (left > 1) faults.after(400 + random.below(1200), () => again(left - 1));
    if (leader === null || leader.broker === null) return false;
    cluster.stop(leader, 5000);
    return true;
  };
  return again(1 + random.below(4));
}

/** One broker after the other is stopped and started. */
function rollingRestart(faults: FaultSchedule): boolean {
  const { cluster } = faults;
  const next = (index: number): void => {
    const member = cluster.members[index];
    if (member === undefined) return;
    if (member.broker === null) next(index + 1);
    else cluster.stop(member, 5000, () => faults.after(600, () => next(index + 1)));
  };
  next(0);
  return true;
}

function pause(faults: FaultSchedule, member: Member, durationMs: number): boolean {
  const { process } = member.machine;
  if (process === null) return false;
  faults.last(
    `pause ${member.id}`,
    durationMs,
    () => process.pause(),
    () => process.resume(),
  );
  // Cut off meanwhile and for a moment longer, it wakes up among old answers and hears of nothing that came since.
  if (faults.random.chance(0.4)) isolate(faults, member, durationMs + 400);
  return true;
}

function faultSwitch(faults: FaultSchedule): boolean {
  const member = faults.anyMember();
  const { broker } = member;
  const { process } = member.machine;
  if (broker === null || process === null) return false;
  // It closes its links, or finds them closed.
  const turn = (act: () => void): void => {
    faults.cluster.watch.sentOnce.disturbed(member.id, null);
    act();
  };
  faults.last(
    `switch ${member.id}`,
    faults.durationMs(6000),
    () => process.deliver('fault', () => turn(() => broker.faults.crash())),
    () => process.deliver('fault', () => turn(() => broker.faults.recover())),
  );
  return true;
}

/** The wall clock jumps back and forth for a while. */
function clockStrobe(faults: FaultSchedule): boolean {
  const { random } = faults;
  const { clockError } = faults.anyMember().machine;
  const byMs = random.pick([200, 5000, day]);
  const again = (left: number): void => {
    clockError.wallSkewMs += left % 2 === 0 ? byMs : -byMs;
    if (left > 1) faults.after(20 + random.below(200), () => again(left - 1));
  };
  again(2 * (1 + random.below(10)));
  return true;
}

/** A quartz that is too fast or too slow, by far more than a real one. */
function clockDrift(faults: FaultSchedule): boolean {
  const { random, cluster } = faults;
  const rate = 1 + (random.float() * 2 - 1) * random.pick([0.001, 0.02, 0.1]);
  faults.anyMember().machine.clockError.setRate(cluster.nowMs, rate);
  return true;
}
