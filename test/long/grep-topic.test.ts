// The lines of a log as records of a topic of a real broker: every option alone and in pairs prints what GNU grep prints of the file with these lines.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { appendDefaults, batchOf } from '../../src/client/index.ts';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { makeLog } from '../support/grep-logs.ts';
import { eachPattern, fileOptions, hostilePatterns, isAskedOf } from '../support/grep-options.ts';
import { runGrep } from '../support/grep-rig.ts';
import { runGrepOn } from '../support/search-processes.ts';
import { report, seedsWithinBudget } from './budget.ts';

/** About the bytes of a file: a topic has neither. */
const ofFilesOnly = new Set(['-b', '-z']);
const options = fileOptions.filter(([name = '']) => !ofFilesOnly.has(name));
/** GNU grep makes numbers in front of a tab as wide as the size of the file asks for; a topic has none, so they are as wide as for a pipe. */
const hasWidthOfFile = (pair: readonly string[]): boolean => pair.includes('-T') && pair.includes('-n');
let brokers: LabBrokers;
let folder: string;
let label: string;
let random: SeededRandom;

beforeAll(async () => {
  random = new SeededRandom(Number(process.env['LONG_SEED'] ?? '1'));
  brokers = await LabBrokers.start({ count: 1 });
  const text = makeLog(random, { machine: 1, lines: 400, isHostile: true, wordsMax: 2_000 }).toString('latin1');
  const lines = text.split('\n').map((line) => Buffer.from(line, 'latin1'));
  const client = brokers.client();
  await client.createTopic('lines', { retentionBytes: null });
  // The first offset is that of the leader's own record, so that a line has its number for an offset.
  let next = 1;
  for (let from = 0; from < lines.length; from += 50) {
    const batch = batchOf(lines.slice(from, from + 50).map((value) => ({ value })));
    const { offset, count } = await client.append({ ...appendDefaults, topic: 'lines', batch });
    if (offset !== next) throw new Error(`a batch got offset ${offset} in place of ${next}`);
    next += count;
  }
  client.close();
  label = `${new URL(brokers.url(1)).host}:lines`;
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-grep-test-'));
  writeFileSync(path.join(folder, label), Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])));
});
afterAll(async () => {
  await brokers.end();
  rmSync(folder, { recursive: true });
});

async function check(args: readonly string[]): Promise<void> {
  const ours = await runGrep([...args, '--topic', 'lines', '--on', brokers.url(1)]);
  const theirs = runGrepOn(args, label, folder);
  const said = `cairn grep ${JSON.stringify(args)}`;
  expect(ours.stdout.toString('latin1'), said).toBe(theirs.stdout.toString('latin1'));
  expect(ours.status, `${said}: ${ours.stderr}`).toBe(theirs.status);
}

test('every option alone', async () => {
  for (const option of options) for (const pattern of eachPattern) await check([...option, ...pattern]);
});

test('options in pairs, in an order drawn by lot', async () => {
  const pairs = options.flatMap((first) => options.map((second) => [...first, ...second]));
  const asked = pairs.filter((pair) => isAskedOf(pair) && !hasWidthOfFile(pair));
  let count = 0;
  for (const _seed of seedsWithinBudget({ countMax: asked.length })) {
    const [pair] = asked.splice(random.below(asked.length), 1);
    await check([...(pair as string[]), ...(eachPattern[random.below(eachPattern.length)] as readonly string[])]);
    count++;
  }
  report(`pairs of grep's options on a topic: ${count} of ${options.length ** 2}`);
});

test('patterns that mean harm are data', async () => {
  for (const pattern of [...hostilePatterns, 'a\nb']) for (const dialect of ['-F', '-E', '-G']) await check([dialect, '-n', '-e', pattern]);
});

test.each([
  ['with NUL', Buffer.from('nul\0every\n')],
  ['that is not UTF-8', Buffer.from([0xff, 0xfe])],
  ['of 1 MB', Buffer.from(`${Array.from({ length: 150_000 }, (_, index) => index).join(' ')}\n`)],
  ['of 50,000 lines', Buffer.from(`${'no such line\n'.repeat(50_000)}heavy\n`)],
  ['that is none at all', Buffer.alloc(0)],
])('patterns from a file, %s', async (_what, patterns) => {
  const file = path.join(folder, 'patterns');
  writeFileSync(file, patterns);

  await check(['-F', '-f', file]);
});

test.each([['-b'], ['-z']])('%s is refused by name', async (option) => {
  const { status, stderr } = await runGrep([option, 'x', '--topic', 'lines', '--on', brokers.url(1)]);

  expect(stderr).toContain(`${option} `);
  expect(status).toBe(2);
});
