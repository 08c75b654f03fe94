// The form of the pages, so that a person finishes them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..');
const linesOf = (file: string): string[] => readFileSync(path.join(ROOT, file), 'utf8').trimEnd().split('\n');

test('docs/testing.md is a page that one reads to its end; defects stand in docs/testing/defects.md', () => {
  const lines = linesOf('docs/testing.md');

  expect(lines.length).toBeLessThanOrEqual(120);
  expect(lines.filter((line) => /^\| \d{4}-\d\d-\d\d \|/.test(line))).toEqual([]);
});

test('the table of defects is one, and each of its rows has five cells', () => {
  const lines = linesOf('docs/testing/defects.md');
  const table = lines.slice(lines.indexOf('| date | bug | found by | seed | test |'));

  expect(table.length).toBeGreaterThan(100);
  expect(table.filter((line) => !line.startsWith('|') || line.replaceAll('\\|', '').split('|').length !== 7)).toEqual([]);
});

/** Lines of prose that are too long. Tables, code, and words that cannot be broken, such as links, are as long as they are. */
function longLines(text: string): number[] {
  const long: number[] = [];
  let isCode = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trimStart().startsWith('```')) isCode = !isCode;
    const isProse = !isCode && !/^(?:\||#| {4}\S)/.test(line);
    if (isProse && line.length > 120 && /\S\s+\S/.test(line.replace(/^\s*(?:[-*+]|\d+[.)])\s+/, ''))) long.push(index + 1);
  }
  return long;
}

const pages = (): string[] => [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file.split(path.sep).join('/')}`),
];

test('links between the pages and into the sources lead somewhere', () => {
  const dead = pages().flatMap((page) =>
    [
      ...linesOf(page)
        .join('\n')
        .matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g),
    ]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(path.join(ROOT, path.dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );

  expect(dead).toEqual([]);
});

test('`npx cairn` stands where a checkout is meant only: anywhere else it would run another package', () => {
  const ofCheckouts =
    /^(?:README|CONTRIBUTING|CHANGELOG|docs\/README|docs\/install|docs\/testing|docs\/(?:testing|decisions)\/.*)(?:\.md)?$/;

  expect(pages().filter((page) => !ofCheckouts.test(page) && linesOf(page).some((line) => line.includes('npx cairn')))).toEqual([]);
});

test('files that the pages name are there', () => {
  const gone = pages().flatMap((page) =>
    [
      ...linesOf(page)
        .join('\n')
        .matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|mjs|js|py|svelte))`/g),
    ]
      .map(([, file = '']) => file)
      .filter((file) => !existsSync(path.join(ROOT, file)) && !existsSync(path.join(ROOT, 'src', file)))
      .map((file) => `${page}: ${file}`),
  );

  expect(gone).toEqual([]);
});

test('what comments cite of the design stands in docs/design.md', () => {
  const headings = new Set(linesOf('docs/design.md').flatMap((line) => /^### (D\d+)\. /.exec(line)?.[1] ?? []));
  const sources = readdirSync(path.join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const cited = sources.flatMap((file) => {
    const comments = readFileSync(path.join(ROOT, 'src', file), 'utf8').match(/design, D\d+(?:, D\d+)*/g) ?? [];
    return comments.flatMap((comment) => comment.match(/D\d+/g) ?? []);
  });

  expect(cited.length).toBeGreaterThan(20);
  expect(cited.filter((decision) => !headings.has(decision))).toEqual([]);
});

test('decisions are numbered without gaps, have one form, and stand in the table of docs/ARCHITECTURE.md', () => {
  const files = readdirSync(path.join(ROOT, 'docs', 'decisions')).toSorted();

  const parts = ['## Context', '## Decision', '## Alternatives', '## Consequences'];
  const misshapen = files.filter((file, index) => {
    const number = String(index + 1).padStart(4, '0');
    const [title = '', blank, dated = '', ...rest] = linesOf(`docs/decisions/${file}`);
    const isHeaded = file.startsWith(`${number}-`) && title.startsWith(`# ${number}. `) && blank === '';
    return !isHeaded || !/^\d{4}-\d\d-\d\d, accepted$/.test(dated) || rest.filter((line) => parts.includes(line)).join() !== parts.join();
  });

  expect(misshapen).toEqual([]);
  const listed = linesOf('docs/ARCHITECTURE.md').flatMap((line) => /^\| \[(\d{4})\]\(decisions\/(\1-[^)]+)\) \|/.exec(line)?.[2] ?? []);
  expect(listed).toEqual(files);
});

test('what the commands of README write is ignored by git', () => {
  const ignored = new Set(linesOf('.gitignore').map((line) => line.replaceAll('/', '')));
  const written = [
    ...linesOf('README.md')
      .join('\n')
      .matchAll(/(?:--record|--spool|--output|-o|--data) (?:\.\/)?([\w.-]+)/g),
  ];

  expect(written.map(([, name = '']) => name).filter((name) => !ignored.has(name))).toEqual([]);
  expect(written.length).toBeGreaterThan(1);
});

test('lines of prose have at most 120 characters', () => {
  expect(pages().flatMap((file) => longLines(linesOf(file).join('\n')).map((line) => `${file}:${line}`))).toEqual([]);
});

test('a long line is found in a paragraph and in a list, and not in a table or in code', () => {
  const long = `${'word '.repeat(30)}end`;

  expect(longLines(['# Title', long, `- ${long}`, `  ${long}`, `| ${long} |`, '```', long, '```', long].join('\n'))).toEqual([2, 3, 4, 9]);
  expect(longLines(`- [page](https://${'a'.repeat(120)})`)).toEqual([]);
});
