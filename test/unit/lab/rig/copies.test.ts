import { describe, expect, it } from 'vitest';
import { type Attempt, checkCopies, type Copy } from '../../../../src/lab/rig/check-copies.ts';
import { longestGapMs } from '../../../../src/lab/rig/load.ts';

interface Given {
  readonly offset?: number;
  readonly sentMs?: number;
  readonly endedMs?: number;
  readonly failure?: Attempt['failure'];
}

function attempt(value: string, given: Given): Attempt {
  const sentMs = given.sentMs ?? 10 * (given.offset ?? 0);
  const endedMs = given.endedMs ?? sentMs + 5;
  const offset = given.offset ?? null;
  const unused = { term: null, ackedBy: [], isProbe: false };
  return { value, sentMs, endedMs, invoked: sentMs, completed: endedMs, offset, ...unused, failure: given.failure ?? null };
}

/** `'a b . d'`: the values at offsets 0, 1 and 3; a dot is an offset without a visible record. */
function copy(broker: number, values: string): Copy {
  const records = values.split(' ').flatMap((value, offset) => (value === '.' ? [] : [{ offset, value }]));
  return { broker, records };
}

const none = { lost: 0, moved: 0, doubled: 0, reordered: 0, ghosts: 0, differing: 0, examples: [] };
const acknowledged = [attempt('a', { offset: 0 }), attempt('b', { offset: 1 }), attempt('d', { offset: 3 })];

describe('the check of copies', () => {
  it('finds nothing when every broker holds what was acknowledged, where it was acknowledged', () => {
    expect(checkCopies(acknowledged, [copy(1, 'a b . d'), copy(2, 'a b . d'), copy(3, 'a b . d')])).toEqual(none);
  });

  it('finds a lost record, on whichever broker', () => {
    expect(checkCopies(acknowledged, [copy(1, 'a b . d'), copy(2, 'a b . .')])).toMatchObject({ lost: 1, differing: 1 });
    expect(checkCopies(acknowledged, [copy(1, 'a b . .'), copy(2, 'a b . .')])).toMatchObject({ lost: 2, differing: 0 });
  });

  it('finds a record that moved', () => {
    expect(checkCopies(acknowledged, [copy(1, 'a b d')])).toMatchObject({ moved: 1, lost: 0 });
  });

  it('finds a record that stands twice', () => {
    expect(checkCopies(acknowledged, [copy(1, 'a b a d')])).toMatchObject({ doubled: 1, lost: 0, moved: 0 });
  });

  it('takes an append of unknown outcome as it is, once or not at all', () => {
    const unknown = [...acknowledged, attempt('x', { sentMs: 1, failure: { code: 'timeout', definite: false } })];

    expect(checkCopies(unknown, [copy(1, 'a b x d')])).toEqual(none);
    expect(checkCopies(unknown, [copy(1, 'a b . d')])).toEqual(none);
    expect(checkCopies(unknown, [copy(1, 'a b x d x')])).toMatchObject({ doubled: 1 });
  });

  it('finds what was refused for good, or never sent, and is there', () => {
    const refused = [...acknowledged, attempt('x', { sentMs: 1, failure: { code: 'noLeader', definite: true } })];

    expect(checkCopies(refused, [copy(1, 'a b x d')])).toMatchObject({ ghosts: 1 });
    expect(checkCopies(acknowledged, [copy(1, 'a b . d z')])).toMatchObject({ ghosts: 1 });
  });

  it('finds an append that was sent after the answer of another and stands before it', () => {
    const late = [attempt('a', { offset: 1, sentMs: 0, endedMs: 10 }), attempt('b', { offset: 0, sentMs: 20, endedMs: 30 })];
    const together = [attempt('a', { offset: 1, sentMs: 0, endedMs: 25 }), attempt('b', { offset: 0, sentMs: 20, endedMs: 30 })];

    expect(checkCopies(late, [copy(1, 'b a')])).toMatchObject({ reordered: 1 });
    expect(checkCopies(together, [copy(1, 'b a')])).toEqual(none);
  });
});

describe('the longest gap', () => {
  it('lies between two acknowledgements or at the edges of the span', () => {
    const attempts = [100, 130, 190, 200].map((endedMs, offset) => attempt(String(offset), { offset, sentMs: 0, endedMs }));

    expect(longestGapMs(attempts, 90, 210)).toBe(60);
    expect(longestGapMs(attempts, 0, 210)).toBe(100);
    expect(longestGapMs(attempts, 90, 500)).toBe(300);
  });

  it('does not take a failure for an acknowledgement', () => {
    const failed = attempt('x', { sentMs: 0, endedMs: 150, failure: { code: 'timeout', definite: false } });

    expect(longestGapMs([failed], 100, 200)).toBe(100);
  });
});
