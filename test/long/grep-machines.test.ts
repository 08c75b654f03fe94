// Ten machines, each a process that only searches, asked from an eleventh: every option alone and in pairs as GNU grep has it on each file by itself.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { runGrep } from '../support/grep-rig.ts';
import { makeLog } from '../support/grep-logs.ts';
import { eachPattern, fileOptions, isAskedOf } from '../support/grep-options.ts';
import { grepByHand, type SearchProcesses, startSearchProcesses } from '../support/search-processes.ts';
import { report, seedsWithinBudget } from './budget.ts';

let machines: SearchProcesses;
let random: SeededRandom;

/** Ten processes start; a machine may be busy. */
const startMsMax = 600_000;

beforeAll(async () => {
  random = new SeededRandom(Number(process.env['LONG_SEED'] ?? '1'));
  machines = await startSearchProcesses(
    Array.from({ length: 10 }, (_, index) => ({
      'a.log': makeLog(random, { machine: index + 1, lines: 40, isHostile: true, wordsMax: 500 }),
      'b.log': makeLog(random, { machine: index + 1, lines: 40, isHostile: false }),
      ...(index % 3 === 0 ? { 'empty.log': '' } : {}),
      // A line of 1 MB, whose end is missing.
      ...(index === 9 ? { 'long.log': `short\n${'long '.repeat(200_000)}everywhere` } : {}),
    })),
  );
}, startMsMax);
afterAll(() => machines.end());

async function check(args: readonly string[]): Promise<void> {
  const [ours, theirs] = [await runGrep([...args, '--files', 'app', '--on', machines.on]), grepByHand(args, machines.all)];
  const said = `cairn grep ${JSON.stringify(args)}`;
  expect(ours.stdout.toString('latin1') === theirs.stdout, `${said} prints the same`).toBe(true);
  expect(ours.status, `${said}: ${ours.stderr}`).toBe(theirs.status);
  expect(ours.stderr.includes('No answer'), `${said}: ${ours.stderr}`).toBe(false);
}

test('every option alone', async () => {
  for (const option of fileOptions) await check([...option, ...(eachPattern[random.below(eachPattern.length)] as readonly string[])]);
});

test('options in pairs, in an order drawn by lot', async () => {
  const pairs = fileOptions.flatMap((first) => fileOptions.map((second) => [...first, ...second])).filter(isAskedOf);
  let count = 0;
  for (const _seed of seedsWithinBudget({ countMax: pairs.length })) {
    const [pair] = pairs.splice(random.below(pairs.length), 1);
    await check([...(pair as string[]), ...(eachPattern[random.below(eachPattern.length)] as readonly string[])]);
    count++;
  }
  report(`pairs of grep's options on ten machines: ${count} of ${fileOptions.length ** 2}`);
});
