import { describe, expect, test } from 'vitest';
import { type AppendContext, type AppendOutcome, type AppendTarget, LeaderAppends } from '../../../../src/broker/replica/leader-appends.ts';
import { SharedRoom } from '../../../../src/broker/replica/shared-room.ts';
import { offset } from '../../../../src/base/branded.ts';
import type { Level } from '../../../../src/eventlog/index.ts';
import { isQuorum, type Membership, type Raft } from '../../../../src/raft/index.ts';
import { simBytes } from '../../../../src/sim/bytes.ts';
import { batchOf } from '../rig.ts';

/** A leader that has appended one record at offset 1 in term 1, and then lives through what the test makes of `raft`. */
function leaderWithOneAppend(level: Level = 'quorum'): {
  readonly appends: LeaderAppends;
  readonly raft: Record<string, unknown>;
  readonly outcomes: AppendOutcome[];
} {
  const raft: Record<string, unknown> = {
    id: 1,
    role: 'leader',
    leader: 1,
    term: 1,
    endOffset: 2,
    highWatermark: 1,
    syncedOffset: 1,
    termStarts: [{ term: 1, offsetFrom: 0 }],
    membership: { voters: [1, 2, 3], votersOutgoing: [], learners: [] },
    uncommittedBytes: 0,
    refusal: () => null,
    acknowledgedBy: () => [1],
    isOnQuorum: () =>
      isQuorum(raft['membership'] as Membership, (voter) => (raft['acknowledgedBy'] as Raft['acknowledgedBy'])(offset(2)).includes(voter)),
  };
  const replica = {
    raft,
    tail: { producers: { check: () => ({ kind: 'new' }) }, lastStamp: { ms: 1, counter: 0 }, lastTerm: 1 },
    log: { full: false },
    sync: () => true,
    hasRoomFor: () => true,
    propose: () => ({ offsetFrom: 1, offsetTo: 2, term: 1 }),
  } as unknown as AppendTarget;
  const context = {
    bytes: simBytes,
    clock: { monotonicMs: () => 0, wallMs: () => 0 },
    counters: {},
    causes: { append: () => undefined },
    settings: {},
    rooms: { uncommitted: new SharedRoom(1000), requestIds: new SharedRoom(1000), sessions: new SharedRoom(1000) },
  } as unknown as AppendContext;
  const appends = new LeaderAppends(replica, context);
  const outcomes: AppendOutcome[] = [];
  appends.submit({
    batch: batchOf(['x']),
    level,
    expectedOffset: null,
    triedForMs: null,
    deliverAtMs: null,
    deadlineMs: 1000,
    trace: null,
    answer: (outcome) => void outcomes.push(outcome),
  });
  expect(outcomes).toEqual([]);
  return { appends, raft, outcomes };
}

describe('a leader that slept, and learns in one turn that it was deposed and that its append was committed', () => {
  test('leaves the answer to its successor, who can name a majority', () => {
    const { appends, raft, outcomes } = leaderWithOneAppend();

    Object.assign(raft, { role: 'follower', leader: 2, term: 2, highWatermark: 2, acknowledgedBy: () => [] });
    appends.settle(true);

    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'leadershipLost' } }]);
  });
});

describe('a leader that is confirmed by a majority while its term goes on', () => {
  test('answers with their names', () => {
    const { appends, raft, outcomes } = leaderWithOneAppend();

    Object.assign(raft, { highWatermark: 2, acknowledgedBy: () => [1, 3] });
    appends.settle(true);

    expect(outcomes).toMatchObject([{ ok: true, value: { offset: 1, committed: true, ackedBy: [1, 3] } }]);
  });
});

describe('an append at level leader', () => {
  test('is answered when the leader has synced it', () => {
    const { appends, raft, outcomes } = leaderWithOneAppend('leader');

    Object.assign(raft, { syncedOffset: 2, acknowledgedBy: () => [1] });
    appends.settle(false);

    expect(outcomes).toMatchObject([{ ok: true, value: { committed: false, ackedBy: [1] } }]);
  });

  test('is answered when a majority has, the leader not yet', () => {
    const { appends, raft, outcomes } = leaderWithOneAppend('leader');

    Object.assign(raft, { highWatermark: 2, acknowledgedBy: () => [2, 3] });
    appends.settle(false);

    expect(outcomes).toMatchObject([{ ok: true, value: { committed: true, ackedBy: [2, 3] } }]);
  });

  test('is not known to be anywhere by who stops leading, hears that it is committed, and has not synced it', () => {
    const { appends, raft, outcomes } = leaderWithOneAppend('leader');

    Object.assign(raft, { role: 'follower', leader: 2, highWatermark: 2, acknowledgedBy: () => [] });
    appends.settle(true);

    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'leadershipLost' } }]);
  });

  test('is answered by who stops leading and has synced it', () => {
    const { appends, raft, outcomes } = leaderWithOneAppend('leader');

    Object.assign(raft, { role: 'follower', leader: 2, highWatermark: 2, syncedOffset: 2, acknowledgedBy: () => [1] });
    appends.settle(true);

    expect(outcomes).toMatchObject([{ ok: true, value: { committed: true, ackedBy: [1] } }]);
  });
});
