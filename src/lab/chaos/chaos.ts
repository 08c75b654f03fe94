import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SeededRandom } from '../../base/random.ts';
import { countDamage } from '../rig/index.ts';
import type { LabResult } from '../report/index.ts';
import type { ChaosOptions } from './campaign.ts';
import { judgeChaos } from './judge.ts';
import { type FaultRecord, type RoundResult, runRound } from './round.ts';
import { planSchedule } from './schedule.ts';
import { findTools } from './tools.ts';

/** `cairn lab chaos`: real brokers under load, faults in seeded order, then every acknowledged record is looked for on every broker. */
export async function runChaosLab(options: ChaosOptions): Promise<LabResult> {
  mkdirSync(options.folder, { recursive: true });
  const random = new SeededRandom(options.seed);
  const tools = findTools();
  const schedule = planSchedule(options, tools, random);
  const startedMs = performance.now();
  const untilMs = options.seconds === null ? Number.POSITIVE_INFINITY : startedMs + options.seconds * 1000;
  const records: FaultRecord[] = [];
  const rounds: RoundResult[] = [];
  const failures: string[] = [];
  const counts = new Map<string, number>();
  const onFault = (record: FaultRecord): void => {
    records.push(record);
    options.onFault(record, records.length, schedule.faults.length);
  };
  for (let from = 0; from < schedule.faults.length && failures.length === 0; from += options.faultsPerRound) {
    if (from > 0 && performance.now() > untilMs) break;
    const name = `round-${from / options.faultsPerRound + 1}`;
    const folder = path.join(options.folder, name);
    const faults = schedule.faults.slice(from, from + options.faultsPerRound);
    try {
      const { brokers, workers } = options;
      const round = await runRound({ faults, brokers, workers, random: random.fork(), tools, folder, untilMs, counts, onFault });
      rounds.push(round);
      // The raw data of a round in which nothing was wrong tells nothing, and there is much of it.
      if (countDamage(round.figures.damage) === 0 && round.staleReads.status === 'pass') rmSync(folder, { recursive: true });
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  writeFileSync(path.join(options.folder, 'faults.json'), `${JSON.stringify(records, null, 1)}\n`);
  const left = schedule.faults.length - records.length;
  const noTime = left > 0 ? [{ fault: `${left} of ${schedule.faults.length} faults`, reason: 'no time was left' }] : [];
  return judgeChaos(options, { startedMs, rounds, records, notReached: [...schedule.notReached, ...noTime], failures });
}
