import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { optionTable, ripgrepEquals } from '../../src/query/index.ts';
import { referencePage, tableRows } from '../support/reference-page.ts';
import { needsPrograms } from '../support/needs.ts';

describe('docs/reference/grep.md', () => {
  const rows = tableRows(referencePage('grep.md'));

  test('lists every option with what it does here', () => {
    const expected = optionTable.map(({ short, long, argument, does }) => {
      const names = [...Array.from(short, (letter) => `\`-${letter}\``), ...long.map((name) => `\`--${name}\``)];
      return [names.join(' '), argument ?? '', does];
    });

    expect(rows.filter(([names = '']) => names.startsWith('`-'))).toEqual(expected);
  });

  test('lists what must be so for ripgrep to stand in', () => {
    expect(rows.filter((cells) => cells.length === 1).map(([must]) => must)).toEqual(ripgrepEquals.map(({ must }) => must));
  });
});

test('every option that GNU grep tells of is in the table', needsPrograms('grep'), () => {
  const help = execFileSync('grep', ['--help'], { env: { ...process.env, LC_ALL: 'C' } }).toString();
  const told = [...help.matchAll(/(?<=^ *|, )(--?[A-Za-z][a-z-]*)(?![A-Z])/gm)].map(([, name = '']) => name);
  const known = new Set(
    optionTable.flatMap(({ short, long }) => [...Array.from(short, (letter) => `-${letter}`), ...long.map((name) => `--${name}`)]),
  );

  const missing = told.filter((name) => !known.has(name));

  expect(told.length).toBeGreaterThan(60);
  expect(missing).toEqual([]);
});
