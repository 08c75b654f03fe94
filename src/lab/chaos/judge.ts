import { percentile } from '../../base/percentile.ts';
import { addFigures, checkFigures } from '../rig/index.ts';
import { check, type Check, type Graph, type LabResult } from '../report/index.ts';
import type { Campaign, ChaosOptions } from './campaign.ts';
import type { Family } from './fault.ts';
import { type FaultRecord, isAsked } from './round.ts';
import { allFaults } from './schedule.ts';

/** The report: what was injected, how long appends had to wait, and whether anything that must not happen did. */
export function judgeChaos(options: ChaosOptions, campaign: Campaign): LabResult {
  const { records, rounds, notReached } = campaign;
  const figures = addFigures(rounds.map((round) => round.figures));
  return {
    lab: 'chaos',
    about:
      'Real brokers with their data on disk are killed, stopped, cut off from one another, and given slow, full and failing disks, while clients append and others ask for the end of the log. In the end every record that was acknowledged is looked for on every broker.',
    settings: {
      seed: options.seed,
      brokers: options.brokers,
      'appends in flight': options.workers,
      faults: options.faults?.join(', ') ?? 'all',
      kills: options.kills,
      partitions: options.partitions,
      'times each other fault': options.others,
      'seconds at most': options.seconds,
      'faults on each cluster': options.faultsPerRound,
      'not reached': notReached.map(({ fault, reason }) => `${fault}: ${reason}`).join('; ') || 'nothing',
    },
    results: [...allFaults.flatMap(({ name }) => rowOf(name, records)), ...rowOf('all', records)],
    graphs: [acknowledgementsOverTime(campaign), nextAcknowledged(records)],
    checks: [...checkCampaign(campaign), ...checkFigures(figures, rounds.length * options.brokers), ...checkReads(campaign)],
  };
}

function rowOf(fault: string, records: readonly FaultRecord[]): LabResult['results'] {
  const of = records.filter((record) => fault === 'all' || record.fault === fault);
  if (of.length === 0) return [];
  const sorted = (figure: (record: FaultRecord) => number): readonly number[] => of.map(figure).toSorted((a, b) => a - b);
  const acknowledged = sorted((record) => record.acknowledgedMs);
  const converged = sorted((record) => record.convergedMs);
  const changes = of.flatMap((record) => record.leaderChanges ?? []);
  return [
    {
      fault,
      times: of.length,
      SIGKILLs: of.reduce((sum, record) => sum + record.kills, 0),
      'in flight at least': Math.min(...of.map((record) => record.inFlight)),
      'next acknowledged p50 ms': Math.round(percentile(acknowledged, 0.5)),
      'p99 ms': Math.round(percentile(acknowledged, 0.99)),
      'max ms': Math.round(acknowledged.at(-1) ?? 0),
      'all equal p50 ms': Math.round(percentile(converged, 0.5)),
      'equal max ms': Math.round(converged.at(-1) ?? 0),
      'leader changes': fault === 'all' || changes.length === 0 ? '' : Math.max(...changes),
      'processes that ended': of.reduce((sum, record) => sum + record.exits.length, 0),
    },
  ];
}

function checkCampaign({ records, failures }: Campaign): Check[] {
  const unasked = records.flatMap(({ fault, exits }) =>
    exits
      .filter((exit) => !isAsked(exit))
      .map(({ broker, code, signal }) => `${fault}: broker ${broker} ended with ${String(code ?? signal)}`),
  );
  const wentOn = records.filter(({ exitCode, brokers, exits }) => exitCode !== undefined && !isEndedWith(exitCode, brokers, exits));
  const minority = records.flatMap((record) => record.minority ?? []);
  const tried = minority.reduce((sum, each) => sum + each.tried, 0);
  const minorityAcknowledged = minority.reduce((sum, each) => sum + each.acknowledged, 0);
  const changes = Math.max(0, ...records.map((record) => record.leaderChanges ?? 0));
  const idle = records.filter((record) => record.inFlight === 0).length;
  return [
    check('faults injected', records.length > 0, 'more than 0', records.length),
    check('faults while no append was in flight', idle === 0, 0, idle),
    check('clusters that did not get through', failures.length === 0, 0, [failures.length, ...failures].join('; ')),
    check('brokers that ended without being asked to', unasked.length === 0, 0, [unasked.length, ...unasked].join('; ')),
    check('brokers that went on although their disk failed', wentOn.length === 0, 0, wentOn.length),
    check('acknowledged by a minority', minorityAcknowledged === 0, 0, `${minorityAcknowledged} of ${tried} tried`),
    check('leader changes in a partial partition', changes <= 1, 'at most 1', changes),
  ];
}

const isEndedWith = (exitCode: number, brokers: readonly number[], exits: FaultRecord['exits']): boolean =>
  brokers.every((id) => exits.some(({ broker, code }) => broker === id && code === exitCode));

function checkReads({ rounds }: Campaign): Check[] {
  const reads = rounds.reduce((sum, round) => sum + round.endReads, 0);
  const unfinished = rounds.filter((round) => round.staleReads.status === 'unknown').length;
  const stale = rounds.reduce((sum, { staleReads }) => sum + staleReads.violations.length + staleReads.more, 0);
  const examples = rounds.flatMap((round) => round.staleReads.violations).slice(0, 5);
  return [
    check(
      'stale linearizable reads',
      stale === 0 && unfinished === 0 && reads > 0,
      '0 of more than 0',
      [`${stale} of ${reads}`, ...examples].join('; '),
    ),
  ];
}

const familyLabels: Readonly<Record<Family, string>> = {
  kill: 'kills',
  pause: 'pauses and clocks',
  clock: 'pauses and clocks',
  partition: 'partitions and networks',
  network: 'partitions and networks',
  disk: 'disks and limits',
  limit: 'disks and limits',
};

function acknowledgementsOverTime({ startedMs, rounds, records }: Campaign): Graph {
  const bySecond = new Map<number, number>();
  for (const { acknowledgedMs } of rounds) {
    for (const ms of acknowledgedMs) {
      const second = Math.floor((ms - startedMs) / 1000);
      bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
    }
  }
  const curve = [...bySecond].toSorted(([a], [b]) => a - b);
  const marks = [...new Set(Object.values(familyLabels))].flatMap((label) => {
    const points = records
      .filter(({ family }) => familyLabels[family] === label)
      .map((record) => [(record.startedMs - startedMs) / 1000, 0] as const);
    return points.length === 0 ? [] : [{ label, marks: 'points' as const, points }];
  });
  return {
    name: 'acknowledgements',
    kind: 'chart',
    title: 'Acknowledged appends, and when faults began',
    xTitle: 'time (s)',
    yTitle: 'appends (1/s)',
    series: [{ label: 'acknowledged', marks: 'line', points: curve }, ...marks],
  };
}

function nextAcknowledged(records: readonly FaultRecord[]): Graph {
  const labels = [...new Set(Object.values(familyLabels))];
  return {
    name: 'next-acknowledged',
    kind: 'chart',
    title: 'From the beginning of a fault to the next acknowledgement',
    xTitle: 'fault',
    xScale: 'numbers',
    yTitle: 'time (ms)',
    series: labels.flatMap((label) => {
      const points = records.flatMap((record, index) =>
        familyLabels[record.family] === label ? [[index + 1, record.acknowledgedMs] as const] : [],
      );
      return points.length === 0 ? [] : [{ label, marks: 'points', points }];
    }),
  };
}
