/**
 * Logical clocks as immutable values, with their laws: Lamport's (`lamport.ts`), vector clocks (`vector.ts`), and hybrid ones (`hybrid.ts`), of which
 * `HybridClock` is a broker's own, the one thing here with a state. What is known of an execution by its vector clocks: which event happened before
 * which (`compareVectors`), and whether a cut is consistent (`isConsistentCut`).
 *
 * It leaves out where the time comes from and what the clocks are put on: see `host/` and `wire/`.
 */
export { HybridClock, isStampBefore, type Stamp, stampAheadMsMax, stampStart } from './hybrid.ts';
export { advanceLamport, lamportStart, receiveLamport } from './lamport.ts';
export {
  advanceVector,
  compareVectors,
  isConsistentCut,
  latestConsistentCut,
  receiveVector,
  startVector,
  type VectorTime,
} from './vector.ts';
