import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offset, term } from '../../../src/base/branded.ts';
import { TermTable } from '../../../src/raft/term-table.ts';

/** The table of a log, given the term of each record. */
function tableOf(terms: readonly number[]): TermTable {
  const table = new TermTable([]);
  for (const [i, each] of terms.entries()) table.append(term(each), offset(i));
  return table;
}

const risingTerms = fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 30 }).map((terms) => terms.sort((a, b) => a - b));

describe('TermTable', () => {
  it('has one start a term', () => {
    expect(tableOf([1, 1, 4, 4, 6]).starts).toEqual([
      { term: 1, offsetFrom: 0 },
      { term: 4, offsetFrom: 2 },
      { term: 6, offsetFrom: 4 },
    ]);
  });

  it('knows the term before every end', () => {
    fc.assert(
      fc.property(risingTerms, (terms) => {
        const table = tableOf(terms);

        for (let end = 0; end <= terms.length; end++) expect(table.termBefore(end)).toBe(terms[end - 1] ?? 0);
        expect(table.lastTerm).toBe(terms.at(-1) ?? 0);
      }),
    );
  });

  it('forgets what is cut', () => {
    fc.assert(
      fc.property(risingTerms, fc.nat(30), (terms, at) => {
        const end = Math.min(at, terms.length);
        const table = tableOf(terms);

        table.truncate(offset(end));

        expect(table.starts).toEqual(tableOf(terms.slice(0, end)).starts);
      }),
    );
  });

  it('backs up to the largest end whose last record has at most the term', () => {
    fc.assert(
      fc.property(risingTerms, fc.nat(30), fc.nat(9), (terms, at, least) => {
        const limit = Math.min(at, terms.length);
        let expected = limit;
        while (expected > 0 && (terms[expected - 1] as number) > least) expected--;

        expect(tableOf(terms).backUp(offset(limit), term(least))).toBe(expected);
      }),
    );
  });

  it('refuses a term that falls', () => {
    expect(() => tableOf([2, 1])).toThrow('terms rise along the log');
  });

  it('does not know what is older than its first start', () => {
    const table = new TermTable([{ term: term(3), offsetFrom: offset(100) }]);

    expect([table.termBefore(100), table.termBefore(101)]).toEqual([0, 3]);
  });
});
