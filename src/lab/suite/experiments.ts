/** What `cairn lab report` runs: the experiments of the contracts, chaos and the benchmarks, each as commands that anyone can type. */
import { fullExtent, quickExtent } from '../pubsub/index.ts';

export type Extent = 'quick' | 'full';

/** One command of an experiment. */
export interface Step {
  /** Also the folder of what it leaves. */
  readonly id: string;
  readonly title: string;
  readonly program: 'cairn' | 'bench';
  readonly args: readonly string[];
  /** How long it takes, about, on two cores. */
  readonly seconds: number;
  /** What is shorter than in the full report, for each of its figures; null when nothing is. */
  readonly shortened: string | null;
}

export interface Experiment {
  readonly name: string;
  readonly title: string;
  /** The contract it belongs to; null for what is about all of them. */
  readonly contract: 1 | 2 | 3 | 4 | 5 | null;
  /** What its steps may take together; what is beyond is cut. */
  readonly secondsMax: number;
  readonly steps: readonly Step[];
}

function collect(extent: Extent): Experiment {
  const scenario = (id: string, nodes: number, rate: number): Step => {
    const seconds = extent === 'full' ? 100 : 8;
    return {
      id,
      title: `${nodes} nodes, ${rate} Hz each`,
      program: 'cairn',
      args: ['lab', 'collect', '--nodes', String(nodes), '--rate', String(rate), '--seconds', String(seconds)],
      seconds: seconds + 5,
      shortened: extent === 'full' ? null : `${seconds} s instead of 100 s`,
    };
  };
  return {
    name: 'collect',
    title: 'Collecting events from many machines',
    contract: 1,
    secondsMax: extent === 'full' ? 300 : 30,
    steps: [scenario('collect-small', 3, 2), scenario('collect-large', 8, 5)],
  };
}

/** Seconds of one run of each scenario as the course's client paces it, its end included. */
const scenarioSeconds = [70, 70, 180, 280, 280] as const;
/** Side by side, so that there is more than one run of each. */
const runsFull = 3;

function consistency(extent: Extent): Experiment {
  const all = scenarioSeconds.map((seconds, scenario): Step => {
    const full = ['--scenario', String(scenario), '--runs', String(runsFull), '--parallel', String(runsFull)];
    return {
      id: `consistency-${scenario}`,
      title: `Scenario ${scenario}`,
      program: 'cairn',
      args: ['lab', 'consistency', ...(extent === 'full' ? full : ['--scenario', String(scenario), '--speed', '3'])],
      seconds: extent === 'full' ? seconds + 15 : seconds / 3 + 3,
      shortened: extent === 'full' ? null : `one run, three times as fast, instead of ${runsFull} runs`,
    };
  });
  return {
    name: 'consistency',
    title: 'One consistent log on several servers',
    contract: 2,
    secondsMax: extent === 'full' ? 1200 : 30,
    // The others take longer than a quick report has.
    steps: extent === 'full' ? all : all.filter((_, scenario) => scenario === 1),
  };
}

const topicsFull = 10_000;
const topicsQuick = 1000;

/** The first part of contract 3, by computation alone. */
function placement(extent: Extent): Experiment {
  const topics = extent === 'full' ? topicsFull : topicsQuick;
  const shortened = extent === 'full' ? null : `${topicsQuick} topics instead of ${topicsFull}`;
  const cube = (id: string, title: string, brokers: number): Step => ({
    id,
    title,
    program: 'cairn',
    args: ['lab', 'placement', '--brokers', String(brokers), '--topics', String(topics)],
    seconds: 5,
    shortened,
  });
  return {
    name: 'placement',
    title: 'Topics on a hypercube: placement and routes',
    contract: 3,
    secondsMax: extent === 'full' ? 30 : 15,
    steps: [cube('placement-8', 'Eight brokers', 8), cube('placement-11', 'Eleven brokers, an incomplete cube', 11)],
  };
}

/** The second part. */
function pubsub(extent: Extent): Experiment {
  const usual = { id: 'pubsub', title: 'Eight brokers under the evaluation of contract 3', program: 'cairn' } as const;
  const step: Step =
    extent === 'full'
      ? { ...usual, args: ['lab', 'pubsub'], seconds: pubsubSecondsFull, shortened: null }
      : { ...usual, args: ['lab', 'pubsub', '--quick'], seconds: 40, shortened: pubsubShortened() };
  return {
    name: 'pubsub',
    title: 'Publish and subscribe on a hypercube of peers',
    contract: 3,
    secondsMax: extent === 'full' ? 900 : 60,
    steps: [step],
  };
}

const pubsubSecondsFull = 620;

function pubsubShortened(): string {
  const { apis: own, failures, staleness } = quickExtent;
  const { apis, failures: kills, staleness: each } = fullExtent;
  return (
    `${own.msMax} ms of each API at each broker instead of ${apis.msMax} and at most ${Math.max(...own.clients)} clients instead of ${Math.max(...apis.clients)}, ${failures.phaseMs} ms of each outage instead of ${kills.phaseMs}, ` +
    `one random kill instead of ${kills.killsMs / 1000} s of them, ${staleness.phaseMs} ms of each level instead of ${each.phaseMs}`
  );
}

function grep(extent: Extent): Experiment {
  const trials = extent === 'full' ? 10 : 2;
  return {
    name: 'grep',
    title: 'Asking all machines at once',
    contract: 4,
    secondsMax: extent === 'full' ? 300 : 30,
    steps: [
      {
        id: 'grep',
        title: 'Four machines of 60 MB',
        program: 'cairn',
        args: ['lab', 'grep', '--trials', String(trials)],
        seconds: extent === 'full' ? 150 : 26,
        shortened: extent === 'full' ? null : `${trials} trials instead of 10`,
      },
    ],
  };
}

/** In a quick report one where all clocks keep up, and one where the slow machine falls behind. */
const presetsQuick = '4,7';
const presetSecondsQuick = 14;

function clocks(extent: Extent): Experiment {
  const usual = { id: 'clocks-presets', program: 'cairn' } as const;
  const args = ['lab', 'clocks', '--preset'];
  // Side by side: machines do nothing between their ticks.
  const full: Step = { ...usual, title: "The seed's nine trials", args: [...args, 'all'], seconds: 140, shortened: null };
  const quick: Step = {
    ...usual,
    title: 'Presets 4 and 7',
    args: [...args, presetsQuick, '--seconds', String(presetSecondsQuick)],
    seconds: presetSecondsQuick + 8,
    shortened: `${presetSecondsQuick} s instead of 60 s, two trials instead of nine`,
  };
  const relay: Step = {
    id: 'clocks-relay',
    title: 'Pairwise sockets beside a relay',
    program: 'cairn',
    args: ['lab', 'clocks', '--rates', '1,3,6', '--topology', 'relay', '--trials', '1'],
    seconds: 68,
    shortened: null,
  };
  return {
    name: 'clocks',
    title: 'Logical clocks of machines of different rates',
    contract: 5,
    secondsMax: extent === 'full' ? 300 : 30,
    steps: extent === 'full' ? [full, relay] : [quick],
  };
}

const chaosSecondsFull = 300;

function chaos(extent: Extent): Experiment {
  const seconds = extent === 'full' ? chaosSecondsFull : 20;
  const often =
    extent === 'full' ? ['--kills', '100', '--partitions', '20', '--others', '2'] : ['--kills', '20', '--partitions', '8', '--others', '0'];
  return {
    name: 'chaos',
    title: 'Faults under load',
    contract: null,
    secondsMax: extent === 'full' ? chaosSecondsFull + 120 : 30,
    steps: [
      {
        id: 'chaos',
        title: 'Kills, partitions, pauses, clocks and disks',
        program: 'cairn',
        args: ['lab', 'chaos', ...often, '--seconds', String(seconds), '--round', extent === 'full' ? '60' : '20'],
        seconds: seconds + (extent === 'full' ? 60 : 8),
        shortened: extent === 'full' ? null : `${seconds} s of kills and partitions instead of ${chaosSecondsFull} s of all faults`,
      },
    ],
  };
}

/** Each with its scenarios, those of a quick report, and how long both take. */
const benchSteps = [
  { id: 'bench-stamps', title: 'What a stamp costs', scenarios: 'stamps', seconds: 5, quick: 'stamps' },
  {
    id: 'bench-appends',
    title: 'Appends',
    scenarios: 'inside-1,inside-64,inside-256,http-1,http-64,http-json,http-batches',
    seconds: 330,
    quick: 'http-1,http-64',
  },
  { id: 'bench-lines', title: 'Lines into a logger', scenarios: 'lines-alone,lines-topic', seconds: 90, quick: 'lines-alone' },
  { id: 'bench-reading', title: 'Reading and following', scenarios: 'read-binary,read-json,follow', seconds: 90, quick: null },
  { id: 'bench-failover', title: 'A leader killed', scenarios: 'failover', seconds: 90, quick: null },
] as const;

function bench(extent: Extent): Experiment {
  return {
    name: 'bench',
    title: 'Benchmarks',
    contract: null,
    secondsMax: extent === 'full' ? 720 : 60,
    steps: benchSteps.flatMap(({ id, title, scenarios, seconds, quick }): readonly Step[] => {
      if (extent === 'full') return [{ id, title, program: 'bench', args: ['--only', scenarios], seconds, shortened: null }];
      const shortened = 'a second of each, once, and few scenarios, instead of three rounds of three seconds';
      return quick === null
        ? []
        : [{ id, title, program: 'bench', args: ['--quick', '--only', quick], seconds: id === 'bench-stamps' ? 5 : 20, shortened }];
    }),
  };
}

/** In the order in which they run. One that comes later is one entry more. */
const experimentsOf: readonly ((extent: Extent) => Experiment)[] = [collect, consistency, placement, pubsub, grep, clocks, chaos, bench];

/** Only those of the names, or all. */
export const planExperiments = (extent: Extent, names: readonly string[] | null): readonly Experiment[] =>
  experimentsOf.map((make) => make(extent)).filter(({ name }) => names?.includes(name) ?? true);

export const experimentNames: readonly string[] = experimentsOf.map((make) => make('quick').name);
