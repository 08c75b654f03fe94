import { describe, expect, test } from 'vitest';
import { batchOfValues } from '../conformance/event-log.ts';
import { formatBench } from '../../src/cli/bench.ts';
import { benchAppend } from '../../src/lab/bench/append.ts';
import { cairn } from '../support/cairn.ts';

describe('cairn bench append', () => {
  test('prints its circumstances beside its figures', async () => {
    const { code, out, err } = await cairn(['bench', 'append', '--seconds', '1', '--in-flight', '8']);

    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^Measuring the disk .*\nAppending for 1 s .*\nReading back\n$/) });
    expect(out).toMatch(
      /^machine +\d+ cores, .*\nsettings +3 brokers, level quorum, 8 in flight, 1 x 100 bytes a request, HTTP\ndisk alone +.* syncs\/s/,
    );
    expect(out).toMatch(/^records +.*\/s, .*\none append +p50 .*\nsyncs +[\d,]+ on all brokers, .* acknowledged records for each\n/m);
    const [, readBack, acknowledged] = /^read back +([\d,]+) of ([\d,]+) acknowledged/m.exec(out) ?? [];
    expect(readBack).toBe(acknowledged);
  });

  test('fails when the topic holds something else than was acknowledged', async () => {
    const result = await benchAppend({
      inFlight: 2,
      seconds: 0.2,
      brokers: 1,
      recordBytes: 100,
      recordsPerRequest: 3,
      beforeCheck: async (client, topic) => {
        const usual = { level: 'quorum', timeoutMs: 10_000, requestId: null, sequence: 0, expectedOffset: null } as const;
        await client.append({ topic, batch: batchOfValues('one too many'), ...usual });
      },
    });

    expect(result.ok).toBe(false);
    expect(result.readBack).toBe(result.acknowledgedInAll + 1);
    expect(formatBench(result)).toContain('THEY DIFFER');
  });
});

describe('cairn sim', () => {
  test('gives a verdict, and the same trace for the same seed', async () => {
    const args = ['sim', '--seed', '7', '--brokers', '3', '--minutes', '0.02'];

    const [first, second] = await Promise.all([cairn(args), cairn([...args, '--json'])]);

    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toMatch(/^Seed 7: good\n {2}pass /);
    expect(first.out).toMatch(/\nRun it again: cairn sim --seed 7 --brokers 3 --topics \d+ --minutes 0\.02 --faults all\n$/);
    const trace = /^trace +(\S+)$/m.exec(first.out)?.[1];
    expect(JSON.parse(second.out)).toMatchObject({ ok: true, seed: 7, traceHash: trace });
  });

  test.each([
    [['--faults', 'all,rain'], 'option \'--faults <list>\' argument \'all,rain\' is invalid: it is "all", "none", or some of: '],
    [['--brokers', '0'], "option '--brokers <list>' argument '0' is invalid: it is a whole number from 1 to 16, or several with commas"],
    [['--topics', '1'], "option '--topics <count>' argument '1' is invalid: it is \"drawn\", or a whole number from 2 to 500"],
    [['--minutes', '-1'], "option '--minutes <number>' argument '-1' is invalid: it is a number of minutes from 0.01 to 1440"],
  ])('refuses %j', async (args, reason) => {
    const { code, out, err } = await cairn(['sim', ...args]);

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`Cannot run cairn sim: ${reason}`);
  });
});
