/** What the pages tell to type: commands, subcommands and options that there are. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { loadProgram } from '../../src/cli/program.ts';
import { commandNamed } from '../../src/cli/registry.ts';
import { optionTable } from '../../src/query/index.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');

/** Pages that tell how it is now: not what changed, nor what was decided or wrong once. */
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !/^decisions|defects\.md$/.test(file))
    .map((file) => path.join('docs', file)),
];

/** What stands behind each `cairn` in code of a page, as words, up to what a shell takes for the end of a command. */
function typedIn(page: string): string[][] {
  const code = [...page.matchAll(/^```\w*\n(.*?)^```$|`([^`\n]+(?:\n[^`\n]+)?)`|^ {4}(cairn .*)$/gms)].map(
    ([, block, span, line]) => block ?? span?.replaceAll('\\|', '|') ?? line ?? '',
  );
  return code.flatMap((text) =>
    [...text.matchAll(/(?:^|npx |\$\(|[|&;{] ?|- )cairn ((?:'[^']*'|"[^"]*"|[^\n|<>;&#)'"]|\|(?=[a-z]))+)/gm)].map(
      ([, words = '']) => words.match(/(?:'[^']*'|"[^"]*"|\S)+/g) ?? [],
    ),
  );
}

/** What is wrong with it; null where nothing is. Words in capitals stand for something. */
function wrongIn([name = '', ...words]: readonly string[], all: readonly Command[]): string | null {
  if (!/^[a-z]/.test(name)) return null;
  const entry = commandNamed(name);
  let command = all.find((each) => each.name() === entry?.name);
  if (command === undefined) return 'no such command';
  if (name === 'grep') return wrongInGrep(words);
  const rest = [...words];
  if (command.commands.length > 0 && /^[a-z]/.test(rest[0] ?? '')) {
    const parent = command;
    const named = (rest.shift() as string).split('|').map((each) => parent.commands.find((child) => child.name() === each));
    if (named.includes(undefined)) return 'no such subcommand';
    command = named[0] as Command;
  }
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return null;
    if (!/^--?[a-z]/i.test(word) || word === '--help' || word === '-h') continue;
    const [flag, value] = word.split('=');
    const option = command.options.find(({ long, short }) => long === flag || short === flag);
    if (option === undefined) return `no option ${flag}`;
    if (value === undefined && option.required) rest.shift();
  }
  return null;
}

/** It reads its options as grep does; the short ones are grep's own. */
function wrongInGrep(words: readonly string[]): string | null {
  const known = new Set(optionTable.flatMap(({ long }) => long));
  const wrong = words.find((word) => /^--[a-z]/.test(word) && !known.has(word.slice(2).split('=')[0] as string));
  return wrong === undefined ? null : `no option ${wrong}`;
}

test('the pages tell to type what there is', async () => {
  const { commands } = await loadProgram(fakeIo().io);
  const typed = pages.flatMap((page) => typedIn(readFileSync(path.join(ROOT, page), 'utf8')).map((words) => ({ page, words })));

  const wrong = typed.flatMap(({ page, words }) => {
    const what = wrongIn(words, commands);
    return what === null ? [] : [`${page}: cairn ${words.join(' ')}: ${what}`];
  });

  expect(typed.length).toBeGreaterThan(300);
  expect(wrong).toEqual([]);
});
