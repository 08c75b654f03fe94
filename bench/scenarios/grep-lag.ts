/**
 * Sixty-four searches at once of one broker, of a topic and of files: how late its loop comes to what is due, what it keeps in memory, and when the programs are
 * gone that it has started for somebody who goes away. Whoever is refused for the others asks again, until all are answered.
 */
import { type Looked, requestFor } from '../../src/lab/grep/ask.ts';
import { Children, type LabBrokers, pause, readMemoryBytes } from '../../src/lab/rig/index.ts';
import { type Source, wholeTopic } from '../../src/query/index.ts';
import { askAll, type Report } from '../../src/search/ask/index.ts';
import type { Driver } from '../inside/orders.ts';
import { atMost, type Row } from '../figures.ts';
import type { Count, Scenario } from '../scenario.ts';
import { fillTopic, lineFile, type LineTopic, programsOf } from '../searches/topic.ts';

const scenario = 'grep-lag';
const searches = 64;
/** Of the topic, to that of `grep-topic`. */
const sizeShare = 1 / 64;
const againMs = 20;
const goneMsMax = 5_000;

const counted = { dialect: 'extended', pattern: 'uni(que|fied) [a-m]', counts: true } as const;
const printed = { dialect: 'fixed', pattern: 'everywhere', counts: false } as const;

export const grepLagScenario: Scenario = {
  name: scenario,
  about: `${searches} searches at once of one broker: how late its loop is, what it keeps in memory, when the programs are gone that nobody waits for`,
  onlyWhenNamed: true,
  section: 'grep',
  run: async (world) => {
    await world.quiet();
    const brokers = await world.startBrokers(world.settings.brokers, { files: `log=${lineFile(world, scenario)}` });
    const children = new Children();
    try {
      const place = await fillTopic(world, brokers, world.settings.topicBytes * sizeShare, scenario);
      const driver = world.driver(brokers, place.leader);
      const result = await measure(brokers, driver, place, world.settings.measureMs, world.settings.say);
      driver.close();
      return result;
    } finally {
      await children.end();
      await brokers.end();
    }
  },
};

interface Measured {
  readonly name: string;
  readonly answered: number;
  readonly tookMs: number;
  readonly lagMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly memoryMb: number;
}

async function measure(brokers: LabBrokers, driver: Driver, place: LineTopic, restMs: number, say: (line: string) => void) {
  const { topic, leader, written } = place;
  const url = brokers.url(leader);
  const pid = brokers.pid(leader) ?? 0;
  const ofTopic: Source = wholeTopic(topic);
  const ofFiles: Source = { kind: 'files', name: 'log' };
  const kinds: readonly (readonly [string, Source, Looked])[] = [
    ['of a topic, -c', ofTopic, counted],
    ['of a topic, lines', ofTopic, printed],
    ['of a file, -c', ofFiles, counted],
    ['of a file, lines', ofFiles, printed],
  ];
  // What is loaded and compiled with the first search is not what is measured.
  for (const [, source, looked] of kinds) await answered(url, source, looked);

  const memoryAtRestMb = readMemoryBytes(pid) / 1e6;
  const rest = await driver.loopLagDuring(() => pause(restMs));
  const all: Measured[] = [{ name: 'none', answered: 0, tookMs: restMs, lagMs: rest.lagMs, memoryMb: memoryAtRestMb }];
  const counts: Count[] = [];
  for (const [name, source, looked] of kinds) {
    let memoryMb = 0;
    const watch = setInterval(() => {
      memoryMb = Math.max(memoryMb, readMemoryBytes(pid) / 1e6);
    }, 50);
    const beganMs = performance.now();
    const { value: reports, lagMs } = await driver.loopLagDuring(() =>
      Promise.all(Array.from({ length: searches }, () => answered(url, source, looked))),
    );
    clearInterval(watch);
    const tookMs = performance.now() - beganMs;
    all.push({ name, answered: reports.length, tookMs, lagMs, memoryMb });
    if (looked === printed) {
      const lines = reports.reduce((sum, { selected }) => sum + (selected ?? 0), 0);
      counts.push({
        of: `${scenario}, lines of ${searches} searches ${name}`,
        acknowledged: searches * written.counts.everywhere,
        readBack: lines,
      });
    }
    say(`${scenario}, ${name}: loop at most ${lagMs.max.toFixed(1)} ms late, p99 ${lagMs.p99.toFixed(1)} ms`);
  }
  const goneMs = await goneAfter(url, pid, ofFiles);
  const searched = all.slice(1);
  return {
    rows: [
      ...all.map(
        ({ name, answered: count, tookMs, lagMs, memoryMb }): Row => ({
          scenario,
          [`${searches} searches at once`]: name,
          answered: count,
          ms: tookMs,
          'loop late, p50 ms': lagMs.p50,
          'p99 ms': lagMs.p99,
          'max ms': lagMs.max,
          'memory MB': memoryMb,
        }),
      ),
      { scenario, party: 'programs of searches that nobody waits for any more', 'gone after ms': goneMs },
    ],
    targets: [
      ...searched.map(({ name, lagMs }) =>
        atMost(`${searches} searches ${name}: the broker's loop is late by at most`, lagMs.max, 20, ' ms'),
      ),
      atMost(
        `${searches} searches: memory above that at rest, the most`,
        Math.max(...searched.map(({ memoryMb }) => memoryMb)) - memoryAtRestMb,
        60,
        ' MB',
      ),
      atMost('programs are gone after who asked is', goneMs, 1000, ' ms'),
    ],
    counts,
  };
}

/** Asks until it is answered wholly. */
async function answered(url: string, source: Source, looked: Looked): Promise<Report> {
  for (;;) {
    const report = await asked(url, source, looked, new AbortController().signal);
    const [machine] = report.machines;
    if (report.isComplete) return report;
    if (machine?.problem?.includes('are under way') !== true)
      throw new Error(`A search was not answered: ${machine?.problem ?? 'without a reason'}`);
    await pause(againMs);
  }
}

const asked = (url: string, source: Source, looked: Looked, signal: AbortSignal): Promise<Report> =>
  askAll(
    [{ name: null, origin: url }],
    requestFor(source, looked),
    {
      token: null,
      ca: null,
      connectTimeoutMs: 30_000,
      machineTimeoutMs: null,
      signal,
      areNamed: true,
      windowMs: 0,
      onNote: () => undefined,
    },
    () => undefined,
  );

/** Somebody asks for lines, reads none, and goes away while programs are at work. */
async function goneAfter(url: string, pid: number, source: Source): Promise<number> {
  const gone = new AbortController();
  const never = new Promise<void>(() => undefined);
  const search = askAll(
    [{ name: null, origin: url }],
    requestFor(source, printed),
    {
      token: null,
      ca: null,
      connectTimeoutMs: 30_000,
      machineTimeoutMs: null,
      signal: gone.signal,
      areNamed: true,
      windowMs: 0,
      onNote: () => undefined,
    },
    (_machine, event) => (event.kind === 'bytes' ? never : undefined),
  );
  search.catch(() => undefined);
  for (const untilMs = performance.now() + goneMsMax; programsOf(pid).length === 0 && performance.now() < untilMs; ) await pause(5);
  if (programsOf(pid).length === 0) throw new Error('no program was seen at work');
  gone.abort();
  const beganMs = performance.now();
  while (programsOf(pid).length > 0) {
    if (performance.now() - beganMs > goneMsMax) throw new Error(`programs are still there after ${goneMsMax} ms`);
    await pause(5);
  }
  return performance.now() - beganMs;
}
