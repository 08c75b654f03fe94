import { expect, test } from 'vitest';
import { paragraph } from '../../../scripts/paragraph.ts';

test('a paragraph has lines of at most 120 characters, with the words in their order', () => {
  const text = Array.from({ length: 100 }, (_, index) => `word${index}`).join(' ');

  const lines = paragraph(text, '  ');

  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  expect(lines.map((line) => line.trim()).join(' ')).toBe(text);
  expect(lines.slice(1).filter((line) => !line.startsWith('  '))).toEqual([]);
});

test('a piece of code stays whole, and no line begins as a list does', () => {
  const start = 'a'.repeat(110);

  expect(paragraph(`${start} \`npx cairn append\` - more`)).toEqual([start, '`npx cairn append` - more']);
  expect(paragraph(`${start}aaaaaaaaaa - more`)).toEqual([`${start}aaaaaaaaaa -`, 'more']);
});
