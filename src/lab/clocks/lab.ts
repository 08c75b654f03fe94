import { drawRates, type Oracle } from '../../clocks/index.ts';
import { percentile } from '../../base/percentile.ts';
import type { HostPort } from '../../daemon/address.ts';
import type { LabResult } from '../report/index.ts';
import { aimOfTrials, judgeClaims, judgeTrials } from './judge.ts';
import { Oracles } from './oracles.ts';
import { clockGraph, queueGraph, secondDiagram } from './pictures.ts';
import { presets } from './presets.ts';
import { RealTrial } from './real-trial.ts';
import type { Topology, TrialPlan, TrialResult } from './trial.ts';
import { runVirtualTrial } from './virtual-trial.ts';

export interface ClocksLabOptions {
  readonly machines: number;
  /** Null: each machine draws its own, in each trial anew. */
  readonly rates: readonly number[] | null;
  readonly range: number;
  readonly seconds: number;
  readonly trials: number;
  /** 1 to 9: its rates and range are those above; null: none. */
  readonly preset: number | null;
  readonly topology: Topology;
  readonly relayRate: number | null;
  readonly isVirtual: boolean;
  /** Trials side by side; they do next to nothing. */
  readonly parallel: number;
  /** That the space-time diagram shows. */
  readonly second: number;
  readonly addresses: readonly HostPort[] | null;
  readonly seed: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** `cairn lab clocks`: the scale model of contract 5, in processes or on simulated time. */
export async function runClocksLab(options: ClocksLabOptions): Promise<LabResult> {
  const plans = plansOf(options);
  const trials = options.isVirtual ? plans.map((plan) => runVirtualTrial(plan, options.folder)) : await runReal(plans, options);
  const oracles = new Oracles();
  const preset = options.preset === null ? undefined : presets[options.preset - 1];
  // A relay is no part of what the seed measured.
  const own = trials.filter(({ plan }) => plan.topology === 'mesh');
  // Of the seed's own length, however long these trials are.
  const claims = preset === undefined ? [] : judgeClaims(preset, options.preset as number, own, oracles.of({ ...preset, relayRate: null }));
  const { machines, range, seconds, topology, relayRate, seed, isVirtual } = options;
  return {
    lab: 'clocks',
    about: `The scale model of logical clocks (contract 5): machines that tick at different rates, each with a queue and a Lamport clock, ${isVirtual ? 'on simulated time' : 'each a process of its own'}. At each tick a machine takes one message, or, when none waits, draws a number that says whether it sends its clock to others. The logs are beside this report: the seed's lines (.txt) and a trace (.ndjson).`,
    settings: {
      machines: options.rates?.length ?? machines,
      rates: options.rates?.join(', ') ?? 'drawn, 1 to 6',
      range,
      seconds,
      trials: options.trials,
      preset: options.preset,
      topology,
      'relay rate': relayRate,
      time: isVirtual ? 'virtual' : 'real',
      seed,
    },
    results: [...trials.flatMap((trial) => rowsOf(trial, oracles.of(trial.plan))), ...wireRows(trials)],
    checks: [...judgeTrials(trials, oracles), ...claims],
    ...(isVirtual ? {} : { targets: aimOfTrials(trials, oracles) }),
    graphs: trials.flatMap((trial) => [
      clockGraph(trial),
      queueGraph(trial),
      secondDiagram(trial, Math.min(options.second, trial.plan.seconds - 1)),
    ]),
  };
}

/** With a relay each trial is made twice, so that pairwise sockets stand beside it. */
function plansOf(options: ClocksLabOptions): TrialPlan[] {
  return Array.from({ length: options.trials }, (_, index) => index).flatMap((index) => {
    const seed = options.seed + index;
    const { range, seconds, addresses } = options;
    const rates = options.rates ?? drawRates(seed, options.machines);
    const name = options.preset === null ? `trial-${index + 1}` : `preset-${options.preset}${options.trials === 1 ? '' : `-${index + 1}`}`;
    const mesh = { name, rates, range, seconds, seed, addresses, topology: 'mesh' as const, relayRate: null };
    if (options.topology === 'mesh') return [mesh];
    return [mesh, { ...mesh, name: `${name}-relay`, topology: 'relay' as const, relayRate: options.relayRate }];
  });
}

/** So many trials at a time, all of which begin only when everything of them has been started. */
async function runReal(plans: readonly TrialPlan[], { folder, parallel, say }: ClocksLabOptions): Promise<TrialResult[]> {
  const results: TrialResult[] = [];
  for (let from = 0; from < plans.length; from += parallel) {
    const trials: RealTrial[] = [];
    try {
      for (const plan of plans.slice(from, from + parallel)) {
        const trial = new RealTrial(plan, folder, say);
        trials.push(trial);
        await trial.connect();
      }
      results.push(...(await Promise.all(trials.map((trial) => trial.run()))));
    } finally {
      await Promise.all(trials.map((trial) => trial.end()));
    }
  }
  return results;
}

const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

function rowsOf({ plan, machines }: TrialResult, oracle: Oracle): LabResult['results'] {
  const leading = Math.max(...machines.map(({ figures }) => figures.clock));
  return machines.map(({ figures, lateTicks, latestMs, died }, index) => ({
    trial: plan.name,
    machine: index + 1,
    'ticks/s': figures.rate,
    ticks: figures.ticks,
    'late ticks': lateTicks,
    'latest ms': round(latestMs, 1),
    clock: figures.clock,
    'mean of virtual': round(oracle.means[index]?.clock ?? 0, 0),
    drift: figures.clock - leading,
    'mean jump': round(figures.meanJump),
    'largest jump': figures.largestJump,
    queue: figures.queue,
    'largest queue': figures.largestQueue,
    partial: died,
  }));
}

function wireRows(trials: readonly TrialResult[]): LabResult['results'] {
  if (trials.every(({ plan }) => plan.topology === 'mesh')) return [];
  return trials.flatMap(({ plan, machines, wires, relayQueue }) => {
    if (wires === null) return [{ trial: plan.name, topology: plan.topology, 'wait in the relay': relayQueue }];
    const sent = machines.reduce((sum, { figures }) => sum + figures.sent, 0);
    return [
      {
        trial: plan.name,
        topology: plan.topology,
        connections: wires.connections,
        'set up ms': round(wires.setUpMs, 1),
        'writes per message': sent === 0 ? null : round(wires.writes / sent),
        'delay ms p50': round(percentile(wires.delaysMs, 0.5)),
        p99: round(percentile(wires.delaysMs, 0.99)),
        max: round(wires.delaysMs.at(-1) ?? 0),
        'wait in the relay': relayQueue,
      },
    ];
  });
}
