import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  advanceLamport,
  advanceVector,
  compareVectors,
  HybridClock,
  isConsistentCut,
  isStampBefore,
  lamportStart,
  latestConsistentCut,
  receiveLamport,
  receiveVector,
  type Stamp,
  stampAheadMsMax,
  startVector,
  type VectorTime,
} from '../../../src/clocks/index.ts';
import { type Execution, execution, happenedBefore } from './executions.ts';

/** fast-check prints the seed and the path of a failure; put them into these options to replay it. */
const options: fc.Parameters<unknown> = { numRuns: 200 };

function lamportTimes({ processCount, steps }: Execution): readonly number[] {
  const own = Array.from({ length: processCount }, () => lamportStart);
  const times: number[] = [];
  for (const step of steps) {
    const before = own[step.process] as number;
    own[step.process] = step.kind === 'receive' ? receiveLamport(before, times[step.sent] as number) : advanceLamport(before);
    times.push(own[step.process] as number);
  }
  return times;
}

function vectorTimes({ processCount, steps }: Execution): readonly VectorTime[] {
  const own = Array.from({ length: processCount }, () => startVector(processCount));
  const times: VectorTime[] = [];
  for (const { process, ...step } of steps) {
    const before = own[process] as VectorTime;
    own[process] =
      step.kind === 'receive' ? receiveVector(before, process, times[step.sent] as VectorTime) : advanceVector(before, process);
    times.push(own[process] as VectorTime);
  }
  return times;
}

/** For each process the vectors of its events. */
function histories({ processCount, steps }: Execution, times: readonly VectorTime[]): readonly (readonly VectorTime[])[] {
  return Array.from({ length: processCount }, (_, process) => times.filter((_time, index) => steps[index]?.process === process));
}

describe("Lamport's clock", () => {
  test('is less at e than at f if e happened before f', () => {
    fc.assert(
      fc.property(execution, (run) => {
        const times = lamportTimes(run);

        for (const [f, causes] of happenedBefore(run).entries()) for (const e of causes) expect(times[e]).toBeLessThan(times[f] as number);
      }),
      options,
    );
  });

  test('rises by one with an event of the process, and to one more than the greater with a message', () => {
    expect(advanceLamport(lamportStart)).toBe(1);
    expect(receiveLamport(3, 9)).toBe(10);
    expect(receiveLamport(9, 3)).toBe(10);
    expect(receiveLamport(9, 9)).toBe(10);
  });
});

describe('a vector clock', () => {
  test('says exactly what happened before what', () => {
    fc.assert(
      fc.property(execution, (run) => {
        const times = vectorTimes(run);
        const before = happenedBefore(run);

        for (const [f, time] of times.entries()) {
          for (const [e, other] of times.entries()) {
            const expected =
              e === f ? 'equal' : before[f]?.has(e) === true ? 'before' : before[e]?.has(f) === true ? 'after' : 'concurrent';
            expect(compareVectors(other, time)).toBe(expected);
          }
        }
      }),
      options,
    );
  });

  test('counts for each process how many of its events are causes', () => {
    fc.assert(
      fc.property(execution, (run) => {
        const before = happenedBefore(run);

        for (const [f, time] of vectorTimes(run).entries()) {
          const known = startVector(run.processCount).map(
            (_, process) => [...(before[f] ?? []), f].filter((e) => run.steps[e]?.process === process).length,
          );
          expect(time).toEqual(known);
        }
      }),
      options,
    );
  });

  test('is a value: what is made from it leaves it as it was', () => {
    const first = Object.freeze(startVector(2));
    const second = Object.freeze(advanceVector(first, 0));

    expect(receiveVector(first, 1, second)).toEqual([1, 1]);
    expect(first).toEqual([0, 0]);
    expect(second).toEqual([1, 0]);
  });
});

describe('a cut', () => {
  const cutOf = (run: Execution, picks: readonly number[]): readonly number[] =>
    histories(run, vectorTimes(run)).map((history, process) => (picks[process] ?? 0) % (history.length + 1));
  const cases = fc.tuple(execution, fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }));
  /** Steps within a cut. */
  const within = ({ steps }: Execution, counts: readonly number[]): readonly number[] => {
    const left = [...counts];
    return steps.flatMap(({ process }, index) => ((left[process] as number)-- > 0 ? [index] : []));
  };
  const holdsItsCauses = (run: Execution, counts: readonly number[]): boolean => {
    const before = happenedBefore(run);
    const inside = new Set(within(run, counts));
    return [...inside].every((f) => [...(before[f] as ReadonlySet<number>)].every((e) => inside.has(e)));
  };
  const lastOf = (run: Execution, counts: readonly number[]): readonly VectorTime[] =>
    histories(run, vectorTimes(run)).map((history, process) => history[(counts[process] as number) - 1] ?? startVector(run.processCount));

  test('is consistent if and only if it holds the causes of all that is in it', () => {
    let consistent = 0;
    let inconsistent = 0;
    fc.assert(
      fc.property(cases, ([run, picks]) => {
        const counts = cutOf(run, picks);
        const expected = holdsItsCauses(run, counts);

        expect(isConsistentCut(lastOf(run, counts))).toBe(expected);
        if (expected) consistent++;
        else inconsistent++;
      }),
      options,
    );
    // Both kinds have been tried, whatever the seed.
    expect(Math.min(consistent, inconsistent)).toBeGreaterThan(0);
  });

  test('has one greatest consistent cut within it', () => {
    fc.assert(
      fc.property(cases, ([run, picks]) => {
        const counts = cutOf(run, picks);
        const kept = latestConsistentCut(histories(run, vectorTimes(run)), counts);

        expect(holdsItsCauses(run, kept)).toBe(true);
        // Each event that was taken away has a cause outside the cut: no consistent cut within `counts` holds it.
        const before = happenedBefore(run);
        const [inside, asked] = [new Set(within(run, kept)), new Set(within(run, counts))];
        const needlessly = [...asked].filter((f) => !inside.has(f) && [...(before[f] as ReadonlySet<number>)].every((e) => asked.has(e)));
        expect(needlessly).toEqual([]);
      }),
      options,
    );
  });
});

describe('a hybrid clock', () => {
  /** Each step, and by how much the true time goes on before it. */
  const timed = fc.tuple(
    execution,
    fc.array(fc.nat(40), { minLength: 40, maxLength: 40 }),
    // How wrong the clock of each process is: two differ by no more than the bound.
    fc.array(fc.nat(stampAheadMsMax), { minLength: 5, maxLength: 5 }),
  );

  interface Stamped {
    readonly stamp: Stamp;
    readonly wallMs: number;
    readonly followed: boolean;
  }

  function stamps(run: Execution, pauses: readonly number[], errors: readonly number[]): readonly Stamped[] {
    let trueMs = 1_700_000_000_000;
    const clocks = errors.map((error) => new HybridClock({ wallMs: () => trueMs + error }));
    const stamped: Stamped[] = [];
    for (const [index, step] of run.steps.entries()) {
      trueMs += pauses[index] ?? 0;
      const clock = clocks[step.process] as HybridClock;
      const followed = step.kind !== 'receive' || clock.observe((stamped[step.sent] as Stamped).stamp);
      stamped.push({ stamp: clock.next(), wallMs: trueMs + (errors[step.process] as number), followed });
    }
    return stamped;
  }

  test('is less at e than at f if e happened before f, where clocks differ by no more than the bound', () => {
    fc.assert(
      fc.property(timed, ([run, pauses, errors]) => {
        const stamped = stamps(run, pauses, errors);

        expect(stamped.every(({ followed }) => followed)).toBe(true);
        for (const [f, causes] of happenedBefore(run).entries()) {
          for (const e of causes) expect(isStampBefore((stamped[e] as Stamped).stamp, (stamped[f] as Stamped).stamp)).toBe(true);
        }
      }),
      options,
    );
  });

  test('stays within the bound of its own wall clock, whatever others send', () => {
    fc.assert(
      fc.property(
        execution,
        fc.array(fc.nat(40), { minLength: 40, maxLength: 40 }),
        fc.array(fc.integer({ min: -100_000, max: 100_000 }), { minLength: 5, maxLength: 5 }),
        (run, pauses, errors) => {
          for (const { stamp, wallMs } of stamps(run, pauses, errors)) {
            expect(stamp.ms).toBeGreaterThanOrEqual(wallMs);
            expect(stamp.ms).toBeLessThanOrEqual(wallMs + stampAheadMsMax);
          }
        },
      ),
      options,
    );
  });

  test('rises with every stamp, however its wall clock jumps and whatever it is shown', () => {
    const input = fc.record({ wallMs: fc.integer({ min: -5, max: 2000 }), ms: fc.nat(3000), counter: fc.nat(0xffff), way: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
        let wallMs = 0;
        const clock = new HybridClock({ wallMs: () => wallMs });
        let last: Stamp = clock.next();
        for (const { ms, counter, way, wallMs: now } of inputs) {
          wallMs = now;
          const shown = { ms, counter };
          if (way === 0) clock.observe(shown);
          const continued = way === 1 ? clock.nextAfter(shown) : { ms: Number.POSITIVE_INFINITY, counter: 0 };
          const next = clock.next();

          expect(isStampBefore(shown, continued)).toBe(true);
          expect(isStampBefore(last, next)).toBe(true);
          expect(next.counter).toBeLessThanOrEqual(0xffff);
          last = next;
        }
      }),
      options,
    );
  });
});
