import { describe, expect, test } from 'vitest';
import { formatTraceparent, parseTraceparent } from '../../../src/base/trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

describe('traceparent', () => {
  test('says trace, span and whether it is recorded', () => {
    expect(parseTraceparent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, isSampled: true });
    expect(parseTraceparent(`00-${traceId}-${spanId}-00`)).toEqual({ traceId, spanId, isSampled: false });
    expect(parseTraceparent(formatTraceparent({ traceId, spanId }))).toEqual({ traceId, spanId, isSampled: true });
  });

  test('of a later version is understood as far as it is the same', () => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-01-what-comes-later`)).toEqual({ traceId, spanId, isSampled: true });
    expect(parseTraceparent(`00-${traceId}-${spanId}-09`)).toEqual({ traceId, spanId, isSampled: true });
  });

  test.each([
    ['nothing', ''],
    ['an invalid version', `ff-${traceId}-${spanId}-01`],
    ['version 0 with more behind it', `00-${traceId}-${spanId}-01-more`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['a span of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${traceId.toUpperCase()}-${spanId}-01`],
    ['a short id', `00-${traceId.slice(1)}-${spanId}-01`],
  ])('is none with %s', (_, text) => {
    expect(parseTraceparent(text)).toBe(null);
  });
});
