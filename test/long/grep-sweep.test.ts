// Every option of GNU grep alone and in pairs, over several kinds of patterns and logs that have everything in them, on several machines: what is printed
// and the exit status are those of GNU grep on each file by itself, byte for byte.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeLog } from '../support/grep-logs.ts';
import { eachPattern as patterns, fileOptions as options, isAskedOf } from '../support/grep-options.ts';
import { grep, oracle, type SearchMachine, startMachine } from '../support/grep-rig.ts';
import { report, seedsWithinBudget } from './budget.ts';

const files = ['a.log', 'b.log', 'empty.log'];
let machines: SearchMachine[] = [];
let random: SeededRandom;

beforeAll(async () => {
  random = new SeededRandom(Number(process.env['LONG_SEED'] ?? '1'));
  const log = (machine: number, isHostile: boolean): Buffer => makeLog(random, { machine, lines: 60, isHostile, wordsMax: 2_000 });
  machines = await Promise.all(
    [1, 2].map((machine) => startMachine(`m${machine}`, { 'a.log': log(machine, true), 'b.log': log(machine, false), 'empty.log': '' })),
  );
});
afterAll(() => Promise.all(machines.map((machine) => machine.close())));

async function check(args: readonly string[]): Promise<void> {
  const [ours, theirs] = [await grep(args, machines), oracle(args, machines, files)];
  const said = `cairn grep ${JSON.stringify(args)}`;
  expect(ours.stdout.toString('latin1'), said).toBe(theirs.stdout.toString('latin1'));
  expect(ours.status, `${said}: ${ours.stderr}`).toBe(theirs.status);
}

test('every option alone', async () => {
  for (const option of options) for (const pattern of patterns) await check([...option, ...pattern]);
});

test('options in pairs, in an order drawn by lot', async () => {
  const pairs = options.flatMap((first) => options.map((second) => [...first, ...second])).filter(isAskedOf);
  let count = 0;
  for (const _seed of seedsWithinBudget({ countMax: pairs.length })) {
    const [pair] = pairs.splice(random.below(pairs.length), 1);
    const pattern = patterns[random.below(patterns.length)] as readonly string[];
    await check([...(pair as string[]), ...pattern]);
    count++;
  }
  report(`pairs of grep's options: ${count} of ${options.length ** 2}`);
});
