import { drawRates, type Oracle } from '../../clocks/index.ts';
import { percentile } from '../../base/percentile.ts';
import type { HostPort } from '../../base/host-port.ts';
import type { LabResult } from '../report/index.ts';
import { aimOfTrials, judgeClaims, judgeTrials } from './judge.ts';
import { Oracles } from './oracles.ts';
import { clockGraph, queueGraph, secondDiagram } from './pictures.ts';
import { type Preset, presets } from './presets.ts';
import { RealTrial } from './real-trial.ts';
import type { Topology, TrialPlan, TrialResult } from './trial.ts';
import { runVirtualTrial } from './virtual-trial.ts';

export interface ClocksLabOptions {
  readonly machines: number;
  /** Null: each machine draws its own, in each trial anew. */
  readonly rates: readonly number[] | null;
  readonly range: number;
  /** Null: what each preset has. */
  readonly seconds: number | null;
  readonly trials: number;
  /** 1 to 9: each says its rates and range; none: those above are taken. */
  readonly presets: readonly number[];
  readonly topology: Topology;
  readonly relayRate: number | null;
  readonly isVirtual: boolean;
  /** Trials side by side; they do next to nothing. */
  readonly parallel: number;
  /** That the space-time diagrams show; null: the one in the middle. */
  readonly second: number | null;
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
  // A relay is no part of what the seed measured.
  const own = trials.filter(({ plan }) => plan.topology === 'mesh');
  // Of the seed's own length, however long these trials are.
  const claims = options.presets.flatMap((number) => {
    const preset = presetOf(number);
    const trialsOf = own.filter(({ plan }) => plan.preset === number);
    return judgeClaims(preset, number, trialsOf, oracles.of({ ...preset, relayRate: null }));
  });
  const { machines, range, seconds, topology, relayRate, seed, isVirtual } = options;
  const said = options.presets.map((number) => presetOf(number));
  return {
    lab: 'clocks',
    about: `The scale model of logical clocks (contract 5): machines that tick at different rates, each with a queue and a Lamport clock, ${isVirtual ? 'on simulated time' : 'each a process of its own'}. At each tick a machine takes one message, or, when none waits, draws a number that says whether it sends its clock to others. The logs are beside this report: the seed's lines (.txt) and a trace (.ndjson).`,
    settings: {
      machines: said[0]?.rates.length ?? options.rates?.length ?? machines,
      rates: said.length > 0 ? said.map(({ rates }) => rates.join(', ')).join('; ') : (options.rates?.join(', ') ?? 'drawn, 1 to 6'),
      range: said.length > 0 ? said.map((preset) => preset.range).join('; ') : range,
      seconds: seconds ?? said.map((preset) => preset.seconds).join('; '),
      trials: options.trials,
      preset: options.presets.length === 0 ? null : options.presets.join(', '),
      topology,
      'relay rate': relayRate,
      time: isVirtual ? 'virtual' : 'real',
      seed,
    },
    results: [...trials.flatMap((trial) => rowsOf(trial, oracles.of(trial.plan))), ...wireRows(trials)],
    checks: [...judgeTrials(trials, oracles), ...claims],
    ...(isVirtual ? {} : { targets: aimOfTrials(trials) }),
    graphs: trials.flatMap((trial) => [
      clockGraph(trial),
      queueGraph(trial),
      secondDiagram(trial, Math.min(options.second ?? Math.floor((trial.plan.seconds - 1) / 2), trial.plan.seconds - 1)),
    ]),
  };
}

const secondsUsual = 60;
const presetOf = (number: number): Preset => presets[number - 1] as Preset;

/** With a relay each trial is made twice, so that pairwise sockets stand beside it. */
function plansOf(options: ClocksLabOptions): TrialPlan[] {
  const { addresses, trials, topology, relayRate } = options;
  const of = options.presets.length === 0 ? [null] : options.presets;
  const plans = of.flatMap((preset) =>
    Array.from({ length: trials }, (_, index): TrialPlan => {
      const seed = options.seed + index;
      const said = preset === null ? null : presetOf(preset);
      return {
        name: preset === null ? `trial-${index + 1}` : `preset-${preset}${trials === 1 ? '' : `-${index + 1}`}`,
        preset,
        rates: said?.rates ?? options.rates ?? drawRates(seed, options.machines),
        range: said?.range ?? options.range,
        seconds: options.seconds ?? said?.seconds ?? secondsUsual,
        seed,
        addresses,
        topology: 'mesh',
        relayRate: null,
      };
    }),
  );
  if (topology === 'mesh') return plans;
  return plans.flatMap((plan) => [plan, { ...plan, name: `${plan.name}-relay`, topology, relayRate }]);
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
