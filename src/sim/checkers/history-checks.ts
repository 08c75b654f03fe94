import type { History } from '../history.ts';
import { checkAtomicBatches } from './atomic-batches.ts';
import { checkContiguousReads } from './contiguous-reads.ts';
import { checkDefiniteErrors } from './definite-errors.ts';
import { checkDurability } from './durability.ts';
import { checkLinearizableEnd } from './linearizable-end.ts';
import { checkNoDuplicates } from './no-duplicates.ts';
import { checkNoRevokedShown } from './no-revoked-shown.ts';
import { checkOneValuePerOffset } from './one-value-per-offset.ts';
import { checkRealTimeOrder } from './real-time-order.ts';
import { checkSessionReads } from './session-reads.ts';
import type { CheckReport } from './verdict.ts';

/** Every check of what the clients saw. */
export function checkHistory(history: History): CheckReport[] {
  return [
    checkDurability,
    checkOneValuePerOffset,
    checkRealTimeOrder,
    checkNoDuplicates,
    checkDefiniteErrors,
    checkNoRevokedShown,
    checkLinearizableEnd,
    checkContiguousReads,
    checkAtomicBatches,
    checkSessionReads,
  ].map((check) => check(history).report());
}
