import { readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(import.meta.dirname, '..', '..', 'docs', 'reference');

/** The text of a page of docs/reference. */
export function referencePage(name: string): string {
  return readFileSync(path.join(folder, name), 'utf8');
}

/** The rows of all tables of a page, as lists of cells. Heads and rules between head and body are left out. */
export function tableRows(page: string): string[][] {
  const lines = page.split('\n');
  return lines
    .filter((line, index) => line.startsWith('|') && !isRule(line) && !isRule(lines[index + 1] ?? ''))
    .map((line) =>
      line
        .replace(/^\||\|$/g, '')
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}

const isRule = (line: string): boolean => /^\|[-| :]+\|$/.test(line);
