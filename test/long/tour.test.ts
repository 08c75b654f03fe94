import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchOfValues } from '../conformance/event-log.ts';
import { formatTour } from '../../src/cli/tour.ts';
import { runTour } from '../../src/lab/tour.ts';
import { cairn, ended, startCairn } from '../support/cairn.ts';

let folder: string;
let file: string;
const lineCount = 3000;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-tour-test-'));
  file = path.join(folder, 'some.log');
  writeFileSync(file, Array.from({ length: lineCount }, (_, i) => `${i % 700} ${'x'.repeat(i % 90)}`).join('\n'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('cairn tour', () => {
  test('kills a leader, loses nothing, and leaves nothing behind', async () => {
    const temporary = path.join(folder, 'tmp');
    mkdirSync(temporary);

    const { code, out, err } = await cairn(['tour', file], { env: { TMPDIR: temporary } });

    expect({ code, err }, out).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/killing broker \d, the leader, with SIGKILL; [1-9]\d* lines are on their way/);
    expect(out).toMatch(
      /^lines +3,000\nacknowledged +3,000\nlost +0\ndoubled +0\nlongest gap +\d+ ms .*\nnew leader +broker \d in term \d+, after/m,
    );
    expect(out.match(/^broker \d +[0-9a-f]{64} the same$/gm)?.length).toBe(3);
    expect(out).toMatch(/^subscriber +[0-9a-f]{64} the same$/m);
    expect(out).toMatch(/^search +cairn grep -n -C2 "[\dx]+" --topic tour: [1-9][\d,]* lines, the same as GNU grep on the file$/m);
    expect(out).toMatch(
      /\nEvery acknowledged line is on every broker, and was given to the subscriber, once and in order\. It took \d+\.\d s\.\n$/,
    );
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('takes the beginning of a file that is too large, up to the end of a line, and sees what is wrong', async () => {
    const bytesMax = 50_000;

    const result = await runTour({
      file,
      bytesMax,
      hooks: {
        // Somebody else's record is one that no file explains.
        beforeCheck: async (brokers, topic) => {
          const client = brokers.client();
          const usual = { level: 'all', timeoutMs: 10_000, requestId: null, sequence: 0, expectedOffset: null } as const;
          await client.append({ topic, batch: batchOfValues('one too many'), ...usual });
          client.close();
        },
      },
    });

    expect(result).toMatchObject({ ok: false, wholeFile: false, lost: 0, doubled: 1, file });
    expect(result.bytes).toBeLessThanOrEqual(bytesMax);
    expect(result.bytes).toBeGreaterThan(bytesMax - 100);
    expect(result.acknowledged).toBe(result.lines);
    expect(result.copies.map(({ same, lines }) => [same, lines])).toEqual(Array(3).fill([false, result.lines + 1]));
    expect(result.pulled).toMatchObject({ lines: result.lines + 1, same: false });
    const shown = formatTour(result, false);
    expect(shown).toContain(`doubled       1\n`);
    expect(shown).toContain('This is not as it was promised');
  });

  test('Ctrl-C ends it and leaves nothing behind', async () => {
    const temporary = path.join(folder, 'tmp-interrupted');
    mkdirSync(temporary);
    const child = startCairn(['tour', file], { env: { TMPDIR: temporary } });
    const done = ended(child);
    await once(child.stdout, 'data');
    await expect.poll(() => readdirSync(temporary).length).toBe(1);

    child.kill('SIGINT');

    expect(await done).toMatchObject({ code: 130, err: expect.stringMatching(/^[^\n]*[Ii]nterrupted[^\n]*\n$/) });
    expect(readdirSync(temporary)).toEqual([]);
  });

  test.each([
    ['that is not there', '/nowhere/at/all', 'Cannot tour with /nowhere/at/all: there is no such file (usage). See `cairn tour --help`.\n'],
    ['that is a folder', '/', 'Cannot tour with /: it is not a file (usage). See `cairn tour --help`.\n'],
  ])('refuses a file %s', async (_title, name, sentence) => {
    expect(await cairn(['tour', name])).toEqual({ code: 2, out: '', err: sentence });
  });

  test('says so when it has no place for its brokers', async () => {
    expect(await cairn(['tour', file], { env: { TMPDIR: '/nonexistent' } })).toMatchObject({
      code: 73,
      err: expect.stringMatching(/^Cannot make a temporary folder in \/nonexistent: ENOENT[^\n]*\n$/),
    });
  });

  test('refuses an empty file', async () => {
    const empty = path.join(folder, 'empty');
    writeFileSync(empty, '');

    expect(await cairn(['tour', empty])).toEqual({
      code: 2,
      out: '',
      err: `Cannot tour with ${empty}: it is empty (usage). See \`cairn tour --help\`.\n`,
    });
    expect(existsSync(empty)).toBe(true);
  });
});
