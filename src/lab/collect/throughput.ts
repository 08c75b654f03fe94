/**
 * `cairn lab collect --throughput`: how many lines a second a logger takes, next to a bare loop in Node and to rsyslog where it is installed, in one run
 * and under the same load; and into a topic of three brokers.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { LabBrokers } from '../brokers.ts';
import { Children } from '../children.ts';
import { checkoutFolder } from '../report/machine.ts';
import { check, type LabResult } from '../report/report.ts';
import { findFreePort, untilListening } from './ports.ts';

export interface ThroughputOptions {
  /** Lines for each party that only prints; a tenth of them goes into the topic. */
  readonly lines: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

const connections = 4;
const lineBytes = 64;
const roundCount = 3;
const drainMsMax = 60_000;
const bareShareMin = 0.4;
const topic = 'throughput';

interface Round {
  readonly linesPerSecond: number;
  /** Of the party's process, user and system. */
  readonly cpuSecondsPerMillion: number;
  readonly counted: number;
}

export async function runThroughput({ lines, folder: given, say }: ThroughputOptions): Promise<LabResult> {
  // rsyslog leaves the working directory.
  const folder = path.resolve(given);
  const children = new Children();
  const rounds = new Map<string, Round[]>();
  const parties = ['bare loop', 'cairn logger', ...(existsSync('/usr/sbin/rsyslogd') ? ['rsyslog'] : [])];
  try {
    for (let round = 0; round < roundCount; round++) {
      for (const party of parties) {
        const result = await measure(party, lines, folder, children);
        rounds.set(party, [...(rounds.get(party) ?? []), result]);
        say(`${party}: ${Math.round(result.linesPerSecond)} lines/s`);
      }
    }
    const intoTopic = await measureTopic(Math.floor(lines / 10), folder, children);
    say(`into a topic: ${Math.round(intoTopic.linesPerSecond)} lines/s`);
    const median = (party: string): Round => (rounds.get(party) ?? []).toSorted((a, b) => a.linesPerSecond - b.linesPerSecond)[1] as Round;
    const share = median('cairn logger').linesPerSecond / median('bare loop').linesPerSecond;
    const rsyslogShare = parties.includes('rsyslog') ? median('cairn logger').linesPerSecond / median('rsyslog').linesPerSecond : null;
    const rows = [...parties.map((party) => ({ party, ...median(party) })), { party: 'cairn logger --topic, 3 brokers', ...intoTopic }];
    const sent = lines - (lines % (connections * linesPerBlock));
    const wrong = [...rounds.values()].flat().filter(({ counted }) => counted !== sent).length;
    return {
      lab: 'collect-throughput',
      about: `${lines} lines of ${lineBytes} bytes over ${connections} connections, standard output to a file, medians of ${roundCount} rounds; a tenth of them into a topic of three brokers, on a majority's disks. Load generator and all parties share this machine.`,
      settings: { lines, connections, lineBytes, rounds: roundCount },
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

const linesPerBlock = 1024;

async function measure(party: string, lines: number, folder: string, children: Children): Promise<Round> {
  const port = await findFreePort();
  const output = path.join(folder, 'throughput.out');
  rmSync(output, { force: true });
  const child = startParty(party, port, output, folder, children);
  await untilListening(port);
  const before = cpuSeconds(child);
  const startedMs = performance.now();
  const sent = await load(port, lines, party === 'cairn logger');
  const expected = bytesOf(party, sent);
  // rsyslog writes to its file some time after it has read.
  const untilMs = performance.now() + drainMsMax;
  while (statSync(output, { throwIfNoEntry: false })?.size !== expected && performance.now() < untilMs) {
    const size = statSync(output, { throwIfNoEntry: false })?.size ?? 0;
    if (size > expected) break;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = cpuSeconds(child) - before;
  const exit = children.exitOf(child);
  child.kill('SIGTERM');
  await exit;
  const counted = Number(spawnSync('grep', ['-c', '^1610688413', output], { encoding: 'utf8' }).stdout.trim());
  rmSync(output, { force: true });
  return { linesPerSecond: sent / seconds, cpuSecondsPerMillion: (cpu * 1e6) / sent, counted };
}

function startParty(party: string, port: number, output: string, folder: string, children: Children): ChildProcess {
  const descriptor = openSync(output, 'w');
  const own = import.meta.url.endsWith('.ts') ? 'bare-loop.ts' : 'bare-loop.js';
  const cairn = path.join(checkoutFolder(), 'bin', 'cairn.mjs');
  const start = (args: readonly string[]): ChildProcess =>
    children.start(process.execPath, args, { stdio: ['ignore', descriptor, 'inherit'] });
  try {
    if (party === 'bare loop')
      return children.start(process.execPath, [path.join(import.meta.dirname, own), String(port), output], { stdio: 'ignore' });
    if (party === 'cairn logger')
      return start([cairn, 'logger', String(port), '--timeline', path.join(folder, 'throughput-timeline.ndjson')]);
    const config = path.join(folder, 'rsyslog.conf');
    // No headers, no rewriting, large batches: what it does fastest. Digits at the beginning of a line are no length.
    writeFileSync(
      config,
      `module(load="imptcp" threads="2")\nmain_queue(queue.size="1000000" queue.dequeueBatchSize="10000")\ninput(type="imptcp" port="${port}" address="127.0.0.1" ruleset="r" supportOctetCountedFraming="off")\ntemplate(name="t" type="string" string="%rawmsg%\\n")\nruleset(name="r") { action(type="omfile" file="${output}" template="t" ioBufferSize="256k" asyncWriting="off") }\n`,
    );
    return children.start('/usr/sbin/rsyslogd', ['-n', '-f', config, '-i', path.join(folder, 'rsyslog.pid')], { stdio: 'ignore' });
  } finally {
    closeSync(descriptor);
  }
}

/** What a party's file has in the end. */
function bytesOf(party: string, sent: number): number {
  if (party !== 'cairn logger') return sent * lineBytes;
  const name = ' load'.length;
  return (
    sent * (lineBytes + name) +
    connections * ('1610688413.000000 - load connected\n'.length + '1610688413.000000 - load disconnected\n'.length)
  );
}

async function measureTopic(lines: number, folder: string, children: Children): Promise<Round & { readonly sent: number }> {
  const brokers = await LabBrokers.start({ count: 3 });
  const client = brokers.client();
  try {
    const port = await findFreePort();
    const cairn = path.join(checkoutFolder(), 'bin', 'cairn.mjs');
    const descriptor = openSync(path.join(folder, 'throughput-topic.out'), 'w');
    const args = [cairn, 'logger', String(port), '--topic', topic, '--server', brokers.urls.join(','), '--no-timeline'];
    const logger = children.start(process.execPath, args, { stdio: ['ignore', descriptor, 'inherit'] });
    closeSync(descriptor);
    await untilListening(port);
    while (!(await client.listTopics()).some((each) => each.name === topic)) await new Promise((resolve) => setTimeout(resolve, 50));
    const before = cpuSeconds(logger);
    const first = (await client.end(topic, 'linearizable')).offset;
    const startedMs = performance.now();
    const sent = await load(port, lines, true);
    const untilMs = performance.now() + drainMsMax;
    let counted = 0;
    // The end counts a leader's own first entry too, which was there before.
    while (counted < sent && performance.now() < untilMs) {
      counted = (await client.end(topic, 'linearizable')).offset - first;
      if (counted < sent) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const seconds = (performance.now() - startedMs) / 1000;
    const cpu = cpuSeconds(logger) - before;
    return { linesPerSecond: sent / seconds, cpuSecondsPerMillion: (cpu * 1e6) / sent, counted, sent };
  } finally {
    client.close();
    rmSync(path.join(folder, 'throughput-topic.out'), { force: true });
    await brokers.end();
  }
}

/** Sends so many lines over several connections; gives how many it were. */
async function load(port: number, lines: number, hasNames: boolean): Promise<number> {
  const line = `1610688413.782391 ${'x'.repeat(lineBytes - 19)}\n`;
  const block = Buffer.from(line.repeat(linesPerBlock));
  const blocks = Math.floor(lines / connections / linesPerBlock);
  await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(port, '127.0.0.1');
          let left = blocks;
          const fill = (): void => {
            while (left > 0) {
              left--;
              if (!socket.write(block)) return void socket.once('drain', fill);
            }
            socket.end();
          };
          if (hasNames) socket.write('load\n');
          fill();
          socket.resume();
          socket.on('error', reject);
          socket.on('close', () => resolve());
        }),
    ),
  );
  return blocks * connections * linesPerBlock;
}

/** proc(5): the 14th and 15th field are user and system time, in hundredths of a second. */
function cpuSeconds({ pid }: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}
