/** A run of the bench for people: on the terminal, and as report.html through the labs' report. */
import { table } from '../src/cli/table.ts';
import { packageVersion } from '../src/system/package.ts';
import { check, type Figure, writeReport } from '../src/lab/report/index.ts';
import { digits, type Row } from './figures.ts';
import { type BenchRun, isWhole, type ScenarioRun } from './run.ts';

const about =
  'What an append costs on brokers that are processes with disks of their own and sync before they count, next to a bare replication loop without Raft and next to etcd and NATS JetStream, where installed, measured in turn in one run. The load shares the machine. Every row is the median of its rounds. Everything acknowledged was read back and counted.';

export function formatRun(run: BenchRun): string {
  const { machine } = run;
  const parts = [
    `machine   ${machine.cores} cores, ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}`,
    `settings  ${Object.entries(settingsOf(run))
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(', ')}`,
    ...run.scenarios.map(formatScenario),
    `${verdictOf(run)} It took ${Math.round(run.tookMs / 1000)} s.`,
  ];
  return `${parts.join('\n')}\n`;
}

function formatScenario(scenario: ScenarioRun): string {
  const { name, rows, targets, counts, notes, failure } = scenario;
  const lines = [`\n${name}: ${scenario.about}`];
  if (failure !== null) lines.push(`  FAILED: ${failure}`);
  if (rows.length > 0) lines.push(indent(formatRows(rows)));
  for (const { met, name: what, expected, got } of targets) lines.push(`  ${met ? 'reached' : 'MISSED '}  ${what}: ${got} (${expected})`);
  for (const count of counts) {
    const { of, acknowledged, readBack } = count;
    lines.push(`  ${isWhole(count) ? 'whole  ' : 'DIFFERS'}  ${of}: ${digits(readBack)} read back of ${digits(acknowledged)} acknowledged`);
  }
  for (const note of notes) lines.push(`  note     ${note}`);
  return lines.join('\n');
}

function formatRows(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => name !== 'scenario');
  const isNumeric = (name: string): boolean => rows.some((row) => typeof row[name] === 'number');
  return table(
    columns,
    rows.map((row) => columns.map((name) => shown(row[name] ?? null))),
    columns.map((name) => (isNumeric(name) ? 'right' : 'left')),
  );
}

const shown = (value: Figure): string => (value === null ? '-' : typeof value === 'number' ? digits(value) : String(value));

const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');

function verdictOf(run: BenchRun): string {
  const targets = run.scenarios.flatMap((scenario) => scenario.targets);
  const missed = targets.filter((target) => !target.met).length;
  const reached = targets.length === 0 ? '' : ` ${targets.length - missed} of ${targets.length} targets are reached.`;
  const wrong = run.scenarios.filter((scenario) => scenario.failure !== null || !scenario.counts.every(isWhole)).map(({ name }) => name);
  return run.ok ? `\nAll that was acknowledged was read back.${reached}` : `\nNOT GOOD: ${wrong.join(', ')}.${reached}`;
}

/** Writes the report and returns where it is. `repeat` is what was typed. */
export async function reportRun(run: BenchRun, folder: string, repeat: string, note?: string): Promise<string> {
  await writeReport(
    {
      lab: 'bench',
      command: 'npm run bench',
      about,
      settings: settingsOf(run),
      results: run.scenarios.flatMap((scenario) => scenario.rows),
      targets: run.scenarios.flatMap((scenario) =>
        scenario.targets.map(({ name, expected, got, met }) => ({ name, expected, got, ok: met })),
      ),
      checks: [
        ...run.scenarios.map(({ name, failure }) => check(`${name} came to its end`, failure === null, 'yes', failure ?? 'yes')),
        ...run.scenarios.flatMap(({ counts }) =>
          counts.map((count) => check(`read back of ${count.of}`, isWhole(count), digits(count.acknowledged), digits(count.readBack))),
        ),
      ],
      graphs: run.scenarios.flatMap((scenario) => scenario.graphs),
    },
    { folder, version: packageVersion(), startedMs: run.startedMs, repeat, ...(note === undefined ? {} : { note }) },
  );
  return `${folder}/report.html`;
}

function settingsOf({ settings, loadBefore }: BenchRun): Record<string, Figure> {
  const { brokers, recordBytes, measureMs, warmUpMs, rounds } = settings;
  return {
    brokers,
    level: 'quorum',
    'record bytes': recordBytes,
    rounds,
    'seconds each': measureMs / 1000,
    'seconds of warming up': warmUpMs / 1000,
    'load average before': loadBefore,
  };
}
