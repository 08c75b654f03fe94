import { mkdirSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { LogError } from '../eventlog/index.ts';
import type { LabResult } from '../lab/report/report.ts';
import { addExamples, ExitWith } from './command.ts';
import { type CliIo, write } from './io.ts';
import { integer, jsonOption, reasonOf } from './options.ts';
import { table } from './table.ts';
import { version } from './version.ts';

/** What every lab takes (design, section 6). */
interface LabOptions {
  readonly output?: string;
  readonly seed: number;
  readonly quick?: boolean;
  readonly json?: boolean;
}

interface ConsistencyCliOptions extends LabOptions {
  readonly scenario: number;
  readonly servers: number;
  readonly runs: number;
  readonly speed: number;
  readonly parallel: number;
  readonly coldStarts?: number;
  readonly serverCommand?: string;
}

export function define(command: Command, io: CliIo): void {
  defineConsistency(command, io);
  defineKills(command, io);
  defineRestarts(command, io);
  defineIdle(command, io);
}

function defineConsistency(command: Command, io: CliIo): void {
  const consistency = command
    .command('consistency')
    .summary("run the course's test of contract 2 against real servers")
    .description(
      'Run the test of the INF-3203 course against real server processes: a client puts words on random servers, threads crash and recover servers, and in the end all logs must be one and hold exactly what was answered.',
    )
    .option('--scenario <id>', "the course's scenario, 0 to 4", integer(0, 4), 1)
    .option('--servers <count>', 'servers, 3 to 15', integer(3, 15), 5)
    .option('--runs <count>', 'how often', integer(1, 10_000), 1)
    .option('--speed <factor>', "divides the client's pauses, 1 to 3; the servers' settings stay", factor, 1)
    .option('--parallel <count>', 'runs side by side', integer(1, 50), 1)
    .option('--cold-starts <count>', 'measure instead how long 5, 7 and 8 servers take to listen with a leader elected', integer(1, 1000))
    .option('--server-command <command>', "another server to test: it is given the course's arguments")
    .action((options: ConsistencyCliOptions) => runConsistency(options, io));
  addLabOptions(consistency, 'scenario 1 once, three times as fast');
  addExamples(consistency, [
    { command: 'cairn lab consistency --quick', does: 'twenty seconds' },
    { command: 'cairn lab consistency --scenario 4 --runs 30 --speed 3 --parallel 4', does: 'how the log holds under two crash threads' },
    { command: 'cairn lab consistency --cold-starts 20', does: 'from exec to a leader, worst of 20' },
  ]);
}

interface KillsCliOptions extends LabOptions {
  readonly kills: number;
  readonly brokers: number;
  readonly inFlight: number;
}

function defineKills(command: Command, io: CliIo): void {
  const kills = command
    .command('kills')
    .summary('kill brokers under load and look for every acknowledged record')
    .description(
      'Kill brokers with SIGKILL while clients append, start them again, and in the end look for every acknowledged record on every broker: lost, moved, doubled, reordered must be 0. Brokers of its own, in a temporary folder.',
    )
    .option('--kills <count>', 'processes killed', integer(1, 10_000), 50)
    .option('--brokers <count>', 'brokers, 3 or 5', integer(3, 5), 3)
    .option('--in-flight <count>', 'appends in flight', integer(1, 256), 8)
    .action((options: KillsCliOptions) =>
      runLab('kills', options, io, async (folder) => {
        const { runKillsLab } = await import('../lab/kills/index.ts');
        return runKillsLab({
          kills: options.quick === true ? 3 : options.kills,
          brokers: options.brokers,
          workers: options.inFlight,
          seed: options.seed,
          folder,
          onKill: (kill, killed) => {
            const who = kill.brokers.length === 1 ? `broker ${kill.brokers.join()}` : `brokers ${kill.brokers.join(', ')}`;
            io.stderr.write(`${killed} killed: ${who} (${kill.victims}), next acknowledged after ${Math.round(kill.recoveredMs)} ms\n`);
          },
        });
      }),
    );
  addLabOptions(kills, 'three kills');
  addExamples(kills, [{ command: 'cairn lab kills --kills 50', does: 'two or three minutes' }]);
}

interface RestartsCliOptions extends LabOptions {
  readonly stops: number;
  readonly rounds: number;
  readonly inFlight: number;
}

function defineRestarts(command: Command, io: CliIo): void {
  const restarts = command
    .command('restarts')
    .summary('stop brokers gently under load and measure the gap')
    .description(
      'Stop brokers with SIGTERM while clients append, whoever leads and then each in turn, and start them again: no append may fail, and the longest time without an acknowledgement is at most 100 ms. Brokers of its own, in a temporary folder.',
    )
    .option('--stops <count>', 'times that the leader is stopped', integer(0, 10_000), 10)
    .option('--rounds <count>', 'rolling restarts of all brokers', integer(0, 1000), 3)
    .option('--in-flight <count>', 'appends in flight', integer(1, 256), 8)
    .action((options: RestartsCliOptions) =>
      runLab('restarts', options, io, async (folder) => {
        const { runRestartsLab } = await import('../lab/kills/index.ts');
        return runRestartsLab({
          stops: options.quick === true ? 1 : options.stops,
          rounds: options.quick === true ? 1 : options.rounds,
          brokers: 3,
          workers: options.inFlight,
          folder,
          onRestart: (what, gapMs) => void io.stderr.write(`${what}: gap ${Math.round(gapMs)} ms\n`),
        });
      }),
    );
  addLabOptions(restarts, 'one stop of the leader and one rolling restart');
  addExamples(restarts, [{ command: 'cairn lab restarts --rounds 5', does: 'what an upgrade of a cluster feels like' }]);
}

interface IdleCliOptions extends LabOptions {
  readonly brokers: number;
  readonly seconds: number;
}

function defineIdle(command: Command, io: CliIo): void {
  const idle = command
    .command('idle')
    .summary('measure what brokers cost that nobody uses')
    .description(
      'Measure the memory and the processor time of brokers that nobody uses. Brokers of its own, in a temporary folder; Linux only.',
    )
    .option('--brokers <count>', 'brokers', integer(1, 9), 3)
    .option('--seconds <seconds>', 'how long', integer(1, 36_000), 30)
    .action((options: IdleCliOptions) =>
      runLab('idle', options, io, async (folder) => {
        const { runIdleLab } = await import('../lab/idle.ts');
        return runIdleLab({ brokers: options.brokers, seconds: options.quick === true ? 10 : options.seconds, folder });
      }),
    );
  addLabOptions(idle, 'ten seconds');
  addExamples(idle, [{ command: 'cairn lab idle', does: 'three brokers, half a minute' }]);
}

function addLabOptions(command: Command, quick: string): void {
  command
    .option('-o, --output <folder>', 'where the report goes (default: ./cairn-lab/<lab>-<time>)')
    .option('--seed <number>', 'what is random follows from it', integer(0), 1)
    .option('--quick', `${quick}`)
    .addOption(jsonOption('the summary'));
}

async function runConsistency(options: ConsistencyCliOptions, io: CliIo): Promise<void> {
  const { runColdStarts, runConsistencyLab } = await import('../lab/consistency/index.ts');
  const { coldStarts } = options;
  if (coldStarts !== undefined) {
    await runLab('cold-starts', options, io, (folder) =>
      runColdStarts({
        starts: options.quick === true ? 1 : coldStarts,
        seed: options.seed,
        folder,
        onStart: (what, ms) => void io.stderr.write(`${what}: ${Math.round(ms)} ms\n`),
      }),
    );
    return;
  }
  await runLab('consistency', options, io, (folder) =>
    runConsistencyLab({
      ...options,
      ...(options.quick === true ? { runs: 1, speed: 3, parallel: 1 } : {}),
      folder,
      serverCommand: options.serverCommand?.split(' ').filter((word) => word !== '') ?? null,
      onRun: (result) => {
        const verdict = result.verdict.isExcused ? `Failure, excused: ${result.verdict.excuse ?? ''}` : result.verdict.result;
        const why = result.verdict.isExcused ? '' : result.verdict.reasons.map((reason) => `\n  ${reason}`).join('');
        io.stderr.write(`seed ${result.seed}: ${verdict}, ${result.putsAnswered} of ${result.putsSent} puts answered${why}\n`);
      },
    }),
  );
}

/** Runs a lab, leaves its report, prints what it found. Exit code 1 when a check does not hold. */
async function runLab(lab: string, options: LabOptions, io: CliIo, run: (folder: string) => Promise<LabResult>): Promise<void> {
  const { defaultFolder, writeReport } = await import('../lab/report/report.ts');
  const startedMs = Date.now();
  const folder = options.output ?? defaultFolder(lab, startedMs);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot write the report to ${folder}: ${reasonOf(error)}`, {}, { cause: error });
  }
  const interrupt = io.interrupt();
  const interrupted = new Promise<never>((_, reject) => {
    const stop = (): void => {
      reject(new LogError('interrupted', `Cannot finish the lab: interrupted; what was measured so far is in ${folder}`));
      // The lab is in the middle of its pauses and connections. The processes that it started end with this one.
      setTimeout(() => process.exit(exitCodes.interrupted), 50);
    };
    interrupt.addEventListener('abort', stop, { once: true });
  });
  const result = await Promise.race([run(folder), interrupted]);
  const summary = writeReport(result, { folder, version: version(), startedMs });
  const failed = summary.checks.filter((each) => !each.ok);
  await write(io.stdout, options.json === true ? `${JSON.stringify(summary)}\n` : formatSummary(summary.results, summary.checks, folder));
  if (failed.length > 0) throw new ExitWith(exitCodes.failed);
}

const checkColumns = ['', 'check', 'expected', 'got'];

function formatSummary(results: LabResult['results'], checks: LabResult['checks'], folder: string): string {
  const columns = [...new Set(results.flatMap((result) => Object.keys(result)))].filter((column) =>
    results.some((result) => (result[column] ?? '') !== ''),
  );
  const rows = results.map((result) => columns.map((column) => String(result[column] ?? '')));
  const checkRows = checks.map((each) => [each.ok ? 'ok' : 'FAILED', each.name, each.expected, each.got]);
  const left = (names: readonly string[]): 'left'[] => names.map(() => 'left');
  return `${table(columns, rows, left(columns))}\n${table(checkColumns, checkRows, left(checkColumns))}\nReport: ${folder}/report.html\n`;
}

/** Beyond 3 the servers' timeouts would no longer fit the client's pauses. */
function factor(text: string): number {
  const value = /^\d(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= 3) return value;
  throw new InvalidArgumentError('It is a number from 1 to 3.');
}
