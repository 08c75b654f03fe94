import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { formatHostPort } from '../base/host-port.ts';
import type { Client } from '../client/index.ts';
import { bindHost, isLoopback } from '../daemon/address.ts';
import { defaultLineSettings, lineBytesLimit } from '../gateway/lines/settings.ts';
import type { LogError } from '../eventlog/index.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import type { CliIo } from './io.ts';
import type { ConnectOptions } from './connect-options.ts';
import { addConnectOptions, integer } from './options.ts';

interface LoggerCliOptions extends ConnectOptions {
  readonly listen: string;
  readonly topic?: string;
  readonly timeline?: string | boolean;
  readonly scenario?: string;
  readonly lineBytesMax: number;
}

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Take lines from many nodes (`cairn node`, `nc`, any program that sends a name and then lines) and print each as `TIME NAME EVENT`, at once; connections are printed as `TIME - NAME connected` and `disconnected`. ' +
        'What it measures goes to a timeline file, a row a second, for `cairn plot` and `cairn top`. With --topic every event is also a record of that topic, its key the name; printing never waits for it.',
    )
    .argument('<port>', 'port to listen on', integer(1, 65_535))
    .option(
      '--listen <address>',
      'address to listen on; 0.0.0.0 or :: takes lines from every machine, without any proof of who sends: it warns once',
      '127.0.0.1',
    )
    .option('--topic <topic>', 'store every event in this topic too, and acknowledge to nodes that keep a spool; made when missing')
    .option(
      '--timeline <file>',
      'where the timeline goes; appended to (default: ./cairn-timeline-<port>-<start>.ndjson, begun by the first connection)',
    )
    .option('--no-timeline', 'write no timeline')
    .option('--scenario <text>', 'what this run is, for the title of the graphs')
    .option(
      '--line-bytes-max <count>',
      'cut longer lines there, and mark them',
      integer(16, lineBytesLimit),
      defaultLineSettings.lineBytesMax,
    )
    .action(async (port: number, options: LoggerCliOptions) => {
      if (options.topic === undefined) return run(port, options, io, null);
      await withClient(options, io, {}, (client) => run(port, options, io, client));
    });
  addConnectOptions(command);
  addExamples(command, [
    { command: 'cairn logger 1234', does: 'print what nodes on this machine send' },
    { command: 'cairn logger 1234 --listen 0.0.0.0 > events.txt', does: 'from every machine, into a file' },
    { command: 'cairn logger 1234 --topic events', does: 'and into a topic of the brokers on this machine' },
  ]);
}

const leaderEveryMs = 2_000;

async function run(port: number, options: LoggerCliOptions, io: CliIo, client: Client | null): Promise<void> {
  const { startLogger } = await import('../daemon/collect/logger.ts');
  const { topic, timeline } = options;
  io.becomeService();
  const interrupt = io.interrupt();
  let fail: (error: LogError) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined);
  const logger = await startLogger({
    port,
    host: bindHost(options.listen),
    topic: topic === undefined || client === null ? null : { name: topic, log: client },
    timeline: timeline === false ? null : typeof timeline === 'string' ? { file: timeline } : 'default',
    scenario: options.scenario ?? null,
    lineBytesMax: options.lineBytesMax,
    output: 1,
    say: (line) => void io.stderr.write(`${line}\n`),
    onFatal: (error) => fail(error),
  });
  if (!isLoopback(options.listen)) {
    const where = formatHostPort({ host: options.listen, port });
    io.stderr.write(`Listening on ${where} without TLS or a token: whoever reaches it can send lines under any name\n`);
  }
  const lookForLeader = setInterval(() => {
    // The others take lines too: this only saves them a way.
    if (client !== null && topic !== undefined) void client.preferLeaderOf(topic).catch(() => undefined);
  }, leaderEveryMs);
  lookForLeader.unref();
  const interrupted = new Promise<void>((resolve) => interrupt.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([interrupted, failed]);
  await logger.stop();
  const counts = logger.counts();
  if (counts !== null)
    io.stderr.write(
      `Stored ${counts.stored} lines in topic "${topic ?? ''}"${counts.unstored > 0 ? `, gave up ${counts.unstored}` : ''}\n`,
    );
  // Its brokers' connections may still be waiting for answers.
  process.exit(exitCodes.ok);
}
