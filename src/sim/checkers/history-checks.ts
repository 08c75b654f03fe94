import type { History } from '../history.ts';
import { checkLinearizableCursor } from './c1-linearizable-cursor.ts';
import { checkKeptUntilRead } from './c10-kept-until-read.ts';
import { checkMonotoneCursor } from './c2-monotone-cursor.ts';
import { checkFencedWorkers } from './c3-fenced-workers.ts';
import { checkOneHolder } from './c4-one-holder.ts';
import { checkPulledOnce } from './c5-pulled-once.ts';
import { checkNoSilentReset } from './c6-no-silent-reset.ts';
import { checkProcessedOnly } from './c7-processed-only.ts';
import { checkProcessedOrParked } from './c8-processed-or-parked.ts';
import { checkParkedOnce } from './c9-parked-once.ts';
import { checkNoRevokedShown } from './d7-revoked-stays-hidden.ts';
import { checkDurability } from './l1-no-lost-append.ts';
import { checkMonotonicHighWatermark } from './l10-monotonic-high-watermark.ts';
import { checkLinearizableEnd } from './l11-linearizable-end.ts';
import { checkSessionReads } from './l12-session-reads.ts';
import { checkConditionalAppend } from './l14-conditional-append.ts';
import { checkAtomicBatch } from './l15-atomic-batch.ts';
import { checkErrorTruth } from './l16-error-truth.ts';
import { checkSearchEqualsPlainScan } from './l19-search-equals-a-plain-scan.ts';
import { checkNoPhantom } from './l2-no-phantom.ts';
import { checkKeysKeepToTheirPartition } from './l20-keys-keep-to-their-partition.ts';
import { checkDeliveredWhenDue } from './l21-delivered-when-due.ts';
import { checkNoDuplicates } from './l3-no-duplicate.ts';
import { checkOneValuePerOffset } from './l4-one-value-per-offset.ts';
import { checkRealTimeOrder } from './l5-real-time-order.ts';
import { checkProducerOrder } from './l6-producer-order.ts';
import { checkContiguousReads } from './l7-contiguous-reads.ts';
import { checkMonotonicPolls } from './l8-monotonic-polls.ts';
import { checkCommittedOnly } from './l9-committed-only.ts';
import type { CheckReport } from './verdict.ts';

/** Every check of what the clients saw. */
export function checkHistory(history: History): CheckReport[] {
  return [
    checkDurability,
    checkNoPhantom,
    checkNoDuplicates,
    checkOneValuePerOffset,
    checkRealTimeOrder,
    checkProducerOrder,
    checkContiguousReads,
    checkMonotonicPolls,
    checkCommittedOnly,
    checkMonotonicHighWatermark,
    checkLinearizableEnd,
    checkSessionReads,
    checkConditionalAppend,
    checkAtomicBatch,
    checkErrorTruth,
    checkSearchEqualsPlainScan,
    checkKeysKeepToTheirPartition,
    checkDeliveredWhenDue,
    checkNoRevokedShown,
    checkLinearizableCursor,
    checkMonotoneCursor,
    checkFencedWorkers,
    checkOneHolder,
    checkPulledOnce,
    checkNoSilentReset,
    checkProcessedOnly,
    checkProcessedOrParked,
    checkParkedOnce,
    checkKeptUntilRead,
  ].map((check) => check(history).report());
}
