/**
 * Logs on four machines, searched from a fifth, next to ripgrep and GNU grep by hand on the same files; then with one machine dead. What is asked and how is
 * that of `cairn lab grep`; here stand the ratios that were asked for, taken within a round.
 */
import { type Allowance, allowancesFor } from '../../src/lab/grep/allowances.ts';
import { SearchMachines } from '../../src/lab/grep/machines.ts';
import { type Dead, heldAgainst, keyOf, measure, type Measured, measureDead } from '../../src/lab/grep/measure.ts';
import { commandName, findParties, grepName, requestName, ripgrepName } from '../../src/lab/grep/parties.ts';
import { modeOf, printsMuch, type Question, questions } from '../../src/lab/grep/questions.ts';
import { runPiped } from '../../src/lab/grep/piped.ts';
import { atMost, median, type Row, type Target } from '../figures.ts';
import type { Scenario } from '../scenario.ts';
import { build } from '../searches/built.ts';

const scenario = 'grep-files';
const machineCount = 4;
const seed = 1;
/** Rounds are short here: the shares of chance are bought down with more of them. */
const trialsForEachRound = 3;
const connectMs = 1_000;
const startMs = 90;

export const grepFilesScenario: Scenario = {
  name: scenario,
  about: 'files of four machines searched from a fifth, next to ripgrep and GNU grep by hand on the same files; with one machine dead',
  onlyWhenNamed: true,
  section: 'grep',
  run: async (world) => {
    const { rounds, fileBytes, folder, say } = world.settings;
    await world.quiet();
    build(say);
    say(`${scenario}: writing ${machineCount} logs of ${fileBytes / 1e6} MB`);
    const machines = await SearchMachines.start({ machines: machineCount, bytes: fileBytes, seed, parent: folder });
    try {
      const trials = rounds * trialsForEachRound;
      const parties = await findParties();
      const measured = await measure(machines, parties, { trials, seed, say: (line) => say(`${scenario}: ${line.toLowerCase()}`) });
      const starts = await measureStarts(machines, trials);
      const { asked, wrong } = heldAgainst(machines.all, measured);
      say(`${scenario}: the same with one machine dead`);
      const dead = await measureDead(machines, parties, rounds);
      return {
        rows: [...questions.map((question) => rowOf(question, measured)), ...starts, ...dead.map(deadRow)],
        targets: [...targetsOf(measured), ...dead.map((each) => deadTarget(each, measured))],
        counts: [{ of: `${scenario}, answers that were held against what was written`, acknowledged: asked, readBack: asked - wrong }],
        notes: dead
          .filter(({ isNamed, isRestWhole }) => !isNamed || !isRestWhole)
          .map(({ how }) => `with a machine ${how} the answer was wrong`),
      };
    } finally {
      await machines.end();
    }
  },
};

const timesOf = ({ trials }: Measured, question: Question, party: string): readonly number[] => trials[keyOf(question, party)] ?? [];

const middle = (values: readonly number[]): number | null => (values.length === 0 ? null : median(values));

function rowOf(question: Question, measured: Measured): Row {
  const [request, command, ripgrep, grep] = [requestName, commandName, ripgrepName, grepName].map((party) =>
    timesOf(measured, question, party),
  );
  const ratio = (other: readonly number[] | undefined): number | null =>
    middle((request ?? []).flatMap((ms, round) => (other?.[round] === undefined ? [] : [ms / other[round]])));
  return {
    ...emptyRow(`${question.name}, ${modeOf(question)}`),
    'request ms': middle(request ?? []),
    'command ms': middle(command ?? []),
    'ripgrep ms': middle(ripgrep ?? []),
    'GNU grep ms': middle(grep ?? []),
    'request to ripgrep': ratio(ripgrep),
    'request to GNU grep': ratio(grep),
  };
}

/** Of what a command's start is made. */
async function measureStarts({ children, folder }: SearchMachines, trials: number): Promise<readonly Row[]> {
  const cairn = new URL('../../bin/cairn.mjs', import.meta.url).pathname;
  const starts: readonly (readonly [string, readonly string[]])[] = [
    ['node that does nothing', ['-e', '0']],
    ['cairn --version', [cairn, '--version']],
    ['cairn grep --version', [cairn, 'grep', '--version']],
    ['cairn append --help', [cairn, 'append', '--help']],
  ];
  const times = starts.map((): number[] => []);
  for (let trial = 0; trial <= trials; trial++) {
    for (const [index, [, args]] of starts.entries()) {
      const { ms } = await runPiped(children, { command: process.execPath, args, env: process.env, folder });
      if (trial > 0) times[index]?.push(ms);
    }
  }
  return starts.map(([name], index) => ({ ...emptyRow(`(${name})`), 'command ms': middle(times[index] ?? []) }));
}

const deadRow = ({ how, spread }: Dead): Row => ({
  ...emptyRow(`${questions[0]?.name ?? ''}, -c, one machine ${how}`),
  'request ms': spread.mean,
});

const emptyRow = (lookedFor: string): Row => ({
  scenario,
  'looked for': lookedFor,
  'request ms': null,
  'command ms': null,
  'ripgrep ms': null,
  'GNU grep ms': null,
  'request to ripgrep': null,
  'request to GNU grep': null,
});

/** Of each kind the question that fares worst. */
function targetsOf(measured: Measured): readonly Target[] {
  const all = questions.flatMap((question) => allowancesOf(question, measured));
  const worst = (
    kind: Allowance['kind'],
    isOne: (question: Question) => boolean,
    value: (allowance: Allowance) => number,
  ): Worst | null => {
    const values = new Map<Question, number[]>();
    for (const { question, allowance } of all) {
      if (allowance.kind !== kind || !isOne(question)) continue;
      values.set(question, [...(values.get(question) ?? []), value(allowance)]);
    }
    const medians = [...values].map(([question, own]) => ({ name: `${question.name}, ${modeOf(question)}`, value: median(own) }));
    return medians.toSorted((a, b) => b.value - a.value)[0] ?? null;
  };
  const share = ({ ms, limitMs }: Allowance): number => ms / limitMs;
  const over = ({ ms, limitMs }: Allowance): number => ms - limitMs + startMs;
  const few = (question: Question): boolean => !printsMuch(question);
  const any = (): boolean => true;
  const [ofFew, ofMuch] = [worst('the request', few, share), worst('the request', printsMuch, share)];
  const ofCommand = worst('the whole command', any, over);
  const nextToGrep = [
    ['the request', worst('the request next to GNU grep by hand', any, share)],
    ['the whole command', worst('the whole command next to GNU grep by hand', any, share)],
  ] as const;
  return [
    target('files, counts and rare tokens: the request to 1.25 times ripgrep by hand and 15 ms', ofFew, 1),
    target('files, printing frequent lines: the request to 2.5 times ripgrep by hand', ofMuch, 1),
    target('files: the whole command over the request', ofCommand, startMs, ' ms'),
    ...nextToGrep.map(([what, found]) => target(`files: ${what} to GNU grep by hand, where that needs more than 150 ms`, found, 1)),
  ].filter((each) => each !== null);
}

interface Worst {
  readonly name: string;
  readonly value: number;
}

const target = (name: string, worst: Worst | null, most: number, unit = ''): Target | null =>
  worst === null ? null : atMost(`${name}; the worst, ${worst.name}`, worst.value, most, unit);

function allowancesOf(question: Question, measured: Measured): readonly { readonly question: Question; readonly allowance: Allowance }[] {
  const rounds = timesOf(measured, question, requestName);
  return rounds.flatMap((_, round) =>
    allowancesFor(question, (party) => timesOf(measured, question, party)[round] ?? null).map((allowance) => ({ question, allowance })),
  );
}

function deadTarget({ how, spread }: Dead, measured: Measured): Target {
  const whole = median(timesOf(measured, questions[0] as Question, requestName));
  return atMost(`files, one machine ${how}: later than with all of them`, spread.mean - whole, connectMs, ' ms');
}
