// What the table of equals lets ripgrep do, ripgrep does as GNU grep does: patterns drawn by lot from the language that the table allows, and some that it
// must not allow, over logs with everything in them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { grep, oracle, type SearchMachine, startMachine } from '../support/grep-rig.ts';
import { makeLog } from '../support/grep-logs.ts';
import { report, seedsWithinBudget } from './budget.ts';

const flags: readonly (readonly string[])[] = [
  [],
  ['-n'],
  ['-c'],
  ['-v'],
  ['-x'],
  ['-l'],
  ['-o'],
  ['-b'],
  ['-m', '2'],
  ['-C1'],
  ['-h', '-A1'],
  ['-Z', '-n'],
  ['-i'],
  ['-q'],
  ['-vc'],
  ['-nb'],
]; // prettier-ignore
let machine: SearchMachine;

beforeAll(async () => {
  const random = new SeededRandom(5);
  machine = await startMachine('m1', { 'a.log': makeLog(random, { machine: 1, lines: 200, isHostile: true, wordsMax: 50 }) });
});
afterAll(() => machine.close());

test('ripgrep selects what GNU grep selects', async () => {
  let byRipgrep = 0;
  let count = 0;
  for (const seed of seedsWithinBudget({ countMax: 4000 })) {
    const random = new SeededRandom(seed);
    const isExtended = random.below(2) === 0;
    const pattern = expression(random, isExtended, 0);
    const flag = flags[random.below(flags.length)] as readonly string[];
    const args = [...flag, isExtended ? '-E' : '-G', '-e', pattern];

    const [ours, theirs] = [await grep([...args, '--stats'], [machine]), oracle(args, [machine], ['a.log'])];

    const said = `seed ${seed}: cairn grep ${JSON.stringify(args)}`;
    expect(ours.stdout.toString('latin1'), said).toBe(theirs.stdout.toString('latin1'));
    expect(ours.status, `${said}: ${ours.stderr}`).toBe(theirs.status);
    count++;
    if (ours.stderr.includes('by ripgrep')) byRipgrep++;
  }
  report(`ripgrep and GNU grep: ${count} searches equal, ${byRipgrep} by ripgrep`);
  // A table that lets nothing through would be equal too.
  expect(byRipgrep).toBeGreaterThan(count / 10);
});

/** A regular expression of either dialect, mostly of the part that both programs share. */
function expression(random: SeededRandom, isExtended: boolean, depth: number): string {
  const pieces: string[] = [];
  for (let count = 1 + random.below(3); count > 0; count--) pieces.push(atom(random, isExtended, depth) + repetition(random, isExtended));
  const text = pieces.join('');
  if (random.below(6) === 0) return `${text}${isExtended ? '|' : '\\|'}${atom(random, isExtended, depth)}`;
  if (depth > 0) return text;
  return `${random.below(8) === 0 ? '^' : ''}${text}${random.below(8) === 0 ? '$' : ''}`;
}

const words = [
  'ever',
  'e',
  'uni',
  'que',
  '0',
  ' ',
  '-',
  ':',
  '=',
  'y',
  'long',
  'f',
  'x',
  'Z',
  '\\.',
  '\\*',
  '/',
  '"',
  'ß',
  '{',
  '+',
  '&&',
  '~',
  '#',
  '<',
  '\\w',
  ',',
];
const brackets = [
  '[a-z]',
  '[^a-z]',
  '[0-9]',
  '[A-Z0-9]',
  '[^ ]',
  '[abc.]',
  '[-x]',
  '[x-]',
  '[]a]',
  '[[:digit:]]',
  '[^:]',
  '[&&~~--]',
  '[e^]',
  '[a-f0-9=]',
  '[ß]',
];

function atom(random: SeededRandom, isExtended: boolean, depth: number): string {
  const draw = random.below(10);
  if (draw < 6) return words[random.below(words.length)] as string;
  if (draw < 8) return brackets[random.below(brackets.length)] as string;
  if (draw < 9 || depth > 2) return '.';
  const inner = expression(random, isExtended, depth + 1);
  return isExtended ? `(${inner})` : `\\(${inner}\\)`;
}

function repetition(random: SeededRandom, isExtended: boolean): string {
  const backslash = isExtended ? '' : '\\';
  switch (random.below(12)) {
    case 0:
      return '*';
    case 1:
      return `${backslash}+`;
    case 2:
      return `${backslash}?`;
    case 3:
      return `${backslash}{${random.below(3)},${2 + random.below(3)}${backslash}}`;
    case 4:
      return `${backslash}{2${backslash}}`;
    case 5:
      return `${backslash}{1,${backslash}}`;
    default:
      return '';
  }
}
