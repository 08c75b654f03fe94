import { describe, expect, test } from 'vitest';
import { replaceSection } from '../../../bench/document.ts';

describe('docs/performance.md', () => {
  test('what stands between the marks is replaced and nothing else', () => {
    const before = 'a\n<!-- begin: big -->\n\nold\n\n<!-- end: big -->\nz\n';

    expect(replaceSection(before, 'big', 'new\n')).toBe('a\n<!-- begin: big -->\n\nnew\n\n<!-- end: big -->\nz\n');
    expect(() => replaceSection(before, 'soak', 'new')).toThrow('does not have its two marks');
  });
});
