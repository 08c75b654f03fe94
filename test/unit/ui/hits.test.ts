import { describe, expect, test } from 'vitest';
import { hitOf, markHits } from '../../../ui/src/search/hits.ts';

const marked = (text: string, query: Partial<Parameters<typeof hitOf>[0]>): string =>
  markHits(text, hitOf({ pattern: '', isExpression: false, ignoresCase: false, ...query }))
    .map(({ text: piece, isHit }) => (isHit ? `[${piece}]` : piece))
    .join('');

describe('what is marked in a line that was found', () => {
  test('every place of a text, which is no expression', () => {
    expect(marked('a.b a.b axb', { pattern: 'a.b' })).toBe('[a.b] [a.b] axb');
    expect(marked('A-b (x)*', { pattern: 'a-B', ignoresCase: true })).toBe('[A-b] (x)*');
    expect(marked('(x)* [y] \\', { pattern: '(x)*' })).toBe('[(x)*] [y] \\');
    expect(marked('größe GRÖSSE', { pattern: 'größe' })).toBe('[größe] GRÖSSE');
  });

  test('an expression, unless it could keep the browser busy or is not known', () => {
    expect(marked('timeout refused', { pattern: 'time.ut|refused', isExpression: true })).toBe('[timeout] [refused]');
    expect(marked('aaaa', { pattern: '(a+)+b', isExpression: true })).toBe('aaaa');
    expect(marked('x', { pattern: '(', isExpression: true })).toBe('x');
    expect(marked('x', { pattern: 'y*', isExpression: true })).toBe('x');
  });

  test('control characters stay escapes, within what is marked too', () => {
    expect(markHits('a\u001Bb', hitOf({ pattern: 'a\u001B', isExpression: false, ignoresCase: false }))).toEqual([
      { text: 'a', escaped: false, isHit: true },
      { text: String.raw`\x1b`, escaped: true, isHit: true },
      { text: 'b', escaped: false, isHit: false },
    ]);
  });

  test('no line becomes more elements than a page can bear', () => {
    expect(markHits('ab'.repeat(500), hitOf({ pattern: 'a', isExpression: false, ignoresCase: false })).length).toBeLessThan(100);
  });
});
