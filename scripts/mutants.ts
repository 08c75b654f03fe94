// `npm run mutants`: the program with one thing wrong, again and again, and which check says so.
//
// Each mutant of test/mutants is loaded in place of the file that it changes, in a process of its own, and runs seeds until a check that it names
// reports a violation. An exception, a crash or a timeout is no catch. Then the program as it is runs the same seeds, and must pass.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { findCommit } from '../src/lab/report/index.ts';
import { ask, type Asked } from '../test/mutants/ask.ts';
import { mutantById, mutants } from '../test/mutants/index.ts';
import { type How, type Mutant, root } from '../test/mutants/mutant.ts';
import { probeTitles } from '../test/mutants/probes.ts';
import { typecheckMutants } from '../test/mutants/typecheck.ts';
import { Estimate } from './estimate.ts';
import { paragraph } from './paragraph.ts';

const help = `Usage: npm run mutants -- [options]

  --only ID[,ID]   these mutants only
  --list           name all mutants and what is asked about each
  --max-seeds N    give up on a mutant after so many seeds (default 60)
  --timeout S      give up on a mutant after so many seconds (default 300)
  --jobs N         so many at a time (default 1)
  --json           a line of JSON for each
  --minutes N      begin nothing more after so long; with --state it goes on from there next time
  --state FILE     keep there what is known; only what is not is asked, as long as the program is the same
  --write          put the table into docs/testing/mutants.md, once all mutants are asked
  --typecheck      instead: compile each mutant
  --help           this text

Exit code 1 when a mutant is not caught, or when the program as it is does not pass the same seeds.
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    list: { type: 'boolean' },
    'max-seeds': { type: 'string' },
    timeout: { type: 'string' },
    jobs: { type: 'string' },
    json: { type: 'boolean' },
    minutes: { type: 'string' },
    state: { type: 'string' },
    write: { type: 'boolean' },
    typecheck: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

interface Row {
  readonly mutant: Mutant;
  readonly asked: Asked;
}

/** What is known of one program. */
interface State {
  /** Of its sources and of the mutants. */
  readonly digest: string;
  readonly asked: Record<string, Asked>;
  /** By how it is asked. */
  readonly unchanged: Record<string, Asked>;
}

const chosen = values.only === undefined ? mutants : values.only.split(',').map((id) => mutantById(id.trim()));
const timeoutMs = Number(values.timeout ?? '300') * 1000;
const document = path.join(root, 'docs', 'testing', 'mutants.md');
/** Of one that the last pass did not have. */
const expectedSeconds = 10;
const missed: Row[] = [];
const jobs = Number(values.jobs ?? '1');
const untilMs = performance.now() + Number(values.minutes ?? 'Infinity') * 60_000;

const tell = (text: string): void => {
  if (values.json !== true) console.error(`       ${text}`);
};

if (values.help === true) process.stdout.write(help);
else if (values.list === true) list();
else if (values.typecheck === true) process.exitCode = typecheckMutants(chosen, (line) => console.log(line)) ? 0 : 1;
else process.exitCode = await main();

function list(): void {
  for (const { id, title, expected, how } of chosen)
    console.log(`${id.padEnd(36)} ${title}\n${''.padEnd(36)} ${describeHow(how)}${expected.length > 0 ? `: ${expected.join(', ')}` : ''}`);
}

async function main(): Promise<number> {
  const state = readState();
  const expected = lastSeconds();
  const left = chosen.filter(({ id }) => state.asked[id] === undefined);
  const estimate = new Estimate(
    left.map(({ id }) => expected.get(id) ?? expectedSeconds),
    jobs,
  );
  await inParallel(left, async (mutant) => {
    const asked = await ask(mutant, { seedMax: Number(values['max-seeds'] ?? '60'), timeoutMs, isMutated: true });
    // One that was not caught is asked again next time.
    if (asked.check !== null) state.asked[mutant.id] = asked;
    else missed.push({ mutant, asked });
    keepState(state);
    show({ mutant, asked });
    tell(estimate.done(expected.get(mutant.id) ?? expectedSeconds, asked.seconds));
  });
  const rows = chosen.flatMap((mutant): Row[] => {
    const asked = state.asked[mutant.id];
    return asked === undefined ? [] : [{ mutant, asked }];
  });
  const notAsked = chosen.length - rows.length - missed.length;
  const { failed, notRun } = await runUnchanged(rows, state);
  const ofThem = failed === 0 ? 'passes the same seeds' : `fails ${failed} of them`;
  const caught = `${rows.length} of ${rows.length + missed.length} mutants caught${median(rows)}`;
  const summary = `${caught}; the program as it is ${ofThem}`;
  const open = notAsked + notRun === 0 ? '' : `; no time was left for ${notAsked} mutants and ${notRun} runs of the program as it is`;
  if (values.json !== true) console.log(`\n${summary}${open}`);
  const isWhole = values.only === undefined && missed.length + failed + notAsked + notRun === 0;
  if (values.write === true && isWhole) writeTable(rows, `${summary} (${describeCommit()})`);
  return missed.length > 0 || failed > 0 ? 1 : 0;
}

/** What is asked in the same way is asked once, for the most seeds that a mutant of it needed. */
async function runUnchanged(rows: readonly Row[], state: State): Promise<{ readonly failed: number; readonly notRun: number }> {
  const most = new Map<string, Row>();
  for (const row of rows) {
    const { how } = row.mutant;
    const key = how.by === 'test' ? how.file + how.title : JSON.stringify(how);
    if ((most.get(key)?.asked.seeds ?? 0) < row.asked.seeds) most.set(key, row);
  }
  const left = [...most].filter(([key, { asked }]) => (state.unchanged[key]?.seeds ?? 0) < asked.seeds);
  const estimate = new Estimate(
    left.map(([, { asked }]) => asked.seconds),
    jobs,
  );
  let failed = 0;
  let run = 0;
  await inParallel(left, async ([key, { mutant, asked }]) => {
    const unchanged = await ask(mutant, { seedMax: asked.seeds, timeoutMs: timeoutMs * 2, isMutated: false });
    const isWrong = unchanged.check !== null || unchanged.noVerdict !== null || unchanged.harnessErrors.length > 0;
    run++;
    if (isWrong) failed++;
    else state.unchanged[key] = { ...unchanged, seeds: asked.seeds };
    keepState(state);
    const problem =
      unchanged.check === null
        ? (unchanged.noVerdict ?? unchanged.harnessErrors.join('; '))
        : `${unchanged.check}: ${unchanged.message ?? ''}`;
    const line = { unchanged: describeHow(mutant.how), seeds: asked.seeds, seconds: round(unchanged.seconds), ok: !isWrong, problem };
    if (values.json === true) console.log(JSON.stringify(line));
    else
      console.log(
        `${isWrong ? 'WRONG ' : 'ok    '} unchanged, ${line.unchanged}, ${line.seeds} seeds, ${line.seconds} s${isWrong ? `: ${problem}` : ''}`,
      );
    tell(estimate.done(asked.seconds, unchanged.seconds));
  });
  return { failed, notRun: left.length - run };
}

/** By the table of the last pass. */
function lastSeconds(): ReadonlyMap<string, number> {
  const rows = readFileSync(document, 'utf8').matchAll(/^\| `([\w-]+)` \|.*\| \d+ \| ([\d.]+) \|[^|]*\|$/gm);
  return new Map([...rows].map(([, id = '', seconds = '']) => [id, Number(seconds)]));
}

function readState(): State {
  const digest = digestOfProgram();
  const fresh: State = { digest, asked: {}, unchanged: {} };
  if (values.state === undefined || !existsSync(values.state)) return fresh;
  const known = JSON.parse(readFileSync(values.state, 'utf8')) as State;
  if (known.digest === digest) return known;
  console.error(`The program has changed since ${values.state} was written: all of it is asked again`);
  return fresh;
}

function keepState(state: State): void {
  if (values.state !== undefined) writeFileSync(values.state, JSON.stringify(state));
}

function digestOfProgram(): string {
  const hash = createHash('sha256');
  for (const folder of ['src', 'test']) {
    const files = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    for (const file of files.toSorted()) hash.update(file).update(readFileSync(path.join(root, folder, file)));
  }
  return hash.digest('hex');
}

function describeCommit(): string {
  const commit = findCommit();
  return `one pass${commit === null ? '' : ` at ${commit}`}, ${jobs} at a time`;
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      const item = left.shift();
      if (item === undefined) return;
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

function show({ mutant, asked }: Row): void {
  const { check, message, seeds, seconds, others, noVerdict, harnessErrors } = asked;
  if (values.json === true) {
    console.log(
      JSON.stringify({
        id: mutant.id,
        title: mutant.title,
        caught: check !== null,
        check,
        message,
        seeds,
        seconds: round(seconds),
        how: describeHow(mutant.how),
        others,
        noVerdict,
        harnessErrors,
      }),
    );
    return;
  }
  const cost = `${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ${round(seconds)} s`;
  if (check !== null) console.log(`caught ${mutant.id}: ${check} (${cost})`);
  else
    console.log(
      `MISSED ${mutant.id} (${cost})${[noVerdict, ...harnessErrors, others.length > 0 ? `red instead: ${others.join(', ')}` : null]
        .filter((part) => part !== null)
        .map((part) => `\n       ${part}`)
        .join('')}`,
    );
}

function describeHow(how: How): string {
  if (how.by === 'probe') return probeTitles[how.probe];
  if (how.by === 'test') return `test "${how.title}"`;
  const { brokers = 3, minutes = 0.5, faults, settings, thinkMs } = how;
  const parts = [
    `${brokers} ${brokers === 1 ? 'broker' : 'brokers'}`,
    `${minutes} min`,
    faults === undefined ? 'all faults' : faults.length === 0 ? 'no faults' : faults.join(' + '),
  ];
  if (thinkMs !== undefined) parts.push(`a client pauses ${thinkMs} ms`);
  for (const [name, value] of Object.entries(settings ?? {})) parts.push(`${name} ${String(value)}`);
  return `simulator, ${parts.join(', ')}`;
}

function median(rows: readonly Row[]): string {
  const caught = rows.filter(({ asked }) => asked.check !== null);
  if (caught.length === 0) return '';
  const middle = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
  const seeds = middle(caught.map(({ asked }) => asked.seeds));
  const seconds = middle(caught.map(({ asked }) => asked.seconds));
  return `, median ${seeds} ${seeds === 1 ? 'seed' : 'seeds'} and ${round(seconds)} s`;
}

/** Keeps the table of docs/testing/mutants.md true. */
function writeTable(rows: readonly Row[], summary: string): void {
  const [begin, end] = ['<!-- mutants: written by `npm run mutants -- --write` -->', '<!-- end of mutants -->'];
  const text = readFileSync(document, 'utf8');
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error('Cannot write the table of mutants: docs/testing/mutants.md has no marks for it');
  const lines = rows.map(
    ({ mutant, asked }) =>
      `| \`${mutant.id}\` | ${mutant.title} | ${asked.check ?? ''} | ${asked.seeds} | ${round(asked.seconds)} | ${describeHow(mutant.how)} |`,
  );
  const table = ['| mutant | what is wrong | caught by | seeds | seconds | asked |', '|---|---|---|---|---|---|', ...lines].join('\n');
  const sentence = paragraph(`${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.`).join('\n');
  writeFileSync(document, `${text.slice(0, from)}${begin}\n\n${sentence}\n\n${table}\n\n${text.slice(to)}`);
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
