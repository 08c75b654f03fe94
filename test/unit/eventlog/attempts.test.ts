import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorCatalogue } from '../../../src/base/errors.ts';
import { isTriedAmongBrokers, judge, LogError, withRequestOutcome } from '../../../src/eventlog/index.ts';

const codes = Object.keys(errorCatalogue) as ErrorCode[];
/** As a gateway answers to a caller with a request id. */
const answered = (code: ErrorCode, details: LogError['details'] = {}): LogError => withRequestOutcome(new LogError(code, 'no', details));

describe('what a failure proves', () => {
  test('of the first attempt: what is definite is in no log, all else is not known', () => {
    const judged = (code: ErrorCode) => judge(answered(code), { isUncertain: false, isRepeatable: true });

    expect(judged('offsetMismatch')).toEqual({ proves: 'notAppended', again: 'no', isUncertain: false });
    expect(judged('noLeader')).toEqual({ proves: 'notAppended', again: 'elsewhere', isUncertain: false });
    expect(judged('timeout')).toEqual({ proves: 'unknown', again: 'elsewhere', isUncertain: true });
    expect(judged('overloaded')).toMatchObject({ again: 'here' });
    for (const code of codes) expect(judged(code).proves === 'notAppended', code).toBe(errorCatalogue[code].definite);
  });

  test.each<[ErrorCode, LogError['details'], string]>([
    ['offsetMismatch', {}, 'unknown'],
    ['unknownTopic', {}, 'unknown'],
    ['revoked', {}, 'notAppended'],
    ['requestIdReused', {}, 'notAppended'],
    ['duplicateSequence', {}, 'appended'],
    ['levelNotReached', { committed: true }, 'appended'],
    ['levelNotReached', { committed: false }, 'unknown'],
  ])('%s after an attempt without an answer speaks of all only where the broker says so (%o)', (code, details, proves) => {
    expect(judge(answered(code, details), { isUncertain: true, isRepeatable: true })).toMatchObject({ proves, isUncertain: true });
  });

  test('the code alone settles nothing: who answers has to say that he speaks of all attempts', () => {
    expect(judge(new LogError('revoked', 'no'), { isUncertain: true, isRepeatable: true }).proves).toBe('unknown');
  });

  test('what may have been appended is not tried again without a request id', () => {
    expect(judge(answered('timeout'), { isUncertain: false, isRepeatable: false }).again).toBe('no');
    expect(judge(answered('noLeader'), { isUncertain: true, isRepeatable: false }).again).toBe('no');
    expect(judge(answered('noLeader'), { isUncertain: false, isRepeatable: false }).again).toBe('elsewhere');
  });

  test('brokers try nothing among themselves that a caller could not try again', () => {
    const tried = codes.filter(isTriedAmongBrokers);

    expect(tried).toContain('notLeader');
    expect(tried.filter((code) => !errorCatalogue[code].retriable)).toEqual([]);
  });
});
