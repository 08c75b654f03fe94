import type { SeededRandom } from '../../base/random.ts';
import { LogError } from '../../eventlog/index.ts';
import { diskFaults } from './disk-faults.ts';
import type { Fault } from './fault.ts';
import { networkFaults } from './network-faults.ts';
import { processFaults } from './process-faults.ts';
import type { Tools } from './tools.ts';

export const allFaults: readonly Fault[] = [...processFaults, ...networkFaults, ...diskFaults];

export interface ScheduleOptions {
  /** SIGKILLs by the faults whose names begin with `kill-`; at least so many, since some kill several at once. */
  readonly kills: number;
  readonly partitions: number;
  /** How often each other fault comes. */
  readonly others: number;
  /** Names, or null for all. */
  readonly faults: readonly string[] | null;
  readonly brokers: number;
}

export interface Schedule {
  readonly faults: readonly Fault[];
  /** Chosen and not possible here, with the reason. */
  readonly notReached: readonly { readonly fault: string; readonly reason: string }[];
}

/** Refuses a name that no fault has. */
function chooseFaults(names: readonly string[] | null): readonly Fault[] {
  if (names === null) return allFaults;
  for (const name of names) {
    if (allFaults.some((fault) => fault.name === name)) continue;
    throw new LogError('usage', `Cannot inject "${name}": the faults are ${allFaults.map((fault) => fault.name).join(', ')}`);
  }
  return allFaults.filter((fault) => names.includes(fault.name));
}

/** How often among the kills; the rest of a family share what is left. */
const KILL_SHARES: Readonly<Record<string, number>> = {
  'kill-leader': 0.38,
  'kill-follower': 0.3,
  'kill-majority': 0.16,
  'kill-all': 0.12,
  'kill-at-fsync': 0.04,
};

/** What is injected, in which order: every fault as often as it is wanted, shuffled by the seed. */
export function planSchedule(options: ScheduleOptions, tools: Tools, random: SeededRandom): Schedule {
  const notReached: { fault: string; reason: string }[] = [];
  const possible = chooseFaults(options.faults).filter((fault) => {
    const reasons = fault.tools.flatMap((tool) => tools.missing.get(tool) ?? []);
    if (reasons.length > 0) notReached.push({ fault: fault.name, reason: reasons.join(', ') });
    return reasons.length === 0;
  });
  const faults: Fault[] = [];
  const kills = possible.filter((fault) => fault.family === 'kill');
  const shares = kills.reduce((sum, fault) => sum + (KILL_SHARES[fault.name] ?? 0), 0);
  let killed = 0;
  for (const fault of kills) {
    const count =
      options.kills === 0
        ? 0
        : Math.max(
            1,
            Math.round(((options.kills / killsPerFault(kills, options.brokers, shares)) * (KILL_SHARES[fault.name] ?? 0)) / shares),
          );
    for (let i = 0; i < count; i++) faults.push(fault);
    killed += count * killsOf(fault, options.brokers);
  }
  const single = kills.find((fault) => killsOf(fault, options.brokers) === 1) ?? kills[0];
  if (single !== undefined && options.kills > 0) {
    for (; killed < options.kills; killed += killsOf(single, options.brokers)) faults.push(single);
  }
  const partitions = possible.filter((fault) => fault.family === 'partition');
  for (let i = 0; i < options.partitions && partitions.length > 0; i++) faults.push(partitions[i % partitions.length] as Fault);
  for (const fault of possible) {
    if (fault.family === 'kill' || fault.family === 'partition') continue;
    for (let i = 0; i < options.others; i++) faults.push(fault);
  }
  return { faults: shuffle(faults, random), notReached };
}

function killsOf(fault: Fault, brokers: number): number {
  if (fault.name === 'kill-all') return brokers;
  if (fault.name === 'kill-majority') return Math.floor(brokers / 2) + 1;
  return fault.name === 'kill-at-fsync' ? 2 : 1;
}

/** On the average. */
function killsPerFault(kills: readonly Fault[], brokers: number, shares: number): number {
  return kills.reduce((sum, fault) => sum + (killsOf(fault, brokers) * (KILL_SHARES[fault.name] ?? 0)) / shares, 0);
}

function shuffle<Item>(items: readonly Item[], random: SeededRandom): Item[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as Item, shuffled[i] as Item];
  }
  return shuffled;
}
