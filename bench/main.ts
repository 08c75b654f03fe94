/** `npm run bench`: what an append costs on three brokers, next to what the machine allows and to what others need, measured in the same run. */
import module from 'node:module';
import { tmpdir } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../src/base/errors.ts';
import { shellWord } from '../src/base/shell-word.ts';
import { addExamples } from '../src/cli/command.ts';
import { integer, jsonOption } from '../src/cli/options.ts';
import { writeRun, writeSection } from './document.ts';
import { profileAppends } from './profile/index.ts';
import { formatRun, reportRun } from './report.ts';
import { runScenarios } from './run.ts';
import { scenarios } from './scenarios/index.ts';

interface Options {
  readonly only?: readonly string[];
  readonly quick?: boolean;
  readonly seconds?: number;
  readonly rounds?: number;
  readonly kills?: number;
  readonly replicas: number;
  readonly big?: boolean;
  readonly bigMb: number;
  readonly soak?: number;
  readonly grep?: boolean;
  readonly profile?: boolean;
  readonly dir: string;
  readonly output?: string;
  readonly note?: string;
  readonly json?: boolean;
  readonly write?: boolean;
}

// As `cairn` does: a broker's start is not the compiler's.
module.enableCompileCache();

const list = scenarios.map(
  ({ name, about, onlyWhenNamed }) => `  ${name.padEnd(13)} ${about}${onlyWhenNamed === true ? ' (only when asked for)' : ''}`,
);

const bigMbWhole = 10_000;
const soakMinutesWhole = 10;

const program = new Command('npm run bench --')
  .description(
    'What an append costs on three brokers, each a process with a disk of its own that syncs before it counts, next to what the machine allows (a bare replication loop without ' +
      'Raft) and to what others need (etcd and NATS JetStream: the newest, once `npm run bench:peers` has built them, and those installed), measured in the same run. Everything that was acknowledged is read back and counted; a ' +
      'difference is exit code 1. All parties and the load share the machine: run it when nothing else does.',
  )
  .option('--only <scenario,...>', 'these and no others', names)
  .option('--quick', 'a second of each, once: to see that it runs, not to quote')
  .option('--seconds <count>', 'how long each party is measured in each round (default: 3)', integer(1, 3600))
  .option('--rounds <count>', 'how often each party is measured; the median counts (default: 3)', integer(1, 99))
  .option('--replicas <count>', 'how many brokers, processes of the bare loop, members of each peer', integer(1, 9), 3)
  .option('--kills <count>', 'leaders killed by the scenario failover (default: 15)', integer(1, 1000))
  .option('--big', 'measure only a log of 10 GB: some minutes, and 32 GB of disk')
  .option('--big-mb <megabytes>', 'size of the log of --big', integer(100, 1_000_000), bigMbWhole)
  .option('--soak <minutes>', 'only full load for so long, with the memory over time', integer(1, 10_000))
  .option('--grep', 'only searches: files, a topic, next to appends; some minutes, and 5 GB of disk')
  .option('--profile', 'only where the time of an append goes')
  .option('--write', 'write the tables of what was measured into docs/performance.md')
  .option('--dir <folder>', 'on the disk to measure: data goes there and is removed', tmpdir())
  .option('-o, --output <folder>', 'leave report.html and summary.json there, and the profiles of --profile')
  .option('--note <text>', 'a sentence to write below every graph of that report')
  .addOption(jsonOption('the figures'))
  .addHelpText('after', `\nScenarios:\n${list.join('\n')}`);
addExamples(program, [
  { command: 'npm run bench', does: 'everything but --big, --soak, --grep and --profile: about nine minutes' },
  { command: 'npm run bench -- --only inside-256,http-64', does: 'two scenarios' },
  { command: 'npm run bench -- --quick --only http-64', does: 'a first look in seconds' },
  { command: 'npm run bench -- -o figures --json', does: 'a report to keep, and figures for a program' },
  { command: 'npm run bench -- --only limit --replicas 5', does: 'the bare loop alone, five processes' },
  { command: 'npm run bench -- --soak 10', does: 'ten minutes at full load' },
  { command: 'npm run bench -- --grep', does: 'how quickly files and topics are searched' },
  { command: 'npm run bench -- --profile --write', does: 'where the time goes, into docs/performance.md' },
]);
const typed = ['npm', 'run', 'bench', '--', ...process.argv.slice(2)].map(shellWord).join(' ');
program.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : exitCodes.usage));
program.parse();

const options = program.opts<Options>();
if (options.write === true && (options.only !== undefined || options.quick === true)) {
  program.error('error: --write writes what all scenarios gave: leave out --only and --quick', { exitCode: exitCodes.usage });
}
if (options.write === true && (options.bigMb < bigMbWhole || (options.soak ?? soakMinutesWhole) < soakMinutesWhole)) {
  program.error(`error: --write writes what is measured whole: at least ${bigMbWhole} MB, at least ${soakMinutesWhole} minutes`, {
    exitCode: exitCodes.usage,
  });
}
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const quick = options.quick === true;
const settings = {
  brokers: options.replicas,
  recordBytes: 100,
  measureMs: (options.seconds ?? (quick ? 1 : 3)) * 1000,
  warmUpMs: quick ? 500 : 1000,
  rounds: options.rounds ?? (quick ? 1 : 3),
  kills: options.kills ?? (quick ? 2 : 15),
  bigBytes: options.bigMb * 1e6,
  soakMs: (options.soak ?? 1) * 60_000,
  fileBytes: quick ? 6e6 : 60e6,
  topicBytes: quick ? 64e6 : 1e9,
  folder: options.dir,
  say,
};
const searches = scenarios.filter(({ section }) => section === 'grep').map(({ name }) => name);
const asked = [
  ...(options.only ?? []),
  ...(options.big === true ? ['big'] : []),
  ...(options.soak === undefined ? [] : ['soak']),
  ...(options.grep === true ? searches : []),
];
const chosen =
  asked.length === 0 ? scenarios.filter((each) => each.onlyWhenNamed !== true) : scenarios.filter((each) => asked.includes(each.name));

// Whatever was started ends with this process: its listeners to `exit` see to that, and there are many.
process.setMaxListeners(100);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(exitCodes.interrupted));
try {
  if (options.profile === true) {
    const text = await profileAppends(settings, options.output ?? null);
    if (options.write === true) writeSection('profile', text);
    process.stdout.write(text);
  } else {
    const run = await runScenarios(chosen, settings);
    if (options.write === true) writeRun(run, scenarios);
    if (options.output !== undefined) say(`Report: ${await reportRun(run, options.output, typed, options.note)}`);
    process.stdout.write(options.json === true ? `${JSON.stringify(run)}\n` : formatRun(run));
    process.exitCode = run.ok ? 0 : 1;
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// A scenario that failed may have left connections open.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
process.exit();

function names(text: string): readonly string[] {
  const given = text.split(',').map((name) => name.trim());
  const unknown = given.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no scenario "${unknown}".`);
  return given;
}
