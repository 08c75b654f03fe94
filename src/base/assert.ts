/**
 * Assertions stay on in production: a broken invariant stops the process before it can spread to a disk or a peer.
 * An assertion states one fact and never reports bad input; bad input is a value or a LogError.
 */
class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

export function assert(condition: boolean, fact: string): asserts condition {
  if (!condition) throw new AssertionError(`Invariant broken: ${fact}`);
}

/**
 * For hot paths: the sentence is made only when the fact does not hold. An argument with numbers in it is a string built at every call.
 *
 *     if (from !== end) broken(`a batch continues the log at ${end}, not at ${from}`);
 */
export function broken(fact: string): never {
  throw new AssertionError(`Invariant broken: ${fact}`);
}

/** Marks a branch that the types have excluded; the argument makes a forgotten case a compile error. */
export function unreachable(value: never): never {
  throw new AssertionError(`Unreachable: ${String(value)}`);
}
