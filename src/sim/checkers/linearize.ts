/**
 * Is there an order of these operations that respects real time and that a given register allows? All orders are tried, as Wing and Gong (1993) do, and
 * what was tried in vain is not tried again (Lowe 2017): taking a set of operations leads to the same register whatever their order, or is remembered
 * with it. For small windows: the work doubles with each operation that overlaps the others.
 */
export interface TimedOperation {
  /** Numbers of one running count. */
  readonly invoked: number;
  /** Infinite when nobody knows when it took effect: it may still do so after everything else. */
  readonly completed: number;
  /** Nobody knows whether it took effect at all. */
  readonly mayBeMissing?: boolean;
}

export interface RegisterModel<State, Operation> {
  readonly initial: State;
  /** The register afterwards, or null where it does not allow this operation. */
  readonly apply: (state: State, operation: Operation) => State | null;
  /** Equal texts mean equal registers. */
  readonly keyOf: (state: State) => string;
}

/** `unknown` when the limit was reached first. */
export type Linearization = 'yes' | 'no' | 'unknown';

const operationsMax = 30;

export function linearize<State, Operation extends TimedOperation>(
  operations: readonly Operation[],
  model: RegisterModel<State, Operation>,
  stepsMax = 100_000,
): Linearization {
  if (operations.length > operationsMax) return 'unknown';
  const ordered = operations.toSorted((a, b) => a.invoked - b.invoked);
  const needed = ordered.reduce((set, { mayBeMissing }, i) => (mayBeMissing === true ? set : set + 2 ** i), 0);
  const inVain = new Set<string>();
  let steps = 0;

  const search = (taken: number, state: State): Linearization => {
    if ((taken & needed) === needed) return 'yes';
    const key = `${taken} ${model.keyOf(state)}`;
    if (inVain.has(key)) return 'no';
    if (++steps > stepsMax) return 'unknown';
    // Whatever is taken next must have begun before any of those that are left was over.
    let firstEnd = Number.POSITIVE_INFINITY;
    for (let i = 0; i < ordered.length; i++) {
      const { completed } = ordered[i] as Operation;
      if ((taken & (1 << i)) === 0 && completed < firstEnd) firstEnd = completed;
    }
    for (let i = 0; i < ordered.length; i++) {
      const operation = ordered[i] as Operation;
      if ((taken & (1 << i)) !== 0) continue;
      if (operation.invoked > firstEnd) break;
      const next = model.apply(state, operation);
      if (next === null) continue;
      const found = search(taken | (1 << i), next);
      if (found !== 'no') return found;
    }
    inVain.add(key);
    return 'no';
  };
  return search(0, model.initial);
}
