import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorCatalogue, exitCodes } from '../../src/base/errors.ts';
import { exitCodeMeanings } from '../../src/cli/help.ts';
import { referencePage, tableRows } from '../support/reference-page.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];

describe('docs/reference/errors.md', () => {
  test('lists every error with its meaning, what to do, whether it is definite, and its codes', () => {
    const expected = codes.map((code) => {
      const { meaning, remedy, definite, retriable, httpStatus, exitCode } = errorCatalogue[code];
      return [
        `\`${code}\``,
        meaning,
        remedy,
        definite ? 'definite' : 'not definite',
        retriable ? 'yes' : 'no',
        String(httpStatus),
        String(exitCode),
      ];
    });

    expect(tableRows(referencePage('errors.md'))).toEqual(expected);
  });
});

describe('the catalogue', () => {
  test.each(codes)('%s has sentences for meaning and remedy', (code) => {
    const { meaning, remedy } = errorCatalogue[code];

    expect(meaning).toMatch(/^[A-Z].*\.$/s);
    expect(remedy).toMatch(/^[A-Z].*\.$/s);
  });

  test.each(codes)('%s has an exit code and a status that exist', (code) => {
    const { exitCode, httpStatus } = errorCatalogue[code];

    expect(Object.values(exitCodes)).toContain(exitCode);
    expect(exitCode).not.toBe(exitCodes.ok);
    expect(httpStatus).toBeGreaterThanOrEqual(400);
    expect(httpStatus).toBeLessThan(600);
  });

  test('an error whose outcome is not known can be retried, since only that tells it', () => {
    expect(codes.filter((code) => !errorCatalogue[code].definite && !errorCatalogue[code].retriable)).toEqual([]);
  });

  test('every exit code says what it means', () => {
    expect(Object.keys(exitCodeMeanings)).toEqual(Object.keys(exitCodes));
  });
});
