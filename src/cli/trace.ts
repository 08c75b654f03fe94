import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { chromeText, correctedTimes, formatTraceEvent, shivizLines, shivizParser } from '../clocks/index.ts';
import { LogError } from '../eventlog/index.ts';
import { addExamples, ExitWith } from './command.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, type ConnectOptions, reasonOf, seconds } from './options.ts';
import { type Collected, collectTraces, describeTimes, readTraceFile } from './traces/collect.ts';

const formats = ['ndjson', 'shiviz', 'chrome'] as const;
type Format = (typeof formats)[number];

interface ExportOptions extends ConnectOptions {
  readonly format: Format;
  readonly output?: string;
  readonly last?: number;
}

const fromWhere = 'a recording (`cairn sim --record`, `cairn trace export`); without it all brokers are asked';
const lastWhat = 'only what happened in so many seconds, by the clock of each broker (default: all that it keeps)';

export function define(command: Command, io: CliIo): void {
  defineExport(command, io);
}

function defineExport(command: Command, io: CliIo): void {
  const sub = command
    .command('export')
    .argument('[file]', fromWhere)
    .summary('what all brokers did and heard last, as one trace')
    .description(
      'Collect what every broker did and heard last, pair sends with receives, and print it: one event a line (docs/reference/trace.md), for ShiViz, ' +
        `or for chrome://tracing and Perfetto. The parser for ShiViz is ${shivizParser}. A broker that does not answer is named, and what cannot be paired is counted.`,
    )
    .option('--format <name>', `${formats.join(', ')}`, parseFormat, 'ndjson')
    .option('-o, --output <file>', 'where it goes (default: printed)')
    .option('--last <seconds>', lastWhat, seconds(0.001, 2_000_000))
    .action(async (file: string | undefined, options: ExportOptions) => {
      const collected = await collect(file, options, io);
      const pieces = piecesOf(options.format, collected);
      if (options.output === undefined) for (const piece of gathered(pieces)) await write(io.stdout, piece);
      else await writeTo(options.output, gathered(pieces));
      await tellAbout(collected, options.output, io);
    });
  addConnectOptions(sub);
  addExamples(sub, [
    { command: 'cairn trace export --last 10 -o trace.ndjson', does: 'ten seconds of all brokers' },
    { command: 'cairn trace export run.ndjson --format shiviz -o run.log', does: 'a recorded run, for ShiViz' },
  ]);
  sub.addHelpText('after', '\nExit code 1 when a broker is missing; the rest is written all the same.');
}

function parseFormat(text: string): Format {
  const format = formats.find((each) => each === text);
  if (format !== undefined) return format;
  throw new InvalidArgumentError(`It is one of ${formats.join(', ')}.`);
}

async function collect(file: string | undefined, options: ConnectOptions & { readonly last?: number }, io: CliIo): Promise<Collected> {
  if (file === undefined) return collectTraces(options, io);
  if (options.last !== undefined) throw new LogError('usage', 'Cannot take the last seconds of a file');
  return readTraceFile(file);
}

function* piecesOf(format: Format, { trace, skew, ...rest }: Collected): Generator<string> {
  if (format === 'shiviz') yield* shivizLines(trace);
  else if (format === 'chrome') yield* chromeText(trace, correctedTimes(trace, skew), describeTimes({ trace, skew, ...rest }));
  else for (const event of trace.events) yield formatTraceEvent(event);
}

const pieceCharacters = 1 << 18;

/** Not a call of the machine for each line. */
function* gathered(pieces: Iterable<string>): Generator<string> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < pieceCharacters) continue;
    yield text;
    text = '';
  }
  yield text;
}

async function writeTo(file: string, pieces: Iterable<string>): Promise<void> {
  try {
    await writeFile(file, pieces);
  } catch (error) {
    throw new LogError('usage', `Cannot write "${file}": ${reasonOf(error)}`, {}, { cause: error });
  }
}

/** What is missing and what could not be paired, where it is not in the way of the output. */
async function tellAbout({ trace, missing }: Collected, output: string | undefined, io: CliIo): Promise<void> {
  const { events, processes, unpairedReceives, unpairedSends } = trace;
  const place = output === undefined ? io.stderr : io.stdout;
  await write(
    place,
    `${events.length} events of ${processes.join(', ')}; unpaired: ${unpairedSends} sends (lost, or their receive is not kept), ${unpairedReceives} receives\n`,
  );
  for (const each of missing) await write(io.stderr, `${each}\n`);
  if (missing.length > 0) throw new ExitWith(exitCodes.failed);
}
