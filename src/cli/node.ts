import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { LogError } from '../eventlog/log-error.ts';
import { problemOfName } from '../gateway/lines/hello.ts';
import { addExamples, ExitWith } from './command.ts';
import { escapeControls } from '../base/escape.ts';
import type { CliIo } from './io.ts';
import { integer } from './options.ts';

interface NodeCliOptions {
  readonly spool?: string;
  readonly spoolMax?: number;
  readonly tail?: string;
  readonly newSession?: boolean;
}

const MiB = 1024 * 1024;
const spoolMaxDefault = 256 * MiB;

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Send standard input, line by line, to a logger (`cairn logger`, or a broker with `lines:` in its configuration) under a name, and end with it. What was under way when the logger is lost may not have arrived. ' +
        'With --spool every line is kept on disk until the logger says that it is stored, over any number of connections and restarts, each once and in order; that takes a logger with --topic.',
    )
    .argument('<name>', 'the name that the logger prints: 1 to 255 bytes without space or control characters', parseName)
    .argument('<host>', 'where the logger is')
    .argument('<port>', 'its port', integer(1, 65_535))
    .option('--spool <dir>', 'keep lines in this folder until they are stored; one folder for each node')
    .option(
      '--spool-max <size>',
      'largest size of the spool, with k, M or G; when it is full the input is not read (default: 256M)',
      parseSize,
    )
    .option(
      '--tail <file>',
      'follow this file instead of standard input, through rotation and truncation, from where an earlier run stopped; needs --spool',
    )
    .option('--new-session', 'send what the spool holds under a new session, when its old one is not known any more')
    .action((name: string, host: string, port: number, options: NodeCliOptions) => run(name, host, port, options, io));
  addExamples(command, [
    { command: 'cairn generate 2 | cairn node node1 127.0.0.1 1234', does: 'events as the course has them, to the logger on this machine' },
    { command: 'cairn node web1 10.0.0.1 1234 --spool /var/spool/cairn --tail /var/log/app.log', does: 'a log file that loses nothing' },
  ]);
}

async function run(name: string, host: string, port: number, options: NodeCliOptions, io: CliIo): Promise<void> {
  const { spool, tail } = options;
  if (spool === undefined) {
    if (tail !== undefined || options.newSession === true)
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
    source: tail === undefined ? { kind: 'input', input: io.stdin } : { kind: 'tail', file: tail },
    say: (line) => void io.stderr.write(`${escapeControls(line)}\n`),
    interrupt,
  });
  if (!interrupt.aborted) return;
  io.stderr.write(`Interrupted: ${acknowledged} events are stored, ${waiting} are kept in ${spool}\n`);
  throw new ExitWith(exitCodes.interrupted);
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
