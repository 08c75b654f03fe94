/**
 * How many lines a second a party takes: a load of lines over several connections, and what came of it. For `cairn lab collect --throughput` and for
 * `npm run bench`.
 */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import type { Children, LabBrokers } from '../rig/index.ts';
import { ownModule, packageFolder } from '../../system/package.ts';
import { findFreePort, untilListening } from './ports.ts';

export const lineConnections = 4;
export const lineBytes = 64;
const connections = lineConnections;
const drainMsMax = 60_000;
const linesPerBlock = 1024;

export const bareLoopName = 'bare loop';
export const loggerName = 'cairn logger';
export const rsyslogName = 'rsyslog';

export interface LinesRound {
  readonly linesPerSecond: number;
  /** Of the party's process, user and system. */
  readonly cpuSecondsPerMillion: number;
  readonly sent: number;
  /** Lines in its output, or in the topic. */
  readonly counted: number;
}

/** Those that only write lines to a file; rsyslog where it is installed. */
export const parties = (): readonly string[] => [bareLoopName, loggerName, ...(existsSync('/usr/sbin/rsyslogd') ? [rsyslogName] : [])];

export async function measureAlone(party: string, lines: number, folder: string, children: Children): Promise<LinesRound> {
  const port = await findFreePort();
  const output = path.join(folder, 'throughput.out');
  rmSync(output, { force: true });
  const child = startParty(party, port, output, folder, children);
  await untilListening(port);
  // The compiler's share is not what is measured, nor the start of a process.
  const warm = await load(port, lines / 4, party === loggerName);
  await untilBytes(output, bytesOf(party, warm));
  const before = cpuSeconds(child);
  const startedMs = performance.now();
  const sent = await load(port, lines, party === loggerName);
  await untilBytes(output, bytesOf(party, warm) + bytesOf(party, sent));
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = cpuSeconds(child) - before;
  const exit = children.exitOf(child);
  child.kill('SIGTERM');
  await exit;
  // The bare loop appends reads as they come, and those of one connection may end within a line: only the newlines are whole.
  const pattern = party === bareLoopName ? '' : '^1610688413';
  const counted = Number(spawnSync('grep', ['-c', pattern, output], { encoding: 'utf8' }).stdout.trim()) - warm;
  rmSync(output, { force: true });
  return { linesPerSecond: sent / seconds, cpuSecondsPerMillion: (cpu * 1e6) / sent, sent, counted };
}

function startParty(party: string, port: number, output: string, folder: string, children: Children): ChildProcess {
  const descriptor = openSync(output, 'w');
  const cairn = path.join(packageFolder, 'bin', 'cairn.mjs');
  const start = (args: readonly string[]): ChildProcess =>
    children.start(process.execPath, args, { stdio: ['ignore', descriptor, 'inherit'] });
  try {
    if (party === bareLoopName)
      return children.start(process.execPath, [ownModule('lab/collect/bare-loop'), String(port), output], { stdio: 'ignore' });
    if (party === loggerName) return start([cairn, 'logger', String(port), '--timeline', path.join(folder, 'throughput-timeline.ndjson')]);
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

/** rsyslog writes to its file some time after it has read. */
async function untilBytes(file: string, expected: number): Promise<void> {
  const untilMs = performance.now() + drainMsMax;
  while ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < expected && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** What a party's file has of so many lines. */
function bytesOf(party: string, sent: number): number {
  if (party !== loggerName) return sent * lineBytes;
  const name = ' load'.length;
  return (
    sent * (lineBytes + name) +
    connections * ('1610688413.000000 - load connected\n'.length + '1610688413.000000 - load disconnected\n'.length)
  );
}

/** A logger in front of brokers, for several measurements. */
export class TopicLogger {
  readonly #brokers: LabBrokers;
  readonly #topic: string;
  readonly #logger: ChildProcess;
  readonly #children: Children;
  readonly #port: number;
  readonly #output: string;

  private constructor(brokers: LabBrokers, topic: string, logger: ChildProcess, children: Children, port: number, output: string) {
    this.#brokers = brokers;
    this.#topic = topic;
    this.#logger = logger;
    this.#children = children;
    this.#port = port;
    this.#output = output;
  }

  /** The topic exists; the logger has found who leads it. */
  static async start(brokers: LabBrokers, topic: string, folder: string, children: Children): Promise<TopicLogger> {
    const port = await findFreePort();
    const cairn = path.join(packageFolder, 'bin', 'cairn.mjs');
    const output = path.join(folder, 'throughput-topic.out');
    const descriptor = openSync(output, 'w');
    const args = [cairn, 'logger', String(port), '--topic', topic, '--server', brokers.urls.join(','), '--no-timeline'];
    const logger = children.start(process.execPath, args, { stdio: ['ignore', descriptor, 'inherit'] });
    closeSync(descriptor);
    await untilListening(port);
    await new Promise((resolve) => setTimeout(resolve, leaderFoundMs));
    return new TopicLogger(brokers, topic, logger, children, port, output);
  }

  async measure(lines: number): Promise<LinesRound> {
    const client = this.#brokers.client();
    try {
      const before = cpuSeconds(this.#logger);
      // The end counts a leader's own first entry too, which was there before.
      const first = (await client.end({ topic: this.#topic, freshness: 'linearizable' })).offset;
      const startedMs = performance.now();
      const sent = await load(this.#port, lines, true);
      const untilMs = performance.now() + drainMsMax;
      let counted = 0;
      while (counted < sent && performance.now() < untilMs) {
        counted = (await client.end({ topic: this.#topic, freshness: 'linearizable' })).offset - first;
        if (counted < sent) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const seconds = (performance.now() - startedMs) / 1000;
      const cpu = cpuSeconds(this.#logger) - before;
      return { linesPerSecond: sent / seconds, cpuSecondsPerMillion: (cpu * 1e6) / sent, sent, counted };
    } finally {
      client.close();
    }
  }

  async end(): Promise<void> {
    const exit = this.#children.exitOf(this.#logger);
    this.#logger.kill('SIGTERM');
    await exit;
    rmSync(this.#output, { force: true });
  }
}

/** It looks every two seconds. */
const leaderFoundMs = 2_500;

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
