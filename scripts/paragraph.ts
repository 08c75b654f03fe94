/**
 * Prose of pages that programs write: lines of at most 120 characters, as in pages that people write (`test/architecture/prose.test.ts`). Those after the
 * first are indented; a piece of code is never broken, and no line begins as an item of a list does.
 */
export function paragraph(text: string, indent = ''): string[] {
  const lines: string[] = [];
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    const last = lines.at(-1);
    const fits = last !== undefined && last.length + 1 + word.length <= 120;
    if (last !== undefined && (fits || /^(?:[-+*#]+|\d+[.)])$/.test(word))) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `${indent}${word}`);
  }
  return lines;
}
