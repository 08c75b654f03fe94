/**
 * Searches of a topic beside appends to another one, on the same brokers: at half of the greatest rate, and at all of it. The search is one that the index does
 * not help, asked again as soon as it is answered, on the broker that leads what is appended.
 */
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { makeAppendRequest } from '../../src/lab/bench/append-request.ts';
import { countRecords, type Load, type LoadRun } from '../../src/lab/bench/measure.ts';
import { Children, type LabBrokers } from '../../src/lab/rig/index.ts';
import { atLeast, atMost, median, type Row } from '../figures.ts';
import type { Scenario } from '../scenario.ts';
import { askTopic } from '../searches/ask.ts';
import { fillTopic, type LineTopic, readSearchCpuMs } from '../searches/topic.ts';
import type { Place, World } from '../world.ts';

const scenario = 'grep-append';
const connections = 64;
/** Of the topic that is searched, to that of `grep-topic`: a search takes less than a round, beside appends too. */
const sizeShare = 1 / 64;
const looked = { dialect: 'extended', pattern: 'uni(que|fied) [a-m]', counts: true } as const;

interface Searching {
  /** Megabytes of lines a second, all of the topic counted for each search. */
  readonly megabytesPerSecond: number;
  /** Of a core, in per cent: the thread that searches. */
  readonly corePercent: number;
}

interface Beside {
  readonly run: LoadRun | null;
  readonly search: Searching | null;
}

const cases = ['searching alone', 'all, not searched', 'all, searched', 'half, not searched', 'half, searched'] as const;
type Case = (typeof cases)[number];

export const grepAppendScenario: Scenario = {
  name: scenario,
  about: `${connections} connections that append a record a request, at all and at half of what they reach, while another topic is searched`,
  onlyWhenNamed: true,
  section: 'grep',
  run: async (world) => {
    const { settings } = world;
    await world.quiet();
    const brokers = await world.startBrokers();
    const children = new Children();
    try {
      const searched = await fillTopic(world, brokers, settings.topicBytes * sizeShare, scenario);
      const place = await world.freshTopic(brokers);
      const url = brokers.url(place.leader);
      const request = makeAppendRequest(url, { topic: place.topic, form: 'text', recordBytes: settings.recordBytes, recordsPerRequest: 1 });
      const load = await HttpLoad.connect({ url, connections, request });
      const measured = await measure(world, brokers, children, place, searched, load);
      load.close();
      const client = brokers.client([place.leader]);
      const readBack = await countRecords(client, place.topic);
      client.close();
      return { ...measured.result, counts: [{ of: scenario, acknowledged: measured.acknowledged, readBack }] };
    } finally {
      await children.end();
      await brokers.end();
    }
  },
};

async function measure(
  world: World,
  brokers: LabBrokers,
  children: Children,
  { leader }: Place,
  searched: LineTopic,
  load: HttpLoad,
): Promise<{ readonly acknowledged: number; readonly result: Omit<Awaited<ReturnType<Scenario['run']>>, 'counts'> }> {
  const { rounds, warmUpMs, measureMs, say } = world.settings;
  let acknowledged = 0;
  const drive = async (one: Load, forMs: number): Promise<LoadRun> => {
    const run = await one.run(forMs);
    acknowledged += run.answered;
    return run;
  };
  const beside = async (one: Load | null, isSearched: boolean): Promise<Beside> => {
    if (!isSearched) return { run: one === null ? null : await drive(one, measureMs), search: null };
    return searchDuring(brokers, children, searched, leader, () => (one === null ? pauseFor(measureMs) : drive(one, measureMs)));
  };

  await drive(load, warmUpMs * 2);
  await askTopic(children, brokers.url(leader), searched.topic, looked);
  const runs = new Map<Case, Beside[]>(cases.map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    const keep = (name: Case, one: Beside): Beside => {
      runs.get(name)?.push(one);
      say(
        `${scenario}, round ${round} of ${rounds}, ${name}: ${Math.round(rateOf(one) ?? 0)} records/s, ${Math.round(one.search?.megabytesPerSecond ?? 0)} MB/s`,
      );
      return one;
    };
    keep('searching alone', await beside(null, true));
    const whole = keep('all, not searched', await beside(load, false));
    keep('all, searched', await beside(load, true));
    const half = load.paced((rateOf(whole) ?? 0) / 2);
    keep('half, not searched', await beside(half, false));
    keep('half, searched', await beside(half, true));
  }
  const of = (name: Case, pick: (one: Beside) => number | null): number[] => (runs.get(name) ?? []).map((one) => pick(one) ?? Number.NaN);
  const ratio = (a: Case, b: Case, pick: (one: Beside) => number | null): number => {
    const others = of(b, pick);
    return median(of(a, pick).map((value, round) => value / (others[round] ?? Number.NaN)));
  };
  const share = median(of('all, searched', (one) => one.search?.corePercent ?? null));
  return {
    acknowledged,
    result: {
      rows: cases.map((name): Row => {
        const middle = (pick: (one: Beside) => number | null): number | null => {
          const values = of(name, pick).filter((value) => !Number.isNaN(value));
          return values.length === 0 ? null : median(values);
        };
        return {
          scenario,
          appends: name,
          'records/s': middle(rateOf),
          'p50 ms': middle((one) => one.run?.latencyMs.p50 ?? null),
          'p99 ms': middle(p99Of),
          'searched, MB/s': middle((one) => one.search?.megabytesPerSecond ?? null),
          'thread that searches, % of a core': middle((one) => one.search?.corePercent ?? null),
        };
      }),
      targets: [
        atLeast(
          'half of the greatest rate: appends while searched to those while not',
          ratio('half, searched', 'half, not searched', rateOf),
          0.8,
        ),
        atMost('half of the greatest rate: p99 while searched to that while not', ratio('half, searched', 'half, not searched', p99Of), 2),
        atMost('the greatest rate: what a search still takes of a core', share, coreSharePercent, ' %'),
      ],
      notes: [
        `At the greatest rate appends keep ${shown(ratio('all, searched', 'all, not searched', rateOf))} of what they have alone, searches ${shown(ratio('all, searched', 'searching alone', (one) => one.search?.megabytesPerSecond ?? null))}.`,
      ],
    },
  };
}

/** Nice 10 beside a busy thread is a tenth of a core; what nobody else takes of the cores it takes too. */
const coreSharePercent = 25;

/** Where no search came to its end within the time there is no share. */
const shown = (share: number): string => (Number.isFinite(share) ? share.toFixed(2) : 'an unknown share');

const rateOf = ({ run }: Beside): number | null => (run === null ? null : (run.answered / run.tookMs) * 1000);
const p99Of = ({ run }: Beside): number | null => run?.latencyMs.p99 ?? null;

const pauseFor = async (ms: number): Promise<null> => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return null;
};

/** Searches again and again until the other is done; what is under way then is cut off and counts by its share of the time. */
async function searchDuring(
  brokers: LabBrokers,
  children: Children,
  { topic, written }: LineTopic,
  broker: number,
  run: () => Promise<LoadRun | null>,
): Promise<Beside> {
  const pid = brokers.pid(broker) ?? 0;
  const stop = new AbortController();
  const [beganMs, cpuBeganMs] = [performance.now(), readSearchCpuMs(pid)];
  let searches = 0;
  let lastMs = beganMs;
  const searching = (async () => {
    for (;;) {
      try {
        await askTopic(children, brokers.url(broker), topic, looked, { signal: stop.signal });
      } catch (error) {
        if (stop.signal.aborted) return;
        throw error;
      }
      searches++;
      lastMs = performance.now();
    }
  })();
  const done = await run();
  const tookMs = performance.now() - beganMs;
  const cpuMs = readSearchCpuMs(pid) - cpuBeganMs;
  stop.abort();
  await searching;
  // A search of which nothing is known but that it was not done is left out, with its time.
  const searchedMs = searches === 0 ? tookMs : lastMs - beganMs;
  return {
    run: done,
    search: { megabytesPerSecond: (searches * written.bytes) / searchedMs / 1000, corePercent: (cpuMs / tookMs) * 100 },
  };
}
