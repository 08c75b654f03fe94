import { describe, expect, test } from 'vitest';
import { brokerId, type BrokerId, type GroupId, groupId, term } from '../../../../src/base/branded.ts';
import { QuietGroups } from '../../../../src/broker/replica/quiet-groups.ts';
import type { Replica } from '../../../../src/broker/replica/index.ts';
import { topicGroupFirst } from '../../../../src/broker/well-known.ts';

const [one, two, three] = [1, 2, 3].map(brokerId) as [BrokerId, BrokerId, BrokerId];
const group = groupId(topicGroupFirst);

/** Broker 2 with a quiet replica that follows broker 1, which has said nothing for three ticks. */
class Rig {
  readonly raft = {
    role: 'follower',
    leader: one as BrokerId | null,
    term: term(4),
    membership: { voters: [one, two, three], votersOutgoing: [], learners: [] },
  };
  ticksPassed = 0;
  readonly replica = {
    group,
    raft: this.raft,
    isQuiet: true,
    noteCurrent: () => undefined,
    woken: () => undefined,
    passTick: () => this.ticksPassed++,
  } as unknown as Replica;
  readonly quiet = new QuietGroups({
    self: two,
    peers: [one, three],
    settings: { tickMs: 25, heartbeatMs: 50, electionTimeoutMs: 400 },
    groups: {
      replica: (asked: GroupId) => (asked === group ? this.replica : undefined),
      awake: () => [],
      rest: () => undefined,
      wake: () => undefined,
    },
    nowMs: () => 0,
    observer: null,
    tickCount: () => 1,
    isLinked: () => true,
    send: () => true,
  });

  constructor() {
    for (let i = 0; i < 3; i++) this.quiet.tick(0);
    this.quiet.wake(this.replica);
  }
}

describe('a replica that wakes after a silence of its leader', () => {
  test('counts that silence with the next tick', () => {
    const rig = new Rig();

    rig.quiet.tick(0);

    expect(rig.ticksPassed).toBe(3);
  });

  test('does not, once it follows another leader', () => {
    const rig = new Rig();
    rig.raft.leader = three;
    rig.raft.term = term(5);

    rig.quiet.tick(0);

    expect(rig.ticksPassed).toBe(0);
  });

  test('does not, once its leader is heard again', () => {
    const rig = new Rig();
    rig.quiet.heard(one);

    rig.quiet.tick(0);

    expect(rig.ticksPassed).toBe(0);
  });
});
