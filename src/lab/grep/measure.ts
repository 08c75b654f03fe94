/** Every question asked of every party, in random order, round by round; then with one machine dead. */
import { SeededRandom } from '../../base/random.ts';
import type { Token } from './logs.ts';
import type { LoggedMachine, SearchMachines } from './machines.ts';
import { type Answered, type Party, requestName } from './parties.ts';
import { modeOf, type Question, questions } from './questions.ts';
import { type Spread, spreadOf } from './statistics.ts';

export interface MeasureOptions {
  readonly trials: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export const keyOf = (question: Question, party: string): string => `${question.name} ${modeOf(question)} ${party}`;

export interface Measured {
  /** Milliseconds of each trial, by `keyOf`. */
  readonly trials: Readonly<Record<string, readonly number[]>>;
  readonly spread: (question: Question, party: string) => Spread;
  /** The last answer of each question to the client that runs. */
  readonly reports: ReadonlyMap<Question, NonNullable<Answered['report']>>;
  readonly exitCodes: ReadonlyMap<string, ReadonlySet<number | null>>;
}

export async function measure(
  machines: SearchMachines,
  parties: readonly Party[],
  { trials, seed, say }: MeasureOptions,
): Promise<Measured> {
  const random = new SeededRandom(seed);
  const times: Record<string, number[]> = {};
  const reports = new Map<Question, NonNullable<Answered['report']>>();
  const exitCodes = new Map<string, Set<number | null>>();
  const cells = questions.flatMap((question) => parties.map((party) => ({ question, party })));
  for (let round = 0; round <= trials; round++) {
    say(round === 0 ? 'Warming up' : `Round ${round} of ${trials}`);
    for (const { question, party } of shuffled(cells, random)) {
      const { ms, exitCode, report } = await party.ask(question, machines);
      const key = keyOf(question, party.name);
      exitCodes.set(key, (exitCodes.get(key) ?? new Set()).add(exitCode));
      if (report !== null) reports.set(question, report);
      // The first of each is a warm-up.
      if (round > 0) (times[key] ??= []).push(ms);
    }
  }
  return { trials: times, spread: (question, party) => spreadOf(times[keyOf(question, party)] ?? []), reports, exitCodes };
}

function shuffled<Item>(items: readonly Item[], random: SeededRandom): Item[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0] as Item);
}

export interface Dead {
  readonly how: string;
  readonly spread: Spread;
  readonly isNamed: boolean;
  readonly isRestWhole: boolean;
  readonly exitCodes: ReadonlySet<number | null>;
}

/** The last machine is killed; then in its place an address that takes no connection and refuses none, which costs the whole connect timeout. */
export async function measureDead(machines: SearchMachines, parties: readonly Party[], trials: number): Promise<readonly Dead[]> {
  const party = parties.find(({ name }) => name === requestName) as Party;
  const question = questions[0] as Question;
  const last = machines.all.at(-1) as LoggedMachine;
  await machines.kill(machines.all.length - 1);
  const killed = await askWithout('killed', question, party, machines, trials);
  machines.all[machines.all.length - 1] = { ...last, machine: { name: last.name, origin: `http://${await machines.silentAddress()}` } };
  return [killed, await askWithout('without power', question, party, machines, trials)];
}

async function askWithout(how: string, question: Question, party: Party, machines: SearchMachines, trials: number): Promise<Dead> {
  const times: number[] = [];
  const exitCodes = new Set<number | null>();
  let [isNamed, isRestWhole] = [true, true];
  for (let trial = 0; trial < trials; trial++) {
    const { ms, exitCode, report } = await party.ask(question, machines);
    times.push(ms);
    exitCodes.add(exitCode);
    const answers = report?.machines ?? [];
    isNamed &&= answers.at(-1)?.problem !== null;
    isRestWhole &&= answers.slice(0, -1).every(({ parts, problem }, index) => {
      const expected = machines.all[index]?.written.counts[question.name as Token];
      return problem === null && parts[0]?.selected === expected;
    });
  }
  return { how, spread: spreadOf(times), isNamed, isRestWhole, exitCodes };
}

/** Answers of machines to the client that runs, held against what was written to their logs. */
export function heldAgainst(machines: readonly LoggedMachine[], { reports }: Measured): { readonly asked: number; readonly wrong: number } {
  let [asked, wrong] = [0, 0];
  for (const [question, report] of reports) {
    for (const [index, { parts }] of report.machines.entries()) {
      // No word but a token begins as the expression does.
      if (question.name === 'expression') continue;
      asked++;
      if (parts[0]?.selected !== machines[index]?.written.counts[question.name as Token]) wrong++;
    }
  }
  return { asked, wrong };
}
