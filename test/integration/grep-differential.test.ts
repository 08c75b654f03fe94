// `cairn grep` next to GNU grep on each file by itself: what is printed, and the exit status, byte for byte. The whole sweep is in test/long.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { makeLog } from '../support/grep-logs.ts';
import { grep, oracle, type SearchMachine, startMachine } from '../support/grep-rig.ts';
import { needsPrograms } from '../support/needs.ts';

const files = ['a.log', 'b.log', 'empty.log'];
let machines: SearchMachine[];

beforeAll(async () => {
  const random = new SeededRandom(11);
  const log = (machine: number, isHostile: boolean): Buffer => makeLog(random, { machine, lines: 120, isHostile });
  machines = await Promise.all(
    [1, 2, 3].map((machine) => startMachine(`m${machine}`, { 'a.log': log(machine, true), 'b.log': log(machine, false), 'empty.log': '' })),
  );
});
afterAll(() => Promise.all(machines.map((machine) => machine.close())));

describe('the same as GNU grep on each file', needsPrograms('grep'), () => {
  test.each([
    [['everywhere']],
    [['unique']],
    [['-n', 'rarest']],
    [['-c', 'even']],
    [['-vn', 'everywhere']],
    [['-E', '-C2', 'timeout|refused']],
    [['-A1', '-h', 'rarest']],
    [['-Z', '-B1', '-n', 'rarest']],
    [['-T', '-n', '-b', 'heavy']],
    [['-o', '-b', '[0-9]*:[0-9]*']],
    [['-o', '-v', 'nobody has this']],
    [['-w', '-i', 'ERROR']],
    [['-F', '-x', '-e', '', '-e', 'everywhere']],
    [['-P', '\\d+(?=\\.25)']],
    [['-l', 'unique']],
    [['-L', 'unique']],
    [['-q', 'nothing has this']],
    [['-m3', '-A2', 'everywhere']],
    [['-z', '-c', 'everywhere']],
    [['--color=always', '-n', '-C1', 'größe']],
    [['--group-separator=ab', '-A1', 'rarest']],
    [['.', '-c']],
    [['x\\(', '-c']],
  ])('%j', async (args) => {
    const [ours, theirs] = [await grep(args, machines), oracle(args, machines, files)];

    expect(ours.stdout.toString('latin1')).toBe(theirs.stdout.toString('latin1'));
    expect(ours.status).toBe(theirs.status);
  });
});
