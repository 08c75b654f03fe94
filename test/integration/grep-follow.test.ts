// `cairn grep --follow`: what comes on several machines, through rotation, in order of time within the window.
import { appendFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Followed, followGrep, type SearchMachine, startMachine } from '../support/grep-rig.ts';
import { needsPrograms } from '../support/needs.ts';

const at = (second: number): string => new Date(Date.UTC(2026, 10, 30, 4, 0, second)).toISOString();

let machines: SearchMachine[];
let interrupt: AbortController;

beforeEach(async () => {
  machines = [await startMachine('m1', { 'app.log': `${at(1)} one\n` }), await startMachine('m2', { 'app.log': `${at(2)} two\n` })];
  interrupt = new AbortController();
});
afterEach(async () => {
  interrupt.abort();
  await Promise.all(machines.map((machine) => machine.close()));
});

const append = (machine: number, text: string): void =>
  appendFileSync(path.join((machines[machine] as SearchMachine).folder, 'app.log'), text);

/** From the beginning of the files, so that nothing depends on when it has begun. */
const follow = (args: readonly string[]): Followed =>
  followGrep(['--since', at(0), '--files', 'app', '--on', machines.map(({ address }) => address).join(','), ...args], interrupt.signal);

test('lines come as they are written, by their time, through rotation, until it is interrupted', needsPrograms('grep'), async () => {
  const { until, status, said } = follow(['-v', 'nothing']);
  await until('two\n');

  append(1, `${at(4)} four\n`);
  append(0, `${at(3)} three\n`);
  await until('four\n');
  const file = path.join((machines[0] as SearchMachine).folder, 'app.log');
  append(0, `${at(5)} five\n`);
  renameSync(file, `${file}.1`);
  append(0, `${at(6)} six\n`);
  const printed = await until('six\n');

  expect(printed).toBe(
    [
      `m1:app.log:${at(1)} one`,
      `m2:app.log:${at(2)} two`,
      `m1:app.log:${at(3)} three`,
      `m2:app.log:${at(4)} four`,
      `m1:app.log:${at(5)} five`,
      `m1:app.log:${at(6)} six`,
      '',
    ].join('\n'),
  );
  expect(said()).toContain('Following files on 2 machines');
  interrupt.abort();
  expect(await status).toBe(130);
});

test('a line that comes after its place is marked as late, in JSON too', needsPrograms('grep'), async () => {
  for (const [args, mark] of [
    [['--window', '0.01', 'o'], `late: m1:app.log:${at(2)} often\n`],
    [['--window', '0.01', '--json', 'o'], `"late":true,"text":"${at(2)} often"`],
  ] as const) {
    const { until } = follow(args);
    await until('two');
    append(1, `${at(9)} zero\n`);
    await until('zero');
    append(0, `${at(2)} often\n`);

    await until(mark);
  }
});

test('a machine that goes away is told at once, and the others go on', needsPrograms('grep'), async () => {
  const { until, said } = follow(['o']);
  await until('two\n');

  await (machines.shift() as SearchMachine).close();
  append(0, `${at(8)} go on\n`);

  await until('go on\n');
  expect(said()).toContain('m1: ');
});

test('with -m it ends with the last of the lines', needsPrograms('grep'), async () => {
  const { until, status } = follow(['-m', '1', 'o']);

  const printed = await until('two\n');
  expect(await status).toBe(0);
  expect(printed).toContain('one\n');
});

test.each([
  [['-c', 'x'], 'only lines can be followed'],
  [['-n', 'x'], 'lines are numbered from the beginning'],
])('%j is refused with the reason', needsPrograms('grep'), async (args, reason) => {
  const { status, said } = follow(args);

  expect(await status).toBe(2);
  expect(said()).toContain(reason);
});
