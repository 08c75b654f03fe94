import { expect, it } from 'vitest';
import { indentJson } from '../../../ui/src/topic/json-text.ts';

it('a line for each member, and of each the text as it is', () => {
  const text = '{"id":12345678901234567890,"n":1.0e5 ,"a":[1,{"b":"x,\\"{y"}],"e":{ },"a":[],"s":"\\u202e"}';

  expect(indentJson(text)?.split('\n')).toEqual([
    '{',
    '  "id": 12345678901234567890,',
    '  "n": 1.0e5,',
    '  "a": [',
    '    1,',
    '    {',
    '      "b": "x,\\"{y"',
    '    }',
    '  ],',
    '  "e": {},',
    '  "a": [],',
    '  "s": "\\u202e"',
    '}',
  ]);
});

it.each(['', 'x', '{', '7', '"text"', '{"a":1} trailing', '[1,]'])('%j is no object or list', (text) => {
  expect(indentJson(text)).toBeNull();
});

it('a text of nothing but brackets stays within its bounds', () => {
  const depth = 3000;

  expect(indentJson('['.repeat(depth) + ']'.repeat(depth))?.length).toBeLessThan(depth * 200);
});
