import { describe, expect, it } from 'vitest';
import { inFewPieces, visibleBytes, visiblePieces } from '../../../ui/src/visible-text.ts';

function shown(text: string): string {
  return visiblePieces(text)
    .map((piece) => (piece.escaped ? `[${piece.text}]` : piece.text))
    .join('');
}

describe('event text on the page', () => {
  it('stays as it is when it is plain, markup and other languages included', () => {
    const text = '<script>alert(1)</script> &amp; Grüße 日本語 👩‍🚀\tx\ny'.replace('\u200d', '');

    expect(visiblePieces(text)).toEqual([{ text, escaped: false }]);
  });

  it('shows control characters as escapes', () => {
    expect(shown('a\u001b[31mred\0\r\u007f\u009b')).toBe(String.raw`a[\x1b][31mred[\x00\x0d\x7f\u{9b}]`);
  });

  it('shows characters that reorder or hide text as escapes', () => {
    expect(shown('x\u202egpj.exe\u2066\u200b\ufeff\u2028')).toBe(String.raw`x[\u{202e}]gpj.exe[\u{2066}\u{200b}\u{feff}\u{2028}]`);
    expect(shown('\u{e0041}')).toBe(String.raw`[\u{e0041}]`);
  });

  it('shows halves of a surrogate pair as escapes', () => {
    expect(shown('a\ud83db\udc69')).toBe(String.raw`a[\u{d83d}]b[\u{dc69}]`);
  });

  it('is gathered into few pieces, of which the last has the rest', () => {
    const pieces = visiblePieces('a\0b\0c\0d');

    expect(inFewPieces(pieces, 7)).toEqual(pieces);
    expect(inFewPieces(pieces, 3).map((piece) => piece.text)).toEqual(['a', String.raw`\x00`, String.raw`b\x00c\x00d`]);
  });

  it('shows an empty text as an empty piece', () => {
    expect(visiblePieces('')).toEqual([{ text: '', escaped: false }]);
  });

  it('shows bytes that are not text with every unreadable byte escaped', () => {
    const pieces = visibleBytes(Uint8Array.of(0x41, 0xff, 0x00, 0x42));

    expect(pieces.map((piece) => piece.text)).toEqual(['A', String.raw`\xff\x00`, 'B']);
  });
});
