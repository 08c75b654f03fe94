/**
 * Faults and when they strike. A seeded schedule lets storms and quiet times alternate; in a storm one fault after another is chosen, aimed and,
 * unless it is a moment's, taken back later. `heal` ends everything, so that a run can be asked to converge.
 */
import type { SeededRandom } from '../base/random.ts';
import type { Cluster, Member } from './cluster.ts';
import type { Coverage } from './coverage.ts';
import type { SimDisk } from './disk.ts';
import { calmConditions, type NetworkConditions } from './network.ts';
import type { CrashTrap, HostCall } from './world.ts';

export const faultNames = [
  'crash',
  'powerLoss',
  'stop',
  'delay',
  'loss',
  'duplication',
  'reordering',
  'partition',
  'oneWayPartition',
  'linkBreak',
  'pause',
  'faultSwitch',
  'diskSlow',
  'diskHang',
  'diskFull',
  'diskFailure',
  'clockJump',
] as const;

export type FaultName = (typeof faultNames)[number];

/** `all`, `none` or names with commas; null and the wrong name when one is unknown. */
export function parseFaults(text: string): { readonly faults: readonly FaultName[] } | { readonly unknown: string } {
  if (text === 'all') return { faults: faultNames };
  if (text === 'none' || text === '') return { faults: [] };
  const faults: FaultName[] = [];
  for (const part of text.split(',')) {
    const name = faultNames.find((known) => known === part.trim());
    if (name === undefined) return { unknown: part.trim() };
    faults.push(name);
  }
  return { faults };
}

/** Crashes and partitions are what the promises are most about. */
const weights: Partial<Record<FaultName, number>> = { crash: 4, powerLoss: 3, partition: 2, oneWayPartition: 2 };

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

export class FaultSchedule {
  readonly #cluster: Cluster;
  readonly #faults: readonly FaultName[];
  readonly #random: SeededRandom;
  readonly #coverage: Coverage;
  /** True while an append of a client is under way. */
  readonly #writeInFlight: () => boolean;
  #running = false;
  #storm = true;
  /** What takes back the faults that last, by what they are. */
  readonly #lasting = new Map<string, () => void>();

  constructor(cluster: Cluster, faults: readonly FaultName[], writeInFlight: () => boolean) {
    this.#cluster = cluster;
    this.#faults = faults.flatMap((fault) => Array.from({ length: weights[fault] ?? 1 }, () => fault));
    this.#random = cluster.world.random.fork();
    this.#coverage = cluster.world.coverage;
    this.#writeInFlight = writeInFlight;
    cluster.onDown = (member) => this.#restartLater(member);
  }

  begin(): void {
    this.#running = true;
    if (this.#faults.length === 0) return;
    this.#after(500 + this.#random.below(2000), () => this.#next());
    this.#changeWeather();
  }

  /** Ends all faults; dead brokers start again at once. */
  heal(): void {
    this.#running = false;
    for (const undo of this.#lasting.values()) undo();
    this.#lasting.clear();
    const { world, members } = this.#cluster;
    world.network.unblockAll();
    Object.assign(world.network.conditions, calmConditions);
    for (const member of members) {
      member.machine.trap = null;
      member.machine.diskFails = false;
      this.#cluster.start(member);
    }
  }

  #after(delayMs: number, run: () => void): void {
    this.#cluster.world.scheduler.schedule(delayMs, 'fault', 0, () => {
      if (this.#running) run();
    });
  }

  #changeWeather(): void {
    this.#after(8_000 + this.#random.below(12_000), () => {
      this.#storm = this.#random.chance(0.75);
      this.#changeWeather();
    });
  }

  #next(): void {
    if (this.#storm) {
      const fault = this.#random.pick(this.#faults);
      this.#coverage.reach(`fault.${fault}`);
      if (this.#writeInFlight()) this.#coverage.reach(`fault.${fault}.inFlight`);
      this.#strike(fault);
    }
    this.#after(100 + this.#random.below(1 << (8 + this.#random.below(5))), () => this.#next());
  }

  #strike(fault: FaultName): void {
    const { world, members } = this.#cluster;
    const random = this.#random;
    const member = random.pick(members);
    const { conditions } = world.network;
    switch (fault) {
      case 'crash':
        this.#crash(member, false);
        break;
      case 'powerLoss':
        if (random.chance(0.1)) {
          for (const each of members) this.#cluster.kill(each, true);
          this.#coverage.reach('crash.allAtOnce');
        } else {
          this.#crash(member, true);
        }
        break;
      case 'stop':
        this.#cluster.stop(member, random.pick([0, 100, 5000]));
        break;
      case 'delay':
        this.#changeNetwork(fault, {
          delayMsMax: random.pick([5, 30, 100]),
          longDelayRate: random.pick([0, 0.05, 0.3]),
          longDelayMsMin: 100,
          longDelayMsMax: 2000,
        });
        break;
      case 'loss':
        this.#changeNetwork(fault, { lossRate: random.pick([0.01, 0.1, 0.3]) });
        break;
      case 'duplication':
        this.#changeNetwork(fault, { duplicationRate: random.pick([0.05, 0.5]) });
        break;
      case 'reordering':
        this.#changeNetwork(fault, { reorderingRate: random.pick([0.05, 0.5]), delayMsMax: Math.max(conditions.delayMsMax, 10) });
        break;
      case 'partition':
        this.#partition(false);
        break;
      case 'oneWayPartition':
        this.#partition(true);
        break;
      case 'linkBreak':
        world.network.breakLinks(member.id, random.pick(members).id);
        break;
      case 'pause': {
        const { process } = member.machine;
        if (process === null) break;
        const durationMs = this.#durationMs(6000);
        this.#last(
          `pause ${member.id}`,
          durationMs,
          () => process.pause(),
          () => process.resume(),
        );
        // Cut off meanwhile and for a moment longer, it wakes up among old answers and hears of nothing that came since.
        if (random.chance(0.4)) this.#isolate(member, durationMs + 400);
        break;
      }
      case 'faultSwitch': {
        const { broker } = member;
        const { process } = member.machine;
        if (broker === null || process === null) break;
        this.#last(
          `switch ${member.id}`,
          this.#durationMs(6000),
          () => process.deliver('fault', () => broker.faults.crash()),
          () => process.deliver('fault', () => broker.faults.recover()),
        );
        break;
      }
      case 'diskSlow':
        this.#changeDisk(
          fault,
          member,
          (disk) => {
            disk.extraSyncMs = random.pick([5, 50, 300, 2000]);
          },
          (disk) => {
            disk.extraSyncMs = 0;
          },
        );
        break;
      case 'diskHang':
        this.#changeDisk(
          fault,
          member,
          (disk) => {
            disk.hung = true;
          },
          (disk) => {
            disk.hung = false;
          },
        );
        break;
      case 'diskFull':
        this.#changeDisk(
          fault,
          member,
          (disk) => {
            disk.capacityBytes = disk.usedBytes + random.below(64 * 1024);
          },
          (disk) => {
            disk.capacityBytes = Number.POSITIVE_INFINITY;
          },
        );
        break;
      case 'diskFailure':
        member.machine.diskFails = true;
        break;
      case 'clockJump':
        member.machine.clockError.wallSkewMs += random.between(-1, 1) * random.pick([500, 60_000, 86_400_000]);
        break;
    }
  }

  #crash(member: Member, powerLoss: boolean): void {
    const random = this.#random;
    if (!this.#cluster.isUp(member)) return;
    if (random.chance(0.25)) {
      this.#cluster.kill(member, powerLoss);
      return;
    }
    const trap: CrashTrap = {
      operation: random.pick(trappedCalls),
      phase: random.pick(['before', 'during', 'after'] as const),
      countdown: 1 + random.below(1 << random.below(7)),
      powerLoss,
    };
    member.machine.trap = trap;
    // A call that never comes must not keep the crash from happening.
    this.#after(2000, () => {
      if (member.machine.trap === trap) this.#cluster.kill(member, powerLoss);
    });
  }

  /** Now and then a broker dies again while it reads what the last death left. */
  #crashWhileOpening(member: Member): void {
    const random = this.#random;
    const powerLoss = this.#faults.includes('powerLoss') && random.chance(0.5);
    if (!this.#running || !this.#faults.includes(powerLoss ? 'powerLoss' : 'crash') || !random.chance(0.25)) return;
    this.#coverage.reach('fault.crashWhileOpening');
    member.machine.trap = {
      operation: null,
      phase: random.pick(['before', 'during', 'after'] as const),
      countdown: 1 + random.below(60),
      powerLoss,
    };
  }

  #restartLater(member: Member): void {
    const delayMs = this.#running ? this.#durationMs(4000) : 200;
    this.#cluster.world.scheduler.schedule(delayMs, 'lifecycle', member.id, () => {
      if (this.#cluster.isUp(member)) return;
      this.#cluster.start(member);
      this.#crashWhileOpening(member);
    });
  }

  #changeNetwork(name: string, change: Partial<NetworkConditions>): void {
    const { conditions } = this.#cluster.world.network;
    const calm = Object.fromEntries(Object.keys(change).map((key) => [key, calmConditions[key as keyof NetworkConditions]]));
    this.#last(
      name,
      this.#durationMs(8000),
      () => Object.assign(conditions, change),
      () => Object.assign(conditions, calm),
    );
  }

  #changeDisk(name: string, member: Member, change: (disk: SimDisk) => void, undo: (disk: SimDisk) => void): void {
    const { disk } = member.machine;
    if (disk === null) return;
    this.#last(
      `${name} ${member.id}`,
      this.#durationMs(5000),
      () => change(disk),
      () => undo(disk),
    );
  }

  /** Cuts some brokers off the others, or one broker from one other; one way or both. */
  #partition(oneWay: boolean): void {
    const random = this.#random;
    const { network } = this.#cluster.world;
    const ids = this.#cluster.members.map(({ id }) => id as number);
    const inside = random.chance(0.3) ? [random.pick(ids)] : ids.filter(() => random.chance(0.5));
    let outside = ids.filter((id) => !inside.includes(id));
    if (random.chance(0.3) && outside.length > 0) outside = [random.pick(outside)];
    const inward = oneWay && random.chance(0.5);
    const pairs = inside.flatMap((a) => outside.map((b) => [a, b] as const));
    const cut = (): void => {
      for (const [a, b] of pairs) {
        if (!inward) network.block(a, b);
        if (!oneWay || inward) network.block(b, a);
      }
    };
    const mend = (): void => {
      for (const [a, b] of pairs) {
        network.unblock(a, b);
        network.unblock(b, a);
      }
    };
    this.#last(`partition ${oneWay}`, this.#durationMs(8000), cut, mend);
  }

  #isolate(member: Member, durationMs: number): void {
    const { network } = this.#cluster.world;
    const others = this.#cluster.members.filter((other) => other !== member);
    this.#last(
      `isolation ${member.id}`,
      durationMs,
      () => {
        for (const { id } of others) {
          network.block(member.id, id);
          network.block(id, member.id);
        }
      },
      () => {
        for (const { id } of others) {
          network.unblock(member.id, id);
          network.unblock(id, member.id);
        }
      },
    );
  }

  /** Applies a fault and takes it back after a while; an earlier one of the same name is taken back first. */
  #last(name: string, durationMs: number, apply: () => void, undo: () => void): void {
    this.#lasting.get(name)?.();
    apply();
    this.#lasting.set(name, undo);
    this.#after(durationMs, () => {
      if (this.#lasting.get(name) !== undo) return;
      this.#lasting.delete(name);
      undo();
    });
  }

  #durationMs(most: number): number {
    return 20 + this.#random.below(Math.max(1, most >> this.#random.below(6)));
  }
}
