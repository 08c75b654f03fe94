import { describe, expect, it } from 'vitest';
import type { ClientHistory, FaultPost, PutAttempt } from '../../../src/lab/consistency/client.ts';
import { compareLogs, crashAtExit, putsLeftUnanswered } from '../../../src/lab/consistency/comparer.ts';

/** `a` is put at 1000, `b` at 2000 and so on; each is answered 10 ms later. An upper-case word was not answered. */
function puts(words: string): PutAttempt[] {
  return words.split('').map((word, index) => {
    const sentMs = (index + 1) * 1000;
    return {
      word: word.toLowerCase(),
      server: 0,
      sentMs,
      endedMs: sentMs + 10,
      ok: word === word.toLowerCase(),
      refused: word === 'X',
      warned: false,
    };
  });
}

function post(server: number, action: FaultPost['action'], sentMs: number, ok = true): FaultPost {
  return { server, action, sentMs, endedMs: sentMs + 10, ok };
}

const exits = [post(0, 'exit', 20_000), post(1, 'exit', 20_010), post(2, 'exit', 20_020)];

function compare(sent: string, logs: readonly (string | null)[], posts: readonly FaultPost[] = exits) {
  const history: ClientHistory = { puts: puts(sent), posts };
  return compareLogs({ history, logs: logs.map((log) => (log === null ? null : log.split(''))) });
}

describe('the comparer', () => {
  it('is content when all logs are one and hold exactly what was answered', () => {
    expect(compare('abc', ['abc', 'abc', 'abc'])).toEqual({ result: 'Success', reasons: [], isExcused: false, excuse: null, doubled: [] });
  });

  it('does not mind another order than that of the client, as long as it is one', () => {
    expect(compare('abc', ['cab', 'cab', 'cab']).result).toBe('Success');
    expect(compare('abc', ['cab', 'cab', 'abc']).result).toBe('Failure');
  });

  it('finds an answered entry that is in no log', () => {
    expect(compare('abc', ['ac', 'ac', 'ac']).reasons[0]).toBe('1 acknowledged entries are in no log: b');
  });

  it('finds an entry in the logs that was not answered', () => {
    const verdict = compare('aBc', ['abc', 'abc', 'abc']);

    expect(verdict.result).toBe('Failure');
    expect(verdict.isExcused).toBe(false);
  });

  it('sees an entry that stands twice, which the course would not', () => {
    expect(compare('ab', ['aba', 'aba', 'aba'])).toMatchObject({ result: 'Success', doubled: ['a'] });
  });

  it('finds a log that is missing', () => {
    expect(compare('ab', ['ab', null, 'ab'])).toMatchObject({ result: 'Failure', isExcused: false });
  });
});

describe('a failure', () => {
  const crashedAt = (ms: number): FaultPost[] => [post(2, 'crash', ms), ...exits];

  it('is excused when the server was crashed at /exit and misses only what was committed during that crash', () => {
    const verdict = compare('abc', ['abc', 'abc', 'ab'], crashedAt(2500));

    expect(verdict).toMatchObject({ result: 'Failure', isExcused: true });
    expect(verdict.excuse).toBe('server 2 was crashed at /exit and misses 1 entries committed during that crash');
  });

  it('is a defect when the server was up', () => {
    expect(compare('abc', ['abc', 'abc', 'ab']).isExcused).toBe(false);
    expect(compare('abc', ['abc', 'abc', 'ab'], [post(2, 'crash', 2500), post(2, 'recover', 5000), ...exits]).isExcused).toBe(false);
  });

  it('is a defect when something is missing that was committed before that crash', () => {
    expect(compare('abc', ['abc', 'abc', 'a'], crashedAt(2500)).isExcused).toBe(false);
  });

  it('is a defect when the log is not a beginning of the others, or none is right', () => {
    expect(compare('abc', ['abc', 'abc', 'bax'], crashedAt(500)).isExcused).toBe(false);
    expect(compare('abc', ['abc', 'abc', 'b'], crashedAt(500)).isExcused).toBe(false);
    expect(compare('abcD', ['abcd', 'abcd', 'ab'], crashedAt(2500)).isExcused).toBe(false);
    expect(compare('abc', ['ab', 'ab', 'a'], crashedAt(1500)).isExcused).toBe(false);
  });

  it('is a defect when another server differs without such a reason', () => {
    expect(compare('abc', ['abc', 'ab', 'ab'], crashedAt(2500)).isExcused).toBe(false);
  });
});

describe('whether a server was crashed', () => {
  it('counts from the first of several crashes, and one recovery ends them all', () => {
    const posts = [
      post(1, 'crash', 100),
      post(1, 'crash', 200),
      post(1, 'recover', 300),
      post(1, 'crash', 400),
      post(1, 'crash', 500),
      post(1, 'exit', 900),
    ];

    expect(crashAtExit(posts, 1)).toBe(400);
    expect(crashAtExit(posts.slice(0, 3), 1)).toBe(null);
    expect(crashAtExit(posts, 0)).toBe(null);
  });

  it('goes on over a recovery that ended before anything could be caught up', () => {
    const recoverAnd = (crashMs: number): FaultPost[] => [
      post(1, 'crash', 100),
      post(1, 'recover', 300),
      post(1, 'crash', crashMs),
      post(1, 'exit', 900),
    ];

    expect(crashAtExit(recoverAnd(305), 1)).toBe(100);
    expect(crashAtExit(recoverAnd(320), 1)).toBe(100);
    expect(crashAtExit(recoverAnd(321), 1)).toBe(321);
  });

  it('does not count a crash of which no answer came', () => {
    expect(crashAtExit([post(1, 'crash', 100, false), post(1, 'exit', 900)], 1)).toBe(null);
  });

  it('tells a put that a running server left unanswered from one that a crash cut off', () => {
    const unanswered = (posts: readonly FaultPost[]): number => putsLeftUnanswered({ puts: puts('A'), posts });

    expect(unanswered([])).toBe(1);
    expect(unanswered([post(0, 'crash', 1005)])).toBe(0);
    expect(unanswered([post(0, 'crash', 500), post(0, 'recover', 1005)])).toBe(0);
    expect(unanswered([post(0, 'crash', 500), post(0, 'crash', 5000)])).toBe(0);
    expect(unanswered([post(0, 'crash', 500), post(0, 'recover', 600), post(0, 'crash', 2000)])).toBe(1);
    expect(unanswered([post(1, 'crash', 500)])).toBe(1);
    expect(putsLeftUnanswered({ puts: puts('X'), posts: [] })).toBe(0);
  });
});
