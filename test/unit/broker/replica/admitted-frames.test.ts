import { expect, test } from 'vitest';
import { brokerId, groupId, offset, term } from '../../../../src/base/branded.ts';
import { CausalRing } from '../../../../src/broker/causal-ring.ts';
import { HybridClock } from '../../../../src/clocks/index.ts';
import { Counters } from '../../../../src/broker/counters.ts';
import { Replica, type ReplicaContext } from '../../../../src/broker/replica/replica.ts';
import { defaultSettings } from '../../../../src/broker/settings.ts';
import { LogSpans } from '../../../../src/broker/log-spans.ts';
import { SharedRoom } from '../../../../src/broker/replica/shared-room.ts';
import { Spans } from '../../../../src/broker/spans.ts';
import { SyncTimes } from '../../../../src/broker/replica/sync-times.ts';
import { Tail } from '../../../../src/broker/replica/tail.ts';
import type { AppendEntries, LogBatch, Message } from '../../../../src/raft/index.ts';
import { bytes, Leader, Rig, vote } from '../../storage/rig.ts';

const [self, leader] = [brokerId(1), brokerId(2)];
const group = groupId(7);

/** A follower alone with what its leader sends. */
function makeFollower({ hasRoom = true, inFlightBytesMax = defaultSettings.inFlightBytesMax } = {}): {
  readonly replica: Replica;
  readonly problems: string[];
  /** What it has answered to its leader. */
  readonly answers: Message[];
  /** `asOf` is the round that this follower has answered, the message is of the next one. */
  receive(batches: readonly LogBatch[], highWatermark?: number, asOf?: number): void;
  /** Asks whether everything up to there has come. */
  ask(at: number, round: number): void;
} {
  const { log } = new Rig(1).open();
  if (!hasRoom) log.hasRoomFor = () => false;
  const answers: Message[] = [];
  const problems: string[] = [];
  const { clock } = new Rig(1).host;
  const ignore = (): void => undefined;
  const spans = new Spans('broker-1', clock, { bytes: (length) => new Uint8Array(length) });
  const context: ReplicaContext = {
    self,
    clock,
    bytes,
    settings: { ...defaultSettings, inFlightBytesMax },
    counters: new Counters(),
    hybrid: new HybridClock(clock),
    causes: new CausalRing(self, clock, () => ({ ms: 0, counter: 0 }), 8),
    observer: null,
    rooms: { uncommitted: new SharedRoom(1000), requestIds: new SharedRoom(1000), sessions: new SharedRoom(1000) },
    loads: { count: 0 },
    spans,
    logSpans: new LogSpans(spans, () => 0),
    requestIdsWanted: ignore,
    randomBelow: () => 0,
    tickCount: () => 0,
    touched: ignore,
    quietCurrentMs: () => null,
    sendRaft: (_group, message) => void answers.push(message),
    confirmOffice: ignore,
    bulkBytesQueued: () => 0,
    persist: ignore,
    diskFailed: ignore,
    damaged: ignore,
    cacheBytesShare: () => 0,
    roleChanged: ignore,
    synced: ignore,
    syncTimes: new SyncTimes(),
    logger: { log: (_level, event, fields) => void (event === 'framesRefused' && problems.push(String(fields?.['problem']))) },
  };
  const tail = new Tail(bytes, 0);
  const options = { group, members: { voters: [self, leader, brokerId(3)], learners: [] }, log, vote: vote(1, 2), tail };
  const replica = new Replica(options, context, { advanced: ignore, readCurrent: ignore, readFailed: ignore });
  const send = (offsetFrom: number, batches: readonly LogBatch[], highWatermark: number, asOf: number): void => {
    const message: AppendEntries = {
      type: 'appendEntries',
      from: leader,
      to: self,
      term: term(1),
      offsetFrom: offset(offsetFrom),
      previousTerm: term(offsetFrom === 0 ? 0 : 1),
      batches,
      highWatermark: offset(highWatermark),
      readContext: asOf + 1,
      asOfContext: asOf,
      number: 1,
      isNews: false,
    };
    replica.receive(message);
    replica.turn();
  };
  const receive = (batches: readonly LogBatch[], highWatermark = 0, asOf = 0): void =>
    send(batches[0]?.offsetFrom ?? replica.raft.endOffset, batches, highWatermark, asOf);
  const ask = (at: number, round: number): void => send(at, [], 0, round);
  return { replica, problems, answers, receive, ask };
}

test('what a leader sends is taken into the log only where it continues it, frame by frame', () => {
  const { replica, problems, receive } = makeFollower();
  const ours = new Leader(group);
  receive(ours.batches(3));
  expect(replica.raft.endOffset).toBe(3);

  // Right in itself, at the right place and of the right term, but behind another third batch.
  const theirs = new Leader(group);
  theirs.batches(2);
  theirs.batch(1, 99);
  receive([theirs.batch()]);

  expect(replica.raft.endOffset).toBe(3);
  expect(problems).toEqual([expect.stringMatching(/^the batch at 3 continues a log whose last checksum is [0-9a-f]{8}, not [0-9a-f]{8}$/)]);
  receive([ours.batch()]);
  expect(replica.raft.endOffset).toBe(4);
});

test('a batch whose bytes are not those of its checksum is dropped like a lost message', () => {
  const { replica, problems, receive } = makeFollower();
  const batch = new Leader(group).batch();
  const spoilt = batch.bytes.slice();
  spoilt[spoilt.length - 1] = (spoilt[spoilt.length - 1] as number) ^ 1;

  receive([{ ...batch, bytes: spoilt }]);

  expect(replica.raft.endOffset).toBe(0);
  expect(problems).toEqual(['the batch at 0 is damaged']);
});

// L13: brokers that heard a leader of the first moments answered local reads from offset 0 as 46 ms old.
test('a leader that has committed nothing of its term does not make what a follower shows fresh', () => {
  const { replica, receive } = makeFollower();
  receive(new Leader(group).batches(2));
  receive([], 0, 1);
  expect(replica.asOfMs(0)).toBe(Number.MAX_SAFE_INTEGER);

  receive([], 1, 1);

  expect(replica.asOfMs(0)).toBe(0);
});

test('what waits for room on the disk is not asked for again, nor what has come beyond what may wait', () => {
  const ours = new Leader(group);
  const [first, second, third] = [ours.batches(2), ours.batches(2), ours.batches(2)];
  const windowBytes = [...first, ...second].reduce((sum, batch) => sum + batch.bytes.length, 0);
  const { replica, answers, receive, ask } = makeFollower({ hasRoom: false, inFlightBytesMax: windowBytes });
  for (const batches of [first, second, third]) receive(batches);
  expect(replica.raft.endOffset).toBe(0);

  ask(6, 1);

  expect(answers.at(-1)).toMatchObject({ type: 'appendEntriesResponse', success: true, matchOffset: 0 });
});
