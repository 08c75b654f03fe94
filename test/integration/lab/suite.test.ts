import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Experiment, renderSuite, runSuite, type Step, type SuiteSummary } from '../../../src/lab/suite/index.ts';

const root = mkdtempSync(path.join(tmpdir(), 'cairn-suite-'));
afterAll(() => rmSync(root, { recursive: true }));

const fake = path.join(import.meta.dirname, 'fake-lab.mjs');
const step = (id: string, what: string, seconds = 5): Step => ({
  id,
  title: `Step ${id}`,
  program: 'cairn',
  args: [what],
  seconds,
  shortened: '1 s instead of 100 s',
});
const experiment = (steps: readonly Step[], secondsMax = 30): Experiment => ({
  name: 'fake',
  title: 'A fake',
  contract: null,
  secondsMax,
  steps,
});

let folders = 0;
const newFolder = (): string => path.join(root, String(++folders));

async function run(
  folder: string,
  experiments: readonly Experiment[],
  more: { readonly signal?: AbortSignal; readonly secondsMax?: number; readonly onStep?: (what: string) => void } = {},
): Promise<SuiteSummary> {
  return await runSuite({
    extent: 'quick',
    experiments,
    folder,
    version: '1.2.3',
    seed: 1,
    secondsMax: more.secondsMax ?? 300,
    signal: more.signal ?? new AbortController().signal,
    onStep: ({ what, step: { id } }) => more.onStep?.(`${what} ${id}`),
    programs: { cairn: fake, bench: null },
  });
}

const states = (summary: SuiteSummary): readonly string[] => summary.steps.map(({ id, status }) => `${id} ${status}`);

describe('a report of all experiments', () => {
  test('runs each step, names what failed, and goes on', async () => {
    const folder = newFolder();
    const bench: Step = { ...step('bench', 'good'), program: 'bench' };

    const summary = await run(folder, [experiment([step('a', 'good'), step('b', 'fail'), step('c', 'bad'), bench])]);

    expect(states(summary)).toEqual(['a done', 'b failed', 'c done', 'bench left out']);
    expect(summary.steps[1]?.reason).toContain('Cannot do it: no reason');
    expect(String(summary.steps[0]?.summary?.results[0]?.['args'])).toContain('--note A quick report: 1 s instead of 100 s.');
    expect(JSON.parse(readFileSync(path.join(folder, 'summary.json'), 'utf8'))).toEqual(summary);
  });

  test('cuts a step that takes longer than its experiment may, and leaves the rest of that out', async () => {
    const folder = newFolder();
    const slow = experiment([step('slow', 'wait', 0.5), step('after', 'good', 0.5)], 0.6);
    const other: Experiment = { ...experiment([step('other', 'good')]), name: 'other' };

    const summary = await run(folder, [slow, other]);

    expect(states(summary)).toEqual(['slow cut', 'after left out', 'other done']);
    expect(summary.steps[0]?.reason).toContain('fake may take 0.6 s');
    const page = renderSuite(summary, [slow, other], folder);
    expect(page).toContain('Not whole: fake, Step slow');
    expect(page).toMatch(/class="verdict bad">All \d checks hold; 2 of 3 steps were not made, or not to their end</);
    expect(page).toContain('cut: cut after');
  });

  test('begins nothing when the time for all is over', async () => {
    expect(states(await run(newFolder(), [experiment([step('late', 'good')])], { secondsMax: -1 }))).toEqual(['late left out']);
  });

  test('keeps what is done when it is interrupted, and goes on from there', async () => {
    const folder = newFolder();
    const controller = new AbortController();
    const steps = [step('first', 'good'), step('second', 'wait')];
    const seen: string[] = [];

    const stopped = await run(folder, [experiment(steps)], {
      signal: controller.signal,
      onStep: (what) => {
        if (what === 'begun second') setTimeout(() => controller.abort(), 50);
      },
    });
    const whole = await run(folder, [experiment([step('first', 'fail'), step('second', 'good')])], {
      onStep: (what) => void seen.push(what),
    });

    expect(states(stopped)).toEqual(['first done']);
    expect(states(whole)).toEqual(['first done', 'second done']);
    expect(seen).toEqual(['kept first', 'begun second', 'ended second']);
  });

  test('refuses to mix what does not belong together', async () => {
    const folder = newFolder();
    const summary = await run(folder, [experiment([step('a', 'good')])]);
    const change = (other: Partial<SuiteSummary>): void =>
      writeFileSync(path.join(folder, 'summary.json'), JSON.stringify({ ...summary, ...other }));

    for (const [other, why] of [
      [{ report: 'full' }, 'it holds a full report'],
      [{ commit: 'abc', version: '0.0.1' }, 'it holds figures of abc'],
      [{ machine: { ...summary.machine, cores: 999 } }, 'figures of another machine'],
    ] as const) {
      change(other);
      await expect(run(folder, [experiment([step('b', 'good')])])).rejects.toThrow(why);
    }
    writeFileSync(path.join(folder, 'summary.json'), '{"lab":"kills"}');
    await expect(run(folder, [experiment([])])).rejects.toThrow('it is not the summary of a report');
  });

  test('becomes one page that needs nothing from elsewhere, with the graphs in it and how short they are', async () => {
    const folder = newFolder();
    const plan = [experiment([step('a', 'good'), step('c', 'bad')])];

    const page = renderSuite(await run(folder, plan), plan, folder);

    expect(page).toContain('1 of 2 checks do not hold');
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).toContain('Of the fake (1 s instead of 100 s)');
    expect(page).not.toMatch(/<script|<link|src="(?!data:)|url\(/);
  });
});
