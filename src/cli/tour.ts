import { styleText } from 'node:util';
import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { runTour, type TourResult } from '../lab/tour.ts';
import { addExamples, ExitWith } from './command.ts';
import { escapeControls } from '../base/escape.ts';
import { type CliIo, isColourful, write } from './io.ts';
import { jsonOption } from './options.ts';
import { loadProgress, type Progress } from './progress.ts';
import { bytes, count } from './table.ts';

interface TourCommandOptions {
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Watch the log survive the death of its leader. Three brokers of its own, in a temporary folder, take a file line by line, and a ' +
        'subscriber pulls; the leader is killed half way; what every broker holds, and what was pulled, is compared with the file. It takes ' +
        'a minute at most and leaves nothing behind.',
    )
    .argument('[file]', 'what to stream, up to 32 MiB of it (default: the largest readable /var/log/*.log, else a file of Cairn itself)')
    .addOption(jsonOption('the result'))
    .action(async (file: string | undefined, options: TourCommandOptions) => {
      const result = await tour(file ?? null, options.json === true, io);
      await write(io.stdout, options.json === true ? `${JSON.stringify(result)}\n` : formatTour(result, isColourful(io, io.stdout)));
      if (!result.ok) throw new ExitWith(exitCodes.failed);
    });
  addExamples(command, [
    { command: 'cairn tour', does: 'with a log of this machine' },
    { command: 'cairn tour access.log', does: 'with a file of yours' },
  ]);
}

async function tour(file: string | null, quiet: boolean, io: CliIo): Promise<TourResult> {
  const startProgress = await loadProgress(io);
  let progress: Progress | null = null;
  let shown = 0;
  const stopBar = (): void => {
    progress?.stop();
    progress = null;
  };
  try {
    return await runTour({
      file,
      signal: io.interrupt(),
      hooks: {
        say: (line) => {
          // The bar and a line cannot share the terminal.
          stopBar();
          if (!quiet) void write(io.stdout, `${escapeControls(line)}\n`);
        },
        onProgress: (done, total, acknowledged) => {
          progress ??= startProgress({ bytesTotal: total, what: 'lines acknowledged', bytesDone: shown });
          progress.moved(done - shown);
          progress.counted(acknowledged);
          shown = done;
        },
      },
    });
  } finally {
    stopBar();
  }
}

export function formatTour(result: TourResult, colourful: boolean): string {
  const paint = (format: 'green' | 'red' | 'bold', text: string): string =>
    colourful ? styleText(format, text, { validateStream: false }) : text;
  const judged = (value: number): string => paint(value === 0 ? 'green' : 'red', count(value));
  const rows: (readonly [string, string])[] = [
    ['file', `${escapeControls(result.file)}, ${bytes(result.bytes)}${result.wholeFile ? '' : ' from its beginning, to end in time'}`],
    ['lines', count(result.lines)],
    ['acknowledged', count(result.acknowledged)],
    ['lost', judged(result.lost)],
    ['doubled', judged(result.doubled)],
    ['longest gap', `${Math.round(result.longestGapMs)} ms between two acknowledgements`],
    ['new leader', `broker ${result.newLeader} in term ${result.newTerm}, after broker ${result.killed} was killed`],
    ['SHA-256', `${result.sha256} the file`],
    ...result.copies.map(
      (copy) =>
        [
          `broker ${copy.broker}`,
          `${copy.sha256} ${copy.same ? paint('green', 'the same') : paint('red', `DIFFERENT, ${count(copy.lines)} lines`)}`,
        ] as const,
    ),
  ];
  const { pulled } = result;
  rows.push([
    'subscriber',
    `${pulled.sha256} ${pulled.same ? paint('green', 'the same') : paint('red', `DIFFERENT, ${count(pulled.lines)} lines`)}`,
  ]);
  if (result.search !== null) {
    const { pattern, lines, same } = result.search;
    const said = same ? paint('green', 'the same as GNU grep on the file') : paint('red', 'NOT the same as GNU grep on the file');
    rows.push(['search', `cairn grep -n -C2 ${escapeControls(JSON.stringify(pattern))} --topic tour: ${count(lines)} lines, ${said}`]);
  }
  const verdict = result.ok
    ? paint('green', 'Every acknowledged line is on every broker, and was given to the subscriber, once and in order.')
    : paint('red', 'This is not as it was promised: what was read back or pulled differs from the file.');
  return `\n${rows.map(([name, text]) => `${name.padEnd(14)}${text}\n`).join('')}\n${verdict} It took ${(result.tookMs / 1000).toFixed(1)} s.\n`;
}
