import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { checkInLinearTime, type EndOperation, endOfLog, endOperations } from '../../src/sim/checkers/l11-linearizable-end.ts';
import { linearize } from '../../src/sim/checkers/linearize.ts';
import { Findings } from '../../src/sim/checkers/verdict.ts';
import { goodHistory, replaceFinal } from './hand-made.ts';

const operation = (from: number, to: number, invoked: number, completed: number, mayBeMissing = false): EndOperation => ({
  topic: 'log',
  from,
  to,
  invoked,
  completed,
  mayBeMissing,
  what: from === to ? 'a read' : 'an append',
});

const inLinearTime = (operations: readonly EndOperation[]): 'yes' | 'no' => {
  const findings = new Findings('L11');
  checkInLinearTime(operations, findings);
  return findings.clean ? 'yes' : 'no';
};

/** A history that is right, of up to ten operations that overlap at will; then perhaps one thing is made wrong. */
function randomHistory(seed: number): EndOperation[] {
  const random = new SeededRandom(seed);
  const operations: EndOperation[] = [];
  let end = random.below(3);
  const count = 2 + random.below(9);
  for (let i = 0; i < count; i++) {
    if (random.chance(0.2)) end += 1 + random.below(3);
    const from = end;
    if (random.chance(0.5)) end += 1 + random.below(3);
    // It took effect at 10 i.
    const completed = random.chance(0.15) ? Number.POSITIVE_INFINITY : 10 * i + 1 + random.below(40) + random.float();
    operations.push(operation(from, end, 10 * i - 1 - random.below(40) - random.float(), completed));
  }
  if (random.chance(0.6)) {
    const at = random.below(operations.length);
    const one = operations[at] as EndOperation;
    // Elsewhere, but never inside of what another one appended: that is not about time (L4, L15).
    const place = random.chance(0.5) ? random.pick(operations).to : random.pick(operations).from;
    if (one.from === one.to) operations[at] = { ...one, from: place, to: place };
    else operations[at] = { ...one, invoked: one.invoked + 60, completed: one.completed + 60 };
  }
  return operations;
}

describe('all orders and linear time', () => {
  test('agree on 5,000 random histories, right ones and wrong ones', () => {
    let right = 0;
    for (let seed = 1; seed <= 5000; seed++) {
      const history = randomHistory(seed);
      const answer = linearize(history, endOfLog);
      expect(answer, `seed ${seed}: ${JSON.stringify(history)}`).toBe(inLinearTime(history));
      if (answer === 'yes') right++;
    }

    expect(right).toBeGreaterThan(1000);
    expect(5000 - right).toBeGreaterThan(500);
  });
});

describe('the search', () => {
  test('finds an order for operations that overlap, and none against real time', () => {
    expect(linearize([operation(2, 3, 0, 10), operation(0, 2, 1, 9), operation(2, 2, 2, 8)], endOfLog)).toBe('yes');
    expect(linearize([operation(2, 3, 0, 1), operation(0, 2, 2, 3)], endOfLog)).toBe('no');
  });

  test('lets what nobody was told of take effect late, or not at all', () => {
    const never = Number.POSITIVE_INFINITY;

    expect(linearize([operation(0, 1, 0, never), operation(0, 0, 5, 6), operation(1, 1, 7, 8)], endOfLog)).toBe('yes');
    expect(linearize([operation(0, 1, 0, never, true), operation(5, 5, 1, 2)], endOfLog)).toBe('yes');
    expect(linearize([operation(1, 2, 9, never, true), operation(3, 3, 1, 2)], endOfLog)).toBe('yes');
    expect(linearize([operation(1, 2, 9, never), operation(3, 3, 1, 2)], endOfLog)).toBe('no');
  });

  test('says that it does not know when there are too many orders', () => {
    const many = Array.from({ length: 12 }, (_, i) => operation(20 - i, 20 - i, 0, 100 + i));
    const impossible = operation(30, 30, -2, -1);

    expect(linearize([impossible, ...many], endOfLog, 0)).toBe('unknown');
    expect(
      linearize(
        Array.from({ length: 31 }, (_, i) => operation(i, i, i, i)),
        endOfLog,
      ),
    ).toBe('unknown');
  });

  test('works on registers of another kind: of two that compare and set one value only one wins', () => {
    type Cas = { readonly invoked: number; readonly completed: number; readonly expected: number; readonly value: number };
    const model = {
      initial: 0,
      apply: (value: number, cas: Cas): number | null => (value === cas.expected ? cas.value : null),
      keyOf: String,
    };

    expect(linearize<number, Cas>([{ invoked: 0, completed: 9, expected: 0, value: 1 }], model)).toBe('yes');
    expect(
      linearize<number, Cas>(
        [
          { invoked: 0, completed: 9, expected: 0, value: 1 },
          { invoked: 1, completed: 8, expected: 0, value: 2 },
        ],
        model,
      ),
    ).toBe('no');
  });
});

test('an append that nobody was told of is taken from the log, if it is there', () => {
  const history = goodHistory((_made, appends) => Object.assign(appends[0] ?? {}, { outcome: 'indefinite', result: null }));
  const without = goodHistory((made, appends) => {
    Object.assign(appends[0] ?? {}, { outcome: 'indefinite', result: null });
    [0, 1, 2].forEach((i) => replaceFinal(made, i, [2, 1, 3, 2, 4, 3]));
  });

  expect(endOperations(history)[0]).toMatchObject({ from: 1, to: 2, completed: Number.POSITIVE_INFINITY });
  expect(endOperations(without)).toHaveLength(endOperations(history).length - 1);
});
