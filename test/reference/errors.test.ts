import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorCatalogue, exitCodes } from '../../src/base/errors.ts';
import { exitCodeMeanings } from '../../src/cli/help.ts';
import { referencePage, tableRows } from '../support/reference-page.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];

const [, meanings = '', evidence = ''] = /^([^]*)\n## ([^]*)$/.exec(referencePage('errors.md')) ?? [];

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

    expect(tableRows(meanings)).toEqual(expected);
  });

  test('says of every error who says it, on what evidence, and what it says of all attempts', () => {
    const expected = codes.map((code) => [`\`${code}\``, errorCatalogue[code].evidence, errorCatalogue[code].requestOutcome]);

    expect(tableRows(evidence)).toEqual(expected);
  });
});

describe('the catalogue', () => {
  test.each(codes)('%s has sentences for meaning, remedy and evidence', (code) => {
    const { meaning, remedy, evidence: said } = errorCatalogue[code];

    expect(meaning).toMatch(/^[A-Z].*\.$/s);
    expect(remedy).toMatch(/^[A-Z].*\.$/s);
    expect(said).toMatch(/^[A-Z].*\.$/s);
  });

  test.each(codes)('%s has an exit code and a status that exist', (code) => {
    const { exitCode, httpStatus } = errorCatalogue[code];

    expect(Object.values(exitCodes)).toContain(exitCode);
    expect(exitCode).not.toBe(exitCodes.ok);
    expect(httpStatus).toBeGreaterThanOrEqual(400);
    expect(httpStatus).toBeLessThan(600);
  });

  test('an error whose outcome is not known can be retried, since only that tells it', () => {
    const isUnknown = (code: ErrorCode): boolean => !errorCatalogue[code].definite && errorCatalogue[code].requestOutcome === 'unknown';

    expect(codes.filter((code) => isUnknown(code) && !errorCatalogue[code].retriable)).toEqual([]);
  });

  test('what is in the log has not failed for good', () => {
    const appended = codes.filter((code) => errorCatalogue[code].requestOutcome === 'appended');

    expect(appended).toEqual(['duplicateSequence']);
    expect(appended.filter((code) => errorCatalogue[code].definite)).toEqual([]);
  });

  test('every exit code says what it means', () => {
    expect(Object.keys(exitCodeMeanings)).toEqual(Object.keys(exitCodes));
  });
});
