import type { Command } from 'commander';
import { exitCodes } from '../../base/errors.ts';
import { shellWord } from '../../base/shell-word.ts';
import { makeFolder } from '../../daemon/make-folder.ts';
import { LogError } from '../../eventlog/log-error.ts';
import type { LabResult } from '../../lab/report/index.ts';
import { addExamples, type Example, ExitWith } from '../command.ts';
import { type CliIo, interruptedCode, write } from '../io.ts';
import { reasonOf } from '../reason-of.ts';
import { integer, jsonOption } from '../options.ts';
import { table } from '../table.ts';
import { packageVersion } from '../../system/package.ts';

/** What every lab takes (design, section 6). */
export interface LabOptions {
  readonly output?: string;
  readonly seed: number;
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly note?: string;
}

interface LabContext {
  /** Where the report and the raw data go. */
  readonly folder: string;
  /** A line of progress, for people. */
  readonly say: (line: string) => void;
}

/** One `cairn lab NAME`: its words, its own options, and what runs it. */
export interface LabCommand<Options extends LabOptions> {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** What `--quick` does. */
  readonly quick: string;
  readonly examples: readonly Example[];
  addOptions(command: Command): void;
  run(options: Options, context: LabContext): Promise<LabResult>;
}

/** Adds a lab with what all labs have: the common options, the report, the printed summary, exit code 1 when a check does not hold. */
export function addLab<Options extends LabOptions>(parent: Command, io: CliIo, lab: LabCommand<Options>): void {
  const command = parent.command(lab.name).summary(lab.summary).description(lab.description);
  lab.addOptions(command);
  command
    .option('-o, --output <folder>', 'where the report goes (default: ./cairn-lab/<lab>-<time>)')
    .option('--seed <number>', 'what is random follows from it', integer(0), 1)
    .option('--quick', lab.quick)
    .option('--note <text>', 'a sentence to write below every graph')
    .addOption(jsonOption('the summary'))
    .action((options: Options) => runLab(lab, options, { typed, io }));
  const typed = new Map<string, string | null>();
  for (const option of command.options)
    command.on(`option:${option.name()}`, (value?: string | null) => void typed.set(option.long ?? option.flags, value ?? null));
  addExamples(command, lab.examples);
}

/** What makes the report again: all that was typed, but where it went and how it was shown, and the seed. */
function commandOf(lab: string, typed: ReadonlyMap<string, string | null>, seed: number): string {
  const kept = [...new Map([...typed, ['--seed', String(seed)] as const])].filter(([name]) => name !== '--output' && name !== '--json');
  const words = kept.flatMap(([name, value]) => (value === null ? [name] : [name, value]));
  return ['cairn', 'lab', lab, ...words].map(shellWord).join(' ');
}

interface Typed {
  /** Options as they were typed, by their long names; null where one takes no value. */
  readonly typed: ReadonlyMap<string, string | null>;
  readonly io: CliIo;
}

async function runLab<Options extends LabOptions>(lab: LabCommand<Options>, options: Options, { typed, io }: Typed): Promise<void> {
  const { defaultFolder, partsOf, writeReport } = await import('../../lab/report/index.ts');
  const startedMs = Date.now();
  const folder = options.output ?? defaultFolder(lab.name, startedMs);
  try {
    makeFolder(folder, 0o777);
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot write the report to ${folder}: ${reasonOf(error)}`, {}, { cause: error });
  }
  const interrupt = io.interrupt();
  const interrupted = new Promise<never>((_, reject) => {
    const stop = (): void => {
      reject(new LogError('interrupted', `Cannot finish the lab: interrupted; what was measured so far is in ${folder}`));
      // The lab is in the middle of its pauses and connections. The processes that it started end with this one.
      setTimeout(() => process.exit(interruptedCode()), 50);
    };
    interrupt.addEventListener('abort', stop, { once: true });
  });
  const say = (line: string): void => void io.stderr.write(`${line}\n`);
  const result = await Promise.race([lab.run(options, { folder, say }), interrupted]);
  const note = options.note === undefined ? {} : { note: options.note };
  const repeat = commandOf(lab.name, typed, options.seed);
  const summary = await writeReport(result, { folder, version: packageVersion(), startedMs, repeat, ...note });
  const failed = summary.checks.filter((each) => !each.ok);
  await write(
    io.stdout,
    options.json === true ? `${JSON.stringify(summary)}\n` : formatSummary(partsOf(summary.results), summary.checks, folder),
  );
  if (failed.length > 0) throw new ExitWith(exitCodes.failed);
}

function resultsTable(results: LabResult['results']): string {
  const columns = [...new Set(results.flatMap((result) => Object.keys(result)))].filter((column) =>
    results.some((result) => (result[column] ?? '') !== ''),
  );
  return table(
    columns,
    results.map((result) => columns.map((column) => String(result[column] ?? ''))),
    columns.map(() => 'left'),
  );
}

const checkColumns = ['', 'check', 'expected', 'got'];

function formatSummary(parts: readonly (readonly [string, LabResult['results']])[], checks: LabResult['checks'], folder: string): string {
  const checkRows = checks.map((each) => [each.ok ? 'ok' : 'FAILED', each.name, each.expected, each.got]);
  const left = (names: readonly string[]): 'left'[] => names.map(() => 'left');
  const tables = parts.map(([part, rows]) => `${part === '' ? '' : `${part}\n`}${resultsTable(rows)}\n`);
  return `${tables.join('')}${table(checkColumns, checkRows, left(checkColumns))}\nReport: ${folder}/report.html\n`;
}
