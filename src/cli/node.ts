import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import type { FollowSettings } from '../daemon/collect/follow.ts';
import { LogError } from '../eventlog/log-error.ts';
import { problemOfName } from '../gateway/lines/hello.ts';
import { addExamples, ExitWith } from './command.ts';
import { escapeControls } from '../base/escape.ts';
import { type CliIo, write } from './io.ts';
import { integer, seconds } from './options.ts';

interface NodeCliOptions {
  readonly spool?: string;
  readonly spoolMax?: number;
  readonly tail: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly fromBeginning?: boolean;
  readonly compressed?: boolean;
  readonly firstLine?: RegExp;
  readonly lastLineAfter?: number;
  readonly newSession?: boolean;
  readonly status?: string;
}

const MiB = 1024 * 1024;
const spoolMaxDefault = 256 * MiB;
/** Programs that write through a buffer leave lines unfinished for longer than one would think. */
const lastLineAfterMsDefault = 60_000;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Send standard input, line by line, to a logger (`cairn logger`, or a broker with `lines:` in its configuration) under a name, and end with it. What was under way when the logger is lost may not have arrived. ' +
        'With --spool every line is kept on disk until the logger says that it is stored, over any number of connections and restarts, each once and in order; that takes a logger with --topic.',
    )
    .argument('[name]', 'the name that the logger prints: 1 to 255 bytes without space or control characters', parseName)
    .argument('[host]', 'where the logger is')
    .argument('[port]', 'its port', integer(1, 65_535))
    .option('--spool <dir>', 'keep lines in this folder until they are stored; one folder for each node')
    .option(
      '--spool-max <size>',
      'largest size of the spool, with k, M or G; when it is full the input is not read (default: 256M)',
      parseSize,
    )
    .option(
      '--tail <file>',
      'follow this file instead of standard input, through rotation and truncation, from where an earlier run stopped; needs --spool. Parts of it may be globs, quoted: new files and folders are taken up. May be given several times',
      several,
      [],
    )
    .option(
      '--include <glob>',
      'of the files that a glob means, follow only those with such a name; may be given several times',
      several,
      [],
    )
    .option('--exclude <glob>', 'and none with such a name; may be given several times', several, [])
    .option('--from-beginning', 'of a file that is followed for the first time, read what was rotated before too, the oldest first')
    .option('--compressed', 'read rotated files too that were compressed before they were read (.gz, .zst), each to its end once')
    .option('--first-line <regex>', 'a line that matches begins a record; those that follow and do not match go on with it', parseRegex)
    .option(
      '--last-line-after <seconds>',
      'take a last line without its end when the file has not changed for so long; 0 never does (default: 60)',
      seconds(0, 86_400),
    )
    .option('--new-session', 'send what the spool holds under a new session, when its old one is not known any more, or is that of a copy')
    .option('--status <dir>', 'print what the spool in this folder holds and where its files stand, and end')
    .action((name: string | undefined, host: string | undefined, port: number | undefined, options: NodeCliOptions) =>
      options.status === undefined ? run(name, host, port, options, io) : printStatus(options.status, io),
    );
  addExamples(command, [
    { command: 'cairn generate 2 | cairn node node1 127.0.0.1 1234', does: 'events as the course has them, to the logger on this machine' },
    { command: 'cairn node web1 10.0.0.1 1234 --spool /var/spool/cairn --tail /var/log/app.log', does: 'a log file that loses nothing' },
    {
      command: "cairn node web1 10.0.0.1 1234 --spool /var/spool/cairn --tail '/var/log/app/*.log' --exclude 'debug*'",
      does: 'all logs of a folder but some, new ones too',
    },
    {
      command: "cairn node web1 10.0.0.1 1234 --spool /var/spool/cairn --tail '/srv/*/log/*.log' --compressed",
      does: 'logs of all applications, and what was compressed while the node was away',
    },
    { command: 'cairn node --status /var/spool/cairn', does: 'how much is kept, and how far each file is read' },
  ]);
}

async function run(
  name: string | undefined,
  host: string | undefined,
  port: number | undefined,
  options: NodeCliOptions,
  io: CliIo,
): Promise<void> {
  const { spool, tail } = options;
  if (name === undefined || host === undefined || port === undefined)
    throw new LogError('usage', 'Cannot run cairn node: it needs a name, and the host and the port of a logger');
  const isSwitched = options.fromBeginning === true || options.compressed === true;
  const hasSettings = options.include.length > 0 || options.exclude.length > 0 || isSwitched;
  if (tail.length === 0 && (hasSettings || options.firstLine !== undefined || options.lastLineAfter !== undefined))
    throw new LogError(
      'usage',
      'Cannot run cairn node: --include, --exclude, --from-beginning, --compressed, --first-line and --last-line-after need --tail',
    );
  io.becomeService();
  if (spool === undefined) {
    if (tail.length > 0 || options.newSession === true)
      throw new LogError('usage', 'Cannot run cairn node: --tail and --new-session need --spool');
    const { runNode } = await import('../daemon/collect/node.ts');
    await runNode({ name, host, port, input: io.stdin });
    return;
  }
  const interrupt = io.interrupt();
  const { runAgent } = await import('../daemon/collect/agent.ts');
  const { acknowledged, waiting } = await runAgent({
    name,
    host,
    port,
    spool,
    spoolBytesMax: options.spoolMax ?? spoolMaxDefault,
    newSession: options.newSession === true,
    source: tail.length === 0 ? { kind: 'input', input: io.stdin } : { kind: 'files', ...followSettings(options) },
    say: (line) => void io.stderr.write(`${escapeControls(line)}\n`),
    interrupt,
  });
  if (!interrupt.aborted) return;
  io.stderr.write(`Interrupted: ${acknowledged} events are stored, ${waiting} are kept in ${spool}\n`);
  // A file that is followed has no end: to be told to stop is the end of its agent. A standard input had more to say.
  if (tail.length === 0) throw new ExitWith(exitCodes.interrupted);
}

function followSettings({
  tail,
  include,
  exclude,
  fromBeginning,
  compressed,
  firstLine,
  lastLineAfter = lastLineAfterMsDefault,
}: NodeCliOptions): FollowSettings {
  return {
    files: tail,
    include,
    exclude,
    isFromOldest: fromBeginning === true,
    readsCompressed: compressed === true,
    firstLine: firstLine ?? null,
    lastLineAfterMs: lastLineAfter === 0 ? null : lastLineAfter,
  };
}

async function printStatus(folder: string, io: CliIo): Promise<void> {
  const { describeSpool } = await import('../daemon/collect/status.ts');
  await write(io.stdout, await describeSpool(folder));
}

const several = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function parseRegex(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    throw new InvalidArgumentError(`It is no regular expression: ${(error as Error).message}.`);
  }
}

function parseName(name: string): string {
  const problem = problemOfName(Buffer.from(name));
  if (problem !== null) throw new LogError('usage', `Cannot use the name ${JSON.stringify(name)}: ${problem}`);
  return name;
}

const units: Readonly<Record<string, number>> = { '': 1, k: 1024, M: MiB, G: 1024 * MiB };
const sizeMin = MiB;

function parseSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,12})([kMG]?)$/.exec(text) ?? [];
  const size = Number(digits) * (units[unit] as number);
  if (digits !== '' && size >= sizeMin && Number.isSafeInteger(size)) return size;
  throw new InvalidArgumentError('It is a size from 1M to 8388607G, such as 500M or 2G.');
}
