/**
 * Vector clocks (Fidge 1988, Mattern 1989): for each process, how many of its events a process knows of. They tell exactly what happened before what:
 * e happened before f if and only if V(e) < V(f). All vectors that are compared have one entry for each process, in the same order.
 */
export type VectorTime = readonly number[];

/** Of two events: `concurrent` where neither can have caused the other. Only an event itself has an `equal` vector. */
export type CausalOrder = 'before' | 'after' | 'equal' | 'concurrent';

/** What a process knows before its first event. */
export const startVector = (processCount: number): VectorTime => Array.from({ length: processCount }, () => 0);

/** Of an event of the process itself; `process` is its index. */
export const advanceVector = (own: VectorTime, process: number): VectorTime =>
  own.map((count, index) => (index === process ? count + 1 : count));

/** Of receiving a message that carries the sender's vector. */
export const receiveVector = (own: VectorTime, process: number, carried: VectorTime): VectorTime =>
  own.map((count, index) => Math.max(count, carried[index] as number) + (index === process ? 1 : 0));

export function compareVectors(a: VectorTime, b: VectorTime): CausalOrder {
  let isLess = false;
  let isGreater = false;
  for (const [index, count] of a.entries()) {
    const other = b[index] as number;
    if (count < other) isLess = true;
    else if (count > other) isGreater = true;
  }
  if (isLess) return isGreater ? 'concurrent' : 'before';
  return isGreater ? 'after' : 'equal';
}

/**
 * A cut takes of each process its first events. It is consistent if it holds the cause of everything in it, so that it can have been the state of the
 * whole at some moment: no message has been received that was not sent.
 * @param last for each process the vector of its last event within the cut; `startVector` where there is none
 */
export const isConsistentCut = (last: readonly VectorTime[]): boolean =>
  // No process knows of more events of another than the cut has of that one.
  last.every((vector) => vector.every((count, process) => count <= ((last[process] as VectorTime)[process] as number)));

/**
 * The greatest consistent cut within a cut. The consistent cuts are a lattice, so there is exactly one: what knows of too much goes, until nothing does.
 * @param histories for each process the vectors of its events in order
 * @param counts how many events of each process the cut has
 * @returns how many of each are left
 */
export function latestConsistentCut(histories: readonly (readonly VectorTime[])[], counts: readonly number[]): readonly number[] {
  const kept = [...counts];
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const [process, history] of histories.entries()) {
      while (history[(kept[process] as number) - 1]?.some((count, other) => count > (kept[other] as number)) === true) {
        (kept[process] as number)--;
        isChanged = true;
      }
    }
  }
  return kept;
}
