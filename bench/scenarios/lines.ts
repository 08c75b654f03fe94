import { Children } from '../../src/lab/rig/index.ts';
import {
  bareLoopName,
  lineBytes,
  lineConnections,
  type LinesRound,
  loggerName,
  measureAlone,
  parties,
  rsyslogName,
  TopicLogger,
} from '../../src/lab/collect/line-load.ts';
import { atLeast, digits, medianRatio, median, type Row } from '../figures.ts';
import type { Count, Scenario } from '../scenario.ts';
import type { World } from '../world.ts';

/** For each second that a party is to be measured, about. */
const linesPerSecondAlone = 2_000_000;
const linesPerSecondIntoTopic = 200_000;
/** Less than what a logger keeps in memory for a topic (64 MiB), so that none is left out. */
const linesIntoTopicMax = 600_000;
const inFlightOfLoop = 256;
/** Issue 4: 200,000 lines/s where the bare loop makes 300,000 commits/s. */
const topicToLoopMin = 200_000 / 300_000;

const shape = `${lineBytes}-byte lines over ${lineConnections} connections`;
const topicName = 'cairn logger --topic';

export const linesScenarios: readonly Scenario[] = [
  {
    name: 'lines-alone',
    about: `${shape} into a logger that writes to a file, next to a bare loop that finds newlines and appends, and to rsyslog`,
    run: async (world) => {
      const children = new Children();
      const rounds = new Map<string, LinesRound[]>();
      try {
        for (let round = 0; round < world.settings.rounds; round++) {
          for (const party of parties())
            add(rounds, party, await measureAlone(party, linesOf(world, linesPerSecondAlone), world.folder, children));
          tell(world, 'lines-alone', rounds);
        }
      } finally {
        await children.end();
      }
      const ratioTo = (other: string): number => medianRatio(ratesOf(rounds, loggerName), ratesOf(rounds, other));
      const hasRsyslog = rounds.has(rsyslogName);
      return {
        rows: rowsOf('lines-alone', rounds),
        targets: [
          atLeast('lines/s of a logger that stands alone to those of the bare loop', ratioTo(bareLoopName), 0.4),
          ...(hasRsyslog ? [atLeast('lines/s of a logger that stands alone to those of rsyslog', ratioTo(rsyslogName), 1)] : []),
        ],
        counts: countsOf(rounds),
        notes: hasRsyslog ? [] : ['rsyslog (Debian package rsyslog) is not installed: left out'],
      };
    },
  },
  {
    name: 'lines-topic',
    about: `${shape} through a logger into a topic, on a majority's disks, next to the bare replication loop at ${inFlightOfLoop} in flight`,
    run: async (world) => {
      const children = new Children();
      const rounds = new Map<string, LinesRound[]>();
      const commits: number[] = [];
      const intoTopic = Math.min(linesOf(world, linesPerSecondIntoTopic), linesIntoTopicMax);
      try {
        const { brokers, topic } = await world.freshTopic();
        const logger = await TopicLogger.start(brokers, topic, world.folder, children);
        await logger.measure(intoTopic);
        for (let round = 0; round < world.settings.rounds; round++) {
          add(rounds, topicName, await logger.measure(intoTopic));
          commits.push((await world.limit(inFlightOfLoop)).recordsPerSecond);
          tell(world, 'lines-topic', rounds);
        }
        await logger.end();
      } finally {
        await children.end();
      }
      const loopRow: Row = {
        scenario: 'lines-topic',
        party: `bare replication loop, ${inFlightOfLoop} in flight`,
        'lines/s': Math.round(median(commits)),
        'CPU s per million': null,
      };
      return {
        rows: [...rowsOf('lines-topic', rounds), loopRow],
        targets: [
          atLeast(
            "lines/s into a topic to the bare replication loop's commits/s",
            medianRatio(ratesOf(rounds, topicName), commits),
            topicToLoopMin,
          ),
          atLeast('lines/s into a topic', median(ratesOf(rounds, topicName)), 200_000),
        ],
        counts: countsOf(rounds),
      };
    },
  },
];

type Rounds = ReadonlyMap<string, readonly LinesRound[]>;

const linesOf = ({ settings }: World, perSecond: number): number => Math.floor((perSecond * settings.measureMs) / 1000);

const add = (rounds: Map<string, LinesRound[]>, party: string, round: LinesRound): void =>
  void rounds.set(party, [...(rounds.get(party) ?? []), round]);

const ratesOf = (rounds: Rounds, party: string): readonly number[] => (rounds.get(party) ?? []).map(({ linesPerSecond }) => linesPerSecond);

function tell(world: World, scenario: string, rounds: Rounds): void {
  for (const party of rounds.keys())
    world.settings.say(`${scenario}, ${party}: ${digits(ratesOf(rounds, party).at(-1) ?? Number.NaN)} lines/s`);
}

const rowsOf = (scenario: string, rounds: Rounds): readonly Row[] =>
  [...rounds].map(([party, own]) => ({
    scenario,
    party,
    'lines/s': Math.round(median(ratesOf(rounds, party))),
    'CPU s per million': Math.round(median(own.map(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion)) * 1000) / 1000,
  }));

const countsOf = (rounds: Rounds): readonly Count[] =>
  [...rounds].map(([party, own]) => ({
    of: `lines of ${party}`,
    acknowledged: own.reduce((sum, { sent }) => sum + sent, 0),
    readBack: own.reduce((sum, { counted }) => sum + counted, 0),
  }));
