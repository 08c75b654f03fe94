/**
 * `cairn lab collect --throughput`: how many lines a second a logger takes, next to a bare loop in Node and to rsyslog where it is installed, in one run
 * and under the same load; and into a topic of three brokers.
 */
import path from 'node:path';
import { Children, LabBrokers } from '../rig/index.ts';
import { check, type LabResult } from '../report/index.ts';
import {
  bareLoopName,
  lineBytes,
  lineConnections,
  type LinesRound,
  loggerName,
  measureAlone,
  parties as partiesHere,
  rsyslogName,
  TopicLogger,
} from './line-load.ts';

export interface ThroughputOptions {
  /** Lines for each party that only prints; a tenth of them goes into the topic. */
  readonly lines: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

const roundCount = 3;
const bareShareMin = 0.4;
const topic = 'throughput';

export async function runThroughput({ lines, folder: given, say }: ThroughputOptions): Promise<LabResult> {
  // rsyslog leaves the working directory.
  const folder = path.resolve(given);
  const children = new Children();
  const rounds = new Map<string, LinesRound[]>();
  const parties = partiesHere();
  try {
    for (let round = 0; round < roundCount; round++) {
      for (const party of parties) {
        const result = await measureAlone(party, lines, folder, children);
        rounds.set(party, [...(rounds.get(party) ?? []), result]);
        say(`${party}: ${Math.round(result.linesPerSecond)} lines/s`);
      }
    }
    const intoTopic = await measureTopic(Math.floor(lines / 10), folder, children);
    say(`into a topic: ${Math.round(intoTopic.linesPerSecond)} lines/s`);
    const median = (party: string): LinesRound =>
      (rounds.get(party) ?? []).toSorted((a, b) => a.linesPerSecond - b.linesPerSecond)[1] as LinesRound;
    const share = median(loggerName).linesPerSecond / median(bareLoopName).linesPerSecond;
    const rsyslogShare = parties.includes(rsyslogName) ? median(loggerName).linesPerSecond / median(rsyslogName).linesPerSecond : null;
    const rows = [...parties.map((party) => ({ party, ...median(party) })), { party: 'cairn logger --topic, 3 brokers', ...intoTopic }];
    const wrong = [...rounds.values()].flat().filter(({ counted, sent }) => counted !== sent).length;
    return {
      lab: 'collect-throughput',
      about: `${lines} lines of ${lineBytes} bytes over ${lineConnections} connections, standard output to a file, medians of ${roundCount} rounds; a tenth of them into a topic of three brokers, on a majority's disks. Load generator and all parties share this machine.`,
      settings: { lines, connections: lineConnections, lineBytes, rounds: roundCount },
      results: rows.map(({ party, linesPerSecond, cpuSecondsPerMillion }) => ({
        party,
        'lines/s': Math.round(linesPerSecond),
        'CPU s per million lines': Math.round(cpuSecondsPerMillion * 1000) / 1000,
      })),
      checks: [
        check('rounds in which not every line was counted', wrong === 0, 0, wrong),
        check('lines in the topic', intoTopic.counted === intoTopic.sent, intoTopic.sent, intoTopic.counted),
        check('cairn logger / bare loop', share >= bareShareMin, `>= ${bareShareMin}`, share.toFixed(2)),
        ...(rsyslogShare === null ? [] : [check('cairn logger / rsyslog', rsyslogShare >= 1, '>= 1', rsyslogShare.toFixed(2))]),
      ],
      graphs: [],
    };
  } finally {
    await children.end();
  }
}

async function measureTopic(lines: number, folder: string, children: Children): Promise<LinesRound> {
  const brokers = await LabBrokers.start({ count: 3 });
  try {
    const client = brokers.client();
    await client.createTopic(topic, { retentionBytes: null });
    client.close();
    const logger = await TopicLogger.start(brokers, topic, folder, children);
    // The compiler's share is not what is measured.
    await logger.measure(lines / 4);
    return await logger.measure(lines);
  } finally {
    await brokers.end();
  }
}
