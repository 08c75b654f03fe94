import { describe, expect, it } from 'vitest';
import { brokerId, firstTerm, offset } from '../../../src/base/branded.ts';
import { type AppendOutcome, LeaderAppends } from '../../../src/broker/leader-appends.ts';
import type { Replica, ReplicaContext } from '../../../src/broker/replica.ts';
import type { Level } from '../../../src/eventlog/index.ts';
import { RecordBatchBuilder } from '../../../src/record/index.ts';
import { systemBytes } from '../../../src/system/bytes.ts';

/** What of the consensus core the answers depend on, to be set by hand. This broker is 1 of three. */
class Standing {
  role: 'leader' | 'follower' = 'leader';
  highWatermark = 1;
  syncedOffset = 1;
  readonly peersSynced = [1, 1];
  readonly id = brokerId(1);
  readonly leader = null;
  readonly term = firstTerm;
  readonly termStarts = [{ term: firstTerm, offsetFrom: offset(0) }];
  readonly endOffset = offset(2);
  readonly membership = { voters: [1, 2, 3].map(brokerId) };

  refusal(): null {
    return null;
  }

  acknowledgedBy(offsetTo: number): number[] {
    const known = this.role === 'leader' ? [this.syncedOffset, ...this.peersSynced] : [this.syncedOffset];
    return this.membership.voters.filter((_, index) => (known[index] ?? 0) >= offsetTo);
  }
}

/** A repeated append whose record stands at offset 1 and is on no disk yet. */
function waitingFor(level: Level): { readonly raft: Standing; readonly appends: LeaderAppends; readonly outcomes: AppendOutcome[] } {
  const raft = new Standing();
  const known = { kind: 'duplicate', batch: { offsetFrom: 1, count: 1, term: firstTerm, timestampMs: 0 } };
  const replica = { raft, sync: () => true, tail: { producers: { check: () => known } } };
  const context = { clock: { monotonicMs: () => 0 }, counters: { duplicateAppends: 0 }, bytes: systemBytes };
  const appends = new LeaderAppends(replica as unknown as Replica, context as unknown as ReplicaContext);
  const outcomes: AppendOutcome[] = [];
  const builder = new RecordBatchBuilder();
  builder.add(0, null, systemBytes.utf8Encode('x'));
  const batch = builder.finish(systemBytes);
  appends.submit({ batch, level, expectedOffset: null, deadlineMs: 1000, answer: (outcome) => outcomes.push(outcome) });
  expect(outcomes).toEqual([]);
  return { raft, appends, outcomes };
}

describe('an append at level leader', () => {
  it('is answered when the leader has synced it', () => {
    const { raft, appends, outcomes } = waitingFor('leader');

    raft.syncedOffset = 2;
    appends.settle(false);

    expect(outcomes).toMatchObject([{ ok: true, value: { committed: false, ackedBy: [1] } }]);
  });

  it('is answered when a majority has, the leader not yet', () => {
    const { raft, appends, outcomes } = waitingFor('leader');

    raft.highWatermark = 2;
    raft.peersSynced.fill(2);
    appends.settle(false);

    expect(outcomes).toMatchObject([{ ok: true, value: { committed: true, ackedBy: [2, 3] } }]);
  });

  it('is not known to be anywhere by who stops leading, hears that it is committed, and has not synced it', () => {
    const { raft, appends, outcomes } = waitingFor('leader');

    raft.role = 'follower';
    raft.highWatermark = 2;
    appends.settle(true);

    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'leadershipLost' } }]);
  });

  it('is answered by who stops leading and has synced it', () => {
    const { raft, appends, outcomes } = waitingFor('leader');

    raft.role = 'follower';
    raft.highWatermark = 2;
    raft.syncedOffset = 2;
    appends.settle(true);

    expect(outcomes).toMatchObject([{ ok: true, value: { committed: true, ackedBy: [1] } }]);
  });
});
