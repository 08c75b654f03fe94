// `cairn grep` by the time of lines: merged over machines and files, and within a range. The oracle is GNU grep on each file, its lines sorted here.
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { grep, oracle, type SearchMachine, startMachine } from '../support/grep-rig.ts';
import { needsPrograms } from '../support/needs.ts';

const firstMs = Date.UTC(2026, 10, 30, 4);
const files = ['app.log', 'other.log'];

/** Lines with ever later times, between them some without, in the manner of a stack trace. */
function makeTimedLog(random: SeededRandom, lines: number, everyMs: number): string {
  let timeMs = firstMs + random.below(1000);
  return Array.from({ length: lines }, (_, index) => {
    if (index > 0 && random.chance(0.2)) return `  at step ${index} everywhere\n`;
    timeMs += random.below(everyMs);
    return `${new Date(timeMs).toISOString()} ${random.chance(0.5) ? 'everywhere' : 'other'} ${'x'.repeat(random.chance(0.02) ? 70_000 : random.below(60))}\n`;
  }).join('');
}

/** The time of each line as grep printed it, or of the last before it that has one. */
function withTimes(text: string): { readonly line: string; readonly timeMs: number }[] {
  let timeMs = Number.NEGATIVE_INFINITY;
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const found = /\d{4}-\d\d-\d\dT[\d:.]+Z/.exec(line);
      if (found !== null) timeMs = Date.parse(found[0]);
      return { line, timeMs };
    });
}

const linesOf = (text: string): string[] => text.split('\n').slice(0, -1);

describe('lines by their time', needsPrograms('grep'), () => {
  let machines: SearchMachine[];
  let logs: string[];

  beforeAll(async () => {
    const random = new SeededRandom(5);
    logs = Array.from({ length: 6 }, () => makeTimedLog(random, 400, 200));
    machines = await Promise.all(
      [0, 1, 2].map((index) =>
        startMachine(`m${index}`, { 'app.log': logs[index * 2] as string, 'other.log': logs[index * 2 + 1] as string }),
      ),
    );
  });
  afterAll(() => Promise.all(machines.map((machine) => machine.close())));

  test.each([
    [['everywhere']],
    [['-n', 'everywhere']],
    [['-n', '-b', '-T', 'other']],
    [['-h', '-v', 'everywhere']],
    [['--color=always', '-n', 'everywhere']],
    [['-m', '7', 'everywhere']],
    [['nothing has this']],
  ])('--merge puts the lines of %j in order, those of one file as they stand', async (args) => {
    const ours = await grep(['--merge', ...args], machines);

    const sources = machines.flatMap((machine) =>
      files.map((file) => withTimes(oracle(args, [machine], [file]).stdout.toString('latin1'))),
    );
    const expected = sources.flat().toSorted((a, b) => a.timeMs - b.timeMs);
    expect(linesOf(ours.stdout.toString('latin1'))).toEqual(expected.map(({ line }) => line));
    expect(ours.status).toBe(expected.length > 0 ? 0 : 1);
  });

  test('a range of time has the lines that lie in it, with the numbers that they have in the file', async () => {
    const [sinceMs, untilMs] = [firstMs + 10_000, firstMs + 20_000];
    for (const args of [
      ['-n', 'everywhere'],
      ['-c', 'everywhere'],
      ['-n', '-b', '-v', 'other'],
      ['--color=always', '-n', 'other'],
      ['-h', 'other'],
    ]) {
      const range = ['--since', String(sinceMs), '--until', String(untilMs)];
      const ours = await grep([...range, ...args], machines);

      const expected = machines.flatMap(({ name }, machine) =>
        files.flatMap((file, index) => {
          const times = withTimes(logs[machine * 2 + index] as string);
          const kept = new Set(times.flatMap(({ timeMs }, line) => (timeMs >= sinceMs && timeMs < untilMs ? [line + 1] : [])));
          const numbered = args.includes('-n') ? args : ['-n', ...args.filter((arg) => arg !== '-c')];
          const lines = linesOf(oracle(numbered, [{ ...(machines[machine] as SearchMachine), name }], [file]).stdout.toString('latin1'));
          const within = lines.filter((line) => {
            // oxlint-disable-next-line no-control-regex -- what marks numbers in colour
            const digits = /^(?:m\d:\w+\.log:)?(\d+)/.exec(line.replaceAll(/\u001B\[[\d;]*[mK]/g, ''));
            return kept.has(Number(digits?.[1]));
          });
          if (args.includes('-c')) return [`${name}:${file}:${within.length}`];
          return args.includes('-n') ? within : within.map((line) => line.replace(/^\d+:/, ''));
        }),
      );
      expect(linesOf(ours.stdout.toString('latin1')), args.join(' ')).toEqual(expected);
    }
  });

  test('merging and a range go together', async () => {
    const range = ['--since', String(firstMs + 5000), '--until', String(firstMs + 9000)];

    const merged = await grep(['--merge', ...range, 'everywhere'], machines);
    const apart = await grep([...range, 'everywhere'], machines);

    expect(linesOf(merged.stdout.toString()).toSorted()).toEqual(linesOf(apart.stdout.toString()).toSorted());
    expect(apart.stdout.length).toBeGreaterThan(0);
  });

  test.each([
    [['--merge', '-c', 'x'], 'only lines can be merged'],
    [['--merge', '-o', 'x'], 'what -o prints'],
    [['--merge', '--time-format', '%Q', 'x'], '%Q'],
    [['--since', 'yesterday', 'x'], '--since "yesterday"'],
  ])('%j is refused with the reason', async (args, reason) => {
    const { status, stderr } = await grep(args, machines);

    expect(status).toBe(2);
    expect(stderr).toContain(reason);
  });
});

test('rotated and compressed files are merged into one order, with a format of the user', needsPrograms('grep'), async () => {
  const line = (second: number): string => `[30/Nov/2026:04:00:${String(second).padStart(2, '0')} +0000] GET /${second}\n`;
  const lines = Array.from({ length: 60 }, (_, second) => line(second));
  const machine = await startMachine(
    'm1',
    {
      'app.log': lines.slice(40).join(''),
      'app.log.1.log': lines.slice(20, 40).join(''),
      'app.log.2.log.gz': gzipSync(lines.slice(0, 20).join('')),
    },
    { exposures: (folder) => [{ name: 'app', glob: `${folder}/app*` }] },
  );
  try {
    const { stdout } = await grep(['--merge', '-h', '--time-format', '%d/%b/%Y:%H:%M:%S %z', 'GET'], [machine]);

    expect(stdout.toString()).toBe(lines.join(''));
  } finally {
    await machine.close();
  }
});
