import { SeededRandom } from '../../base/random.ts';
import { type Check, check, type Graph } from '../report/index.ts';
import { checkCopies, type Copy, countDamage, type Damage, pause } from '../rig/index.ts';
import type { Cluster } from './cluster.ts';
import type { Part, Row } from './part.ts';
import { endOf, readAll, readPage } from './records.ts';
import { TopicLoad, valueOf } from './topic-load.ts';
import { brokersOf, labelOfBroker, replicasOfContract } from './topics.ts';

export interface FailuresOptions {
  readonly cluster: Cluster;
  /** Healthy, with a home dead, and from its start on: so long each. */
  readonly phaseMs: number;
  /** Of random kills: so long, for each number of peers. */
  readonly killsMs: number;
  readonly peers: readonly number[];
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** Both have a topic homed at each broker, and stay side by side for all of it. */
const systems = { 'four replicas': replicasOfContract, unreplicated: 1 } as const;
type System = keyof typeof systems;
const names = Object.keys(systems) as readonly System[];

const scenarios = { healthy: 'healthy', dead: 'one home killed under load', back: 'that home coming back' } as const;
const killsScenario = (peers: number): string => `random kills, ${peers} peers at once`;

/** The home of this broker's topic is killed. */
const victim = 5;

interface Run {
  readonly system: System;
  readonly rows: readonly Row[];
  readonly damage: Damage;
  readonly acknowledged: number;
  readonly kills: number;
  /** Of the outage: answers a second over its time. */
  readonly rates: readonly (readonly [seconds: number, perSecond: number])[];
}

/** Evaluation 7, second half: replicated topics beside unreplicated ones, in which of them what is faster, and what fails. */
export async function runFailures(options: FailuresOptions): Promise<Part> {
  const { cluster, peers, say } = options;
  const topics = new Map<System, readonly string[]>();
  for (const system of names) topics.set(system, await cluster.topicAtEach(`load-${systems[system]}`, systems[system]));
  const runs: Run[] = [];
  for (const system of names) {
    const own = topics.get(system) as readonly string[];
    say(`${system}: healthy, a home killed, and back`);
    runs.push(await runOutageUnderLoad(options, system, own));
    for (const count of peers) {
      say(`${system}: ${killsScenario(count)}`);
      runs.push(await runRandomKills(options, system, own, count));
    }
  }
  const rows = runs.flatMap((run) => run.rows);
  return {
    results: [...rows, ...winners(rows)],
    checks: checksOf(runs),
    targets: targetsOf(rows),
    graphs: [...graphsOf(rows), outageGraph(runs, options.phaseMs)],
  };
}

const part = '7. replicated beside unreplicated';

async function runOutageUnderLoad(options: FailuresOptions, system: System, topics: readonly string[]): Promise<Run> {
  const { cluster, phaseMs, peers, seed } = options;
  const begins = await Promise.all(topics.map((topic) => endOf(cluster, 1, topic)));
  const load = new TopicLoad('outage', { cluster, topics, peers: Math.max(...peers), seed });
  load.start();
  // What starts is not measured.
  await pause(phaseMs / 10);
  const marks = [performance.now()];
  const mark = (): void => void marks.push(performance.now());
  await pause(phaseMs);
  mark();
  await cluster.brokers.kill(victim);
  await pause(Math.max(0, phaseMs - (performance.now() - (marks[1] as number))));
  mark();
  await cluster.brokers.restart(victim);
  const topic = topics[victim - 1] as string;
  await cluster.until(`${topic} is led by its home`, async () => (await cluster.leaderOf(topic)) === victim);
  await pause(Math.max(0, phaseMs - (performance.now() - (marks[2] as number))));
  mark();
  await load.stop();
  const phases = [scenarios.healthy, scenarios.dead, scenarios.back].map((scenario, index): Row => {
    const [fromMs, toMs] = [marks[index] as number, marks[index + 1] as number];
    return { part, scenario, system, ...load.figures(fromMs, toMs), kills: index === 1 ? 1 : 0 };
  });
  const rates = load.rates(marks[0] as number, marks[3] as number);
  return { system, rows: phases, kills: 1, rates, ...(await compare(cluster, load, begins, systems[system])) };
}

/** Each kill is another broker, started again while the load goes on; the next comes when it answers. */
async function runRandomKills(options: FailuresOptions, system: System, topics: readonly string[], peers: number): Promise<Run> {
  const { cluster, killsMs, seed } = options;
  const random = new SeededRandom(seed + peers);
  const begins = await Promise.all(topics.map((topic) => endOf(cluster, 1, topic)));
  const load = new TopicLoad(`kills-${peers}`, { cluster, topics, peers, seed: seed + peers });
  load.start();
  await pause(killsMs / 20);
  const startedMs = performance.now();
  let kills = 0;
  while (performance.now() - startedMs < killsMs) {
    const broker = random.pick(cluster.ids);
    await cluster.brokers.kill(broker);
    kills++;
    await pause(random.between(200, 1000));
    await cluster.brokers.restart(broker);
    await pause(random.between(100, 600));
  }
  const endedMs = performance.now();
  await load.stop();
  const row = { part, scenario: killsScenario(peers), system, ...load.figures(startedMs, endedMs), kills };
  return { system, rows: [row], kills, rates: [], ...(await compare(cluster, load, begins, systems[system])) };
}

/** What the load was told, against what every replica of its topics has from where they ended before it. */
async function compare(
  cluster: Cluster,
  load: TopicLoad,
  begins: readonly number[],
  replicas: number,
): Promise<{ readonly damage: Damage; readonly acknowledged: number }> {
  const damages: Damage[] = [];
  for (const [index, [topic, attempts]] of [...load.attempts].entries()) {
    const begin = begins[index] as number;
    const brokers = brokersOf(topic, cluster.ids.length, replicas);
    await cluster.until(`${topic} can be read`, async () => (await endOf(cluster, 1, topic)) >= begin);
    const end = await endOf(cluster, 1, topic);
    const copies: Copy[] = [];
    for (const broker of brokers) {
      await cluster.until(`broker ${broker} has all of ${topic}`, async () => {
        return (await readPage(cluster, broker, topic, { level: 'local', from: Math.max(begin, end - 1) })).highWatermark >= end;
      });
      const records = await readAll(cluster, broker, topic, 'local', begin);
      copies.push({ broker, records: records.map(({ offset, value }) => ({ offset, value: valueOf(value) })) });
    }
    damages.push(checkCopies(attempts, copies));
  }
  const attempts = [...load.attempts.values()].flat();
  const sum = (figure: (damage: Damage) => number): number => damages.reduce((total, damage) => total + figure(damage), 0);
  const damage = {
    lost: sum(({ lost }) => lost),
    moved: sum(({ moved }) => moved),
    doubled: sum(({ doubled }) => doubled),
    reordered: sum(({ reordered }) => reordered),
    ghosts: sum(({ ghosts }) => ghosts),
    differing: sum(({ differing }) => differing),
    examples: damages.flatMap(({ examples }) => examples).slice(0, 5),
  };
  return { damage, acknowledged: attempts.filter(({ offset }) => offset !== null).length };
}

const num = (row: Row | undefined, column: string): number => Number(row?.[column] ?? Number.NaN);

const rowOf = (rows: readonly Row[], scenario: string, system: System): Row | undefined =>
  rows.find((row) => row['scenario'] === scenario && row['system'] === system);

const scenariosOf = (rows: readonly Row[]): readonly string[] => [...new Set(rows.map((row) => String(row['scenario'])))];

/** By throughput, by failed requests and by the longest time without an answer of some topic; a difference of a twentieth is none. */
export function winners(rows: readonly Row[]): readonly Row[] {
  const better = (a: number, b: number, isMoreBetter: boolean): string => {
    if (Math.abs(a - b) <= Math.max(Math.abs(a), Math.abs(b)) / 20) return 'neither';
    return a > b === isMoreBetter ? 'four replicas' : 'unreplicated';
  };
  return scenariosOf(rows).map((scenario): Row => {
    const [replicated, alone] = [rowOf(rows, scenario, 'four replicas'), rowOf(rows, scenario, 'unreplicated')];
    const compareBy = (column: string, isMoreBetter: boolean): string => better(num(replicated, column), num(alone, column), isMoreBetter);
    return {
      part: '7. which wins where',
      scenario,
      throughput: compareBy('requests/s', true),
      'replicated / unreplicated': Number((num(replicated, 'requests/s') / num(alone, 'requests/s')).toFixed(2)),
      'failed requests': compareBy('failed', false),
      'longest gap of a topic': compareBy('longest gap of a topic ms', false),
    };
  });
}

function checksOf(runs: readonly Run[]): readonly Check[] {
  return names.flatMap((system) => {
    const own = runs.filter((run) => run.system === system);
    const sum = (figure: (run: Run) => number): number => own.reduce((total, run) => total + figure(run), 0);
    const damaged = sum(({ damage }) => countDamage(damage));
    const examples = own.flatMap(({ damage }) => damage.examples).slice(0, 5);
    const acknowledged = sum((run) => run.acknowledged);
    return [
      check(`7. ${system}: publishes acknowledged, over ${sum(({ kills }) => kills)} kills`, acknowledged > 0, 'more than 0', acknowledged),
      check(
        `7. ${system}: acknowledged and lost`,
        sum(({ damage }) => damage.lost) === 0,
        0,
        sum(({ damage }) => damage.lost),
      ),
      check(
        `7. ${system}: lost, moved, doubled, reordered, never sent, or other on another replica`,
        damaged === 0,
        0,
        damaged === 0 ? 0 : [damaged, ...examples].join('; '),
      ),
    ];
  });
}

function targetsOf(rows: readonly Row[]): readonly Check[] {
  return scenariosOf(rows).map((scenario) => {
    const failed = num(rowOf(rows, scenario, 'four replicas'), 'failed');
    return check(`four replicas, ${scenario}: failed requests`, failed === 0, 0, failed);
  });
}

/** Both outages begin with so many ms of health, and as many without the home. */
function outageGraph(runs: readonly Run[], phaseMs: number): Graph {
  const seconds = phaseMs / 1000;
  return {
    kind: 'chart',
    name: 'outage',
    title: `A home killed after ${seconds} s, and started again after ${2 * seconds} s`,
    xTitle: 'time (s)',
    yTitle: 'requests/s answered',
    series: runs
      .filter(({ rates }) => rates.length > 0)
      .map(({ system, rates }) => ({ label: system, marks: 'line' as const, points: rates })),
  };
}

function graphsOf(rows: readonly Row[]): readonly Graph[] {
  const categories = scenariosOf(rows);
  const bars = (column: string) =>
    names.map((label) => ({
      label,
      bars: categories.map((scenario) => {
        const value = num(rowOf(rows, scenario, label), column);
        return { value, low: value, high: value };
      }),
    }));
  const graph = (name: string, title: string, yTitle: string, column: string): Graph => ({
    kind: 'bars',
    name,
    title,
    xTitle: `what happens; the home that is killed is ${labelOfBroker(victim)}`,
    yTitle,
    categories,
    series: bars(column),
  });
  return [
    graph('replication-throughput', 'Four replicas beside none: throughput', 'requests/s', 'requests/s'),
    graph('replication-failed', 'Four replicas beside none: failed requests', '% of all requests', 'failed %'),
    graph('replication-gap', 'Four replicas beside none: longest time without an answer of some topic', 'ms', 'longest gap of a topic ms'),
  ];
}
