import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { renderSpaceTime } from '../chart/index.ts';
import { chromeText, correctedTimes, formatTraceEvent, isUnpaired, shivizLines, shivizParser, takeStretch } from '../clocks/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import { addExamples, ExitWith } from './command.ts';
import { type CliIo, write } from './io.ts';
import type { ConnectOptions } from './connect-options.ts';
import { reasonOf } from './reason-of.ts';
import { addConnectOptions, integer, seconds } from './options.ts';
import { type Collected, collectTraces, describeTimes, readTraceFile } from './traces/collect.ts';
import { renderDiagramPage, spaceTimeOf } from './traces/diagram.ts';

const formats = ['ndjson', 'shiviz', 'chrome'] as const;
type Format = (typeof formats)[number];

interface ExportOptions extends ConnectOptions {
  readonly format: Format;
  readonly output?: string;
  readonly last?: number;
}

interface DiagramCliOptions extends ConnectOptions {
  readonly output: string;
  readonly last?: number;
  readonly from?: number;
  readonly to?: number;
  readonly topic?: string;
  readonly events: number;
  readonly chatter?: boolean;
}

const fromWhere = 'a recording (`cairn sim --record`, `cairn trace export`); without it all brokers are asked';
const lastWhat = 'only what happened in so many seconds, by the clock of each broker (default: all that it keeps)';

export function define(command: Command, io: CliIo): void {
  defineExport(command, io);
  defineDiagram(command, io);
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

function defineDiagram(command: Command, io: CliIo): void {
  const sub = command
    .command('diagram')
    .argument('[file]', fromWhere)
    .summary('draw who told whom what, and when')
    .description(
      `Draw a space-time diagram: brokers as lines, messages as arrows, faults marked. Without --from it begins a little before the ` +
        'first thing that somebody would look for: a violated check, a crash, a fault, a new leader. An output that ends in .html is a page: the wheel makes it ' +
        'larger, and an event that is pointed at lights its causes and effects.',
    )
    .option('-o, --output <file>', 'where it goes, .svg or .html', picture, 'trace.html')
    .option('--from <seconds>', 'where it begins, from the first event of the trace on', seconds(0, 2_000_000))
    .option('--to <seconds>', 'where it ends (default: when there are as many events as are drawn)', seconds(0, 2_000_000))
    .option('--topic <name>', 'only events of this topic, and those of none')
    .option('--events <count>', 'how many are drawn at most', integer(1, 2000), 200)
    .option('--chatter', 'heartbeats and their answers too')
    .option('--last <seconds>', lastWhat, seconds(0.001, 2_000_000))
    .action(async (file: string | undefined, options: DiagramCliOptions) => {
      const collected = await collect(file, options, io);
      const { title, text, said } = drawn(collected, options, file === undefined ? 'the brokers' : path.basename(file));
      await writeTo(options.output, [text]);
      await write(io.stdout, `${options.output}: ${title}, ${said}\n`);
      await tellAbout(collected, options.output, io);
    });
  addConnectOptions(sub);
  addExamples(sub, [
    { command: 'cairn trace diagram run.ndjson --topic orders', does: 'a recorded run, around its first trouble, as trace.html' },
    { command: 'cairn trace diagram --last 5 -o now.svg', does: 'the last five seconds of the brokers on this machine' },
  ]);
}

/** Any other ending would say something else of what is in it. */
function picture(file: string): string {
  if (/\.(svg|html)$/i.test(file)) return file;
  throw new InvalidArgumentError('It is a file that ends in .svg or .html.');
}

function parseFormat(text: string): Format {
  const format = formats.find((each) => each === text);
  if (format !== undefined) return format;
  throw new InvalidArgumentError(`It is one of ${formats.join(', ')}.`);
}

async function collect(file: string | undefined, options: ConnectOptions & { readonly last?: number }, io: CliIo): Promise<Collected> {
  if (file === undefined) return collectTraces(options, io);
  if (options.last !== undefined) throw new LogError('usage', 'Cannot take the last seconds of a file: say --from and --to');
  return readTraceFile(file);
}

function* piecesOf(format: Format, { trace, skew, ...rest }: Collected): Generator<string> {
  if (format === 'shiviz') yield* shivizLines(trace);
  else if (format === 'chrome') yield* chromeText(trace, correctedTimes(trace, skew), describeTimes({ trace, skew, ...rest }));
  else
    for (const [index, event] of trace.events.entries())
      yield formatTraceEvent(isUnpaired(trace, index) ? { ...event, fields: { ...event.fields, unpaired: true } } : event);
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

function drawn(
  collected: Collected,
  options: DiagramCliOptions,
  what: string,
): { readonly title: string; readonly text: string; readonly said: string } {
  const { trace, skew, missing, notes: said } = collected;
  const times = correctedTimes(trace, skew);
  const { from = null, to = null, topic = null, chatter = false, events: eventsMax } = options;
  const stretch = takeStretch(trace, times, { fromMs: from, toMs: to, eventsMax, topic, chatter });
  if (!stretch.ok) throw new LogError('usage', `Cannot draw ${what}: ${stretch.error}`);
  const { fromMs, toMs, left, events } = stretch.value;
  const title = `${what}, ${(fromMs / 1000).toFixed(3)} s to ${(toMs / 1000).toFixed(3)} s${topic === null ? '' : `, topic ${topic}`}`;
  const more = left === 0 ? [] : [`${left} more events of this stretch are not drawn: take a shorter one, or more --events.`];
  const notes = [...more, ...[...missing, ...said].map((each) => `${each}.`)];
  const picture = spaceTimeOf(trace, times, stretch.value, { title, times: describeTimes(collected), notes, eventsMax });
  const result = renderSpaceTime(picture);
  if (!result.ok) throw new LogError('usage', result.problem);
  const text = options.output.toLowerCase().endsWith('.html') ? renderDiagramPage(picture, result.svg, trace) : result.svg;
  return { title, text, said: `${events.length} events${left === 0 ? '' : ` of ${events.length + left}`}` };
}

/** What is missing and what could not be paired, where it is not in the way of the output. */
async function tellAbout({ trace, missing, notes }: Collected, output: string | undefined, io: CliIo): Promise<void> {
  const { events, processes, unpairedReceives, unpairedSends } = trace;
  const place = output === undefined ? io.stderr : io.stdout;
  await write(
    place,
    `${events.length} events of ${processes.join(', ')}; unpaired: ${unpairedSends} sends (lost, or their receive is not kept), ${unpairedReceives} receives\n`,
  );
  for (const each of [...notes, ...missing]) await write(io.stderr, `${each}\n`);
  if (missing.length > 0) throw new ExitWith(exitCodes.failed);
}
