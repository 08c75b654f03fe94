import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { reportPages, reportsFolder } from '../../scripts/write-reports.ts';
import { findTextFaults, openSvg } from '../support/svg.ts';

const pages = reportPages();

test.each([...pages])('docs/reports/%s is as `node scripts/write-reports.ts` writes it', (file, page) => {
  expect(readFileSync(path.join(reportsFolder, file), 'utf8')).toBe(page);
});

test.each(readdirSync(path.join(reportsFolder, 'figures')))(
  'figures/%s has a title, axes with their titles, a legend, and no text over another or cut',
  (file) => {
    const opened = openSvg(readFileSync(path.join(reportsFolder, 'figures', file), 'utf8'));

    expect(findTextFaults(opened)).toEqual([]);
    expect([opened.textsOf('title').length, opened.textsOf('x-title').length]).toEqual([1, 1]);
    expect(opened.textsOf('legend').length).toBeGreaterThan(0);
    // A space-time diagram has processes in the place of a vertical axis.
    expect(opened.textsOf('y-title').length + opened.textsOf('process-name').length).toBeGreaterThan(0);
  },
);

test('the report of contract 2 has about 1,200 words, and refers to Paxos, Raft and Multi-Paxos', () => {
  const page = pages.get('2.md') ?? '';
  const prose = page
    .slice(page.indexOf('\n## '), page.indexOf('## References'))
    .split('\n')
    .filter((line) => !/^[|!]/.test(line))
    .join(' ');
  const words = prose.split(/\s+/).filter((word) => /\w/.test(word));

  expect(words.length).toBeGreaterThan(1_000);
  expect(words.length).toBeLessThan(1_500);
  for (const [reference, title] of [
    ['[1]', 'Paxos made simple'],
    ['[2]', 'In search of an understandable consensus algorithm'],
    ['[3]', 'Paxos made moderately complex'],
  ] as const) {
    expect(prose).toContain(reference);
    expect(page).toContain(title);
  }
});
