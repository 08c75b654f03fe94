import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson, writeJson } from '../../../../src/gateway/cs550/python-json.ts';

/** As Python writes what it has read; undefined where it reads nothing. */
const rewrite = (text: string): string | undefined => {
  const value = parseJson(text);
  return value === undefined ? undefined : writeJson(value);
};

describe('JSON as Python has it', () => {
  test.each([
    ['"\\u00e9é\\ud83d\\ude00😀\\ud800"', '"\\u00e9\\u00e9\\ud83d\\ude00\\ud83d\\ude00\\ud800"'],
    ['"\\/\\b\\f\\n\\r\\t\\"\\\\ \u007f\u2028"', '"/\\b\\f\\n\\r\\t\\"\\\\ \\u007f\\u2028"'],
    ['[1,-0,1.0,-0.0,1e5,1E400,-1e400,0.1]', '[1, 0, 1.0, -0.0, 100000.0, Infinity, -Infinity, 0.1]'],
    [
      '[1e16,9999999999999998.0,0.0001,0.00001,1.5e-7,1e22,1e-300,123456789012345680000.0]',
      '[1e+16, 9999999999999998.0, 0.0001, 1e-05, 1.5e-07, 1e+22, 1e-300, 1.2345678901234568e+20]',
    ],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['[NaN,Infinity,-Infinity,null,true,false]', '[NaN, Infinity, -Infinity, null, true, false]'],
    ['{"b":1,"2":2,"1":[],"__proto__":{},"b":3}', '{"b": 3, "2": 2, "1": [], "__proto__": {}}'],
    [' \t\r\n{ } ', '{}'],
  ])('%s is written as Python would', (text, expected) => {
    expect(rewrite(text)).toBe(expected);
  });

  test.each([
    '',
    '{',
    '{"a"}',
    '{"a":}',
    '[1,]',
    '[1 2]',
    '01',
    '1.',
    '.5',
    '+1',
    "{'a':1}",
    '"\n"',
    '"\\x"',
    '"\\u12"',
    '"a',
    'nul',
    '{} {}',
    '\ufeff{}',
    '[',
    ']',
    '{"a":1,}',
    '-',
  ])('%j is none', (text) => {
    expect(parseJson(text)).toBeUndefined();
  });

  test('depth and digits have ends', () => {
    const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

    expect(rewrite(nested(900))).toBe(nested(900));
    expect(parseJson(nested(100_000))).toBeUndefined();
    expect(rewrite('9'.repeat(4300))).toBe('9'.repeat(4300));
    expect(parseJson('9'.repeat(4301))).toBeUndefined();
  });

  test('whatever JavaScript writes is read, and means the same', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const written = rewrite(JSON.stringify(value)) as string;

        expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(written).toMatch(/^[ -~]*$/);
        expect(rewrite(written)).toBe(written);
      }),
    );
  });
});
