/**
 * A pattern in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax), which linear engines take. A record is the whole text: `.` matches a line
 * feed in it, `^` and `$` hold at its ends only, as GNU grep has it with `-z`. Classes are those of ASCII, whoever needs more asks GNU grep.
 */
import type { ClassName, Syntax, Range } from './syntax.ts';

export function translate(node: Syntax): string {
  switch (node.kind) {
    case 'text':
      return node.codes.map(escapeCode).join('');
    case 'any':
      return '(?s:.)';
    case 'set':
      return `[${node.negated ? '^' : ''}${node.ranges.map(rangeOf).join('')}${node.classes.map((name) => classes[name]).join('')}]`;
    case 'edge':
      return node.of === 'word' ? '\\b' : node.side === 'start' ? '\\A' : '\\z';
    case 'sequence':
      return node.parts.map((part) => (part.kind === 'choice' ? group(part) : translate(part))).join('');
    case 'choice':
      return node.branches.map(translate).join('|');
    case 'repeat':
      return group(node.of) + repetition(node.min, node.max);
  }
}

const group = (node: Syntax): string => `(?:${translate(node)})`;

function repetition(min: number, max: number | null): string {
  if (max === null) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  return min === 0 && max === 1 ? '?' : `{${min},${max}}`;
}

const rangeOf = ([from, to]: Range): string => (from === to ? escapeCode(from) : `${escapeCode(from)}-${escapeCode(to)}`);

/** Digits and letters as they are, so that a person can read it in `--explain`; everything else by its number. */
function escapeCode(code: number): string {
  const isPlain = (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isPlain ? String.fromCharCode(code) : `\\x{${code.toString(16)}}`;
}

const classes: Readonly<Record<ClassName, string>> = {
  alnum: '[:alnum:]',
  alpha: '[:alpha:]',
  blank: '[:blank:]',
  cntrl: '[:cntrl:]',
  digit: '[:digit:]',
  graph: '[:graph:]',
  lower: '[:lower:]',
  print: '[:print:]',
  punct: '[:punct:]',
  space: '[:space:]',
  upper: '[:upper:]',
  xdigit: '[:xdigit:]',
  word: '[:word:]',
};
