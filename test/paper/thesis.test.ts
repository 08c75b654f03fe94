import { describe, expect, it } from 'vitest';
import { brokerId } from '../../src/base/branded.ts';
import { answer, append, batch, Core, electionTicks, heartbeatTicks, ofType, requestVote, vote } from './core.ts';

/** A leader of term 1 whose first batch is committed. */
function establishedLeader(options: ConstructorParameters<typeof Core>[0] = {}): Core {
  const core = new Core(options);
  core.lead();
  for (const from of [2, 3]) core.receive(answer(core, { from, match: core.raft.endOffset }));
  return core;
}

function readsOf(core: Core): { context: number; highWatermark: number }[] {
  return core.readies.flatMap(({ reads }) => [...reads]);
}

describe('thesis §6.4, reads without the log', () => {
  it('a leader that has committed nothing in its term lets a read wait', () => {
    const core = new Core();
    core.lead();

    core.run({ type: 'read', context: 7 });
    core.receive(answer(core, { from: 3, match: 0, context: 1 }));
    expect(readsOf(core)).toEqual([]);
    core.receive(answer(core, { from: 2, match: 1 }));
    core.receive(answer(core, { from: 2, match: 1, context: 1 }));

    expect(readsOf(core)).toEqual([{ context: 7, highWatermark: 1 }]);
  });

  it('a read waits for the answers of a majority to messages sent after it began', () => {
    const core = establishedLeader();

    const sent = ofType(core.run({ type: 'read', context: 7 }), 'appendEntries');
    expect(sent.map(({ to, readContext }) => [to, readContext])).toEqual([
      [2, 1],
      [3, 1],
    ]);
    core.receive(answer(core, { from: 2, match: 1, context: 0 }));
    expect(readsOf(core)).toEqual([]);
    core.receive(answer(core, { from: 2, match: 1, context: 1 }));

    expect(readsOf(core)).toEqual([{ context: 7, highWatermark: 1 }]);
  });

  it('a read gets the high watermark of the moment when it began, or a later one', () => {
    const core = establishedLeader();
    core.run({ type: 'read', context: 7 });
    core.propose();
    core.receive(answer(core, { from: 2, match: 2, context: 0 }));

    core.receive(answer(core, { from: 3, match: 1, context: 1 }));

    expect(readsOf(core)).toMatchObject([{ context: 7 }]);
    expect(readsOf(core)[0]?.highWatermark).toBeGreaterThanOrEqual(1);
  });

  it('one round of messages confirms all reads that began before it', () => {
    const core = establishedLeader();
    core.raft.step({ type: 'read', context: 7 });
    core.raft.step({ type: 'read', context: 8 });

    const sent = ofType(core.run({ type: 'read', context: 9 }), 'appendEntries');
    core.receive(answer(core, { from: 2, match: 1, context: 1 }));

    expect(sent).toHaveLength(2);
    expect(readsOf(core).map(({ context }) => context)).toEqual([7, 8, 9]);
  });

  it('a read after the round has left needs a round of its own', () => {
    const core = establishedLeader();
    core.run({ type: 'read', context: 7 });
    core.run({ type: 'read', context: 8 });

    core.receive(answer(core, { from: 2, match: 1, context: 1 }));

    expect(readsOf(core).map(({ context }) => context)).toEqual([7]);
  });

  it('a lost confirmation is asked for again with the next heartbeat', () => {
    const core = establishedLeader();
    core.run({ type: 'read', context: 7 });

    const [again] = ofType(core.tick(heartbeatTicks), 'appendEntries');
    core.receive(answer(core, { from: 2, match: 1, context: again?.readContext ?? 0 }));

    expect(readsOf(core)).toMatchObject([{ context: 7 }]);
  });

  it('a refusal in the same term confirms the leader as well', () => {
    const core = establishedLeader();
    core.propose();
    core.run({ type: 'read', context: 7 });

    core.receive(answer(core, { from: 2, request: 2, hint: 1, hintTerm: 1, context: 1 }));

    expect(readsOf(core)).toMatchObject([{ context: 7 }]);
  });

  it('an answer from an earlier term confirms nothing', () => {
    const core = establishedLeader({ term: 4 });
    core.run({ type: 'read', context: 7 });

    core.receive(answer(core, { from: 2, term: 4, match: 1, context: 9 }));

    expect(readsOf(core)).toEqual([]);
  });

  it('a learner confirms nothing', () => {
    const core = establishedLeader({ learners: [4] });
    core.run({ type: 'read', context: 7 });

    core.receive(answer(core, { from: 4, match: 1, context: 1 }));

    expect(readsOf(core)).toEqual([]);
  });

  it('with leadership all waiting reads are lost, and a follower takes none', () => {
    const core = establishedLeader();
    core.run({ type: 'read', context: 7 });

    core.receive(append(core, { term: 2 }));
    core.run({ type: 'read', context: 8 });

    expect(core.readies.flatMap(({ readsFailed }) => [...readsFailed])).toEqual([7, 8]);
  });

  it('a single voter answers at once, after its first commit', () => {
    const core = new Core({ voters: [1] });
    core.campaign();

    core.run({ type: 'read', context: 7 });

    expect(readsOf(core)).toEqual([{ context: 7, highWatermark: 1 }]);
  });
});

describe('thesis §6.2, a leader without a majority', () => {
  it('steps down after an election timeout', () => {
    const core = establishedLeader();

    core.tick(electionTicks - 1);
    expect(core.raft.role).toBe('leader');
    core.tick();

    expect([core.raft.role, core.raft.term, core.raft.leader]).toEqual(['follower', 1, null]);
  });

  it('stays as long as a majority answers', () => {
    const core = establishedLeader();

    for (let i = 1; i < 50; i++) {
      core.tick();
      core.receive(answer(core, { from: 2, match: 1 }));
    }

    expect(core.raft.role).toBe('leader');
  });
});

describe('thesis §9.6, pre-vote', () => {
  it('asking for it changes no term and writes nothing', () => {
    const core = new Core({ term: 3 });

    const sent = ofType(core.tick(electionTicks), 'requestVote');

    expect(sent).toMatchObject([
      { to: 2, preVote: true, term: 4 },
      { to: 3, preVote: true, term: 4 },
    ]);
    expect([core.raft.term, core.readies.every(({ persist }) => persist === null)]).toEqual([3, true]);
  });

  it('granting it changes no term and no vote, and may be done for several', () => {
    const core = new Core({ term: 3 });

    const sent = [2, 3].flatMap((from) => core.receive(requestVote(core, { from, term: 4, preVote: true })));

    expect(sent).toMatchObject([
      { to: 2, granted: true, term: 4 },
      { to: 3, granted: true, term: 4 },
    ]);
    expect([core.raft.term, core.readies.every(({ persist }) => persist === null)]).toEqual([3, true]);
  });

  it('only with a majority of pre-votes the term is raised', () => {
    const core = new Core({ voters: [1, 2, 3, 4, 5] });
    core.tick(electionTicks);

    core.receive(vote(core, 2, { preVote: true }));
    expect([core.raft.role, core.raft.term]).toEqual(['preCandidate', 0]);
    core.receive(vote(core, 3, { preVote: true }));

    expect([core.raft.role, core.raft.term]).toEqual(['candidate', 1]);
  });

  it('a voter that hears a leader refuses it', () => {
    const core = new Core({ term: 1 });
    core.receive(append(core, { term: 1 }));

    core.tick(electionTicks - 1);

    expect(core.receive(requestVote(core, { from: 3, term: 2, preVote: true }))).toMatchObject([{ granted: false, term: 1 }]);
  });

  it('a refusal with a higher term brings the asking broker up to date', () => {
    const core = new Core({ term: 3 });
    core.tick(electionTicks);

    core.receive({ ...vote(core, 2, { preVote: true, granted: false }), term: 7 as never });

    expect([core.raft.role, core.raft.term]).toEqual(['follower', 7]);
  });
});

describe('thesis §4.2.3, a disruptive server', () => {
  it('a voter that hears a leader neither votes nor takes over the higher term', () => {
    const core = new Core({ term: 1 });
    core.receive(append(core, { term: 1 }));

    const sent = core.receive(requestVote(core, { from: 3, term: 9 }));

    expect(sent).toMatchObject([{ granted: false, term: 1 }]);
    expect(core.raft.term).toBe(1);
  });

  it('nor does a leader', () => {
    const core = establishedLeader();

    core.receive(requestVote(core, { from: 3, term: 9, end: 5, lastTerm: 1 }));

    expect([core.raft.role, core.raft.term]).toEqual(['leader', 1]);
  });

  it('after an election timeout without the leader it votes', () => {
    const core = new Core({ term: 1, randomBelow: (limit) => limit - 1 });
    core.receive(append(core, { term: 1 }));
    core.tick(electionTicks);

    expect(core.receive(requestVote(core, { from: 3, term: 9 }))).toMatchObject([{ granted: true, term: 9 }]);
  });

  it('messages of a broker that is no member are dropped', () => {
    const core = new Core();

    const sent = core.receive(requestVote(core, { from: 9, term: 9 }));

    expect([sent, core.raft.term]).toEqual([[], 0]);
  });
});

describe('thesis §3.10, leadership transfer', () => {
  it('proposals are refused meanwhile', () => {
    const core = establishedLeader();

    core.run({ type: 'transferLeadership', to: brokerId(2) });

    expect(core.raft.refusal()).toEqual({ reason: 'transferring', leader: 2 });
  });

  it('the target is asked once its log is complete', () => {
    const core = establishedLeader();
    core.propose();

    expect(ofType(core.run({ type: 'transferLeadership', to: brokerId(2) }), 'timeoutNow')).toEqual([]);
    const sent = ofType(core.receive(answer(core, { from: 2, match: 2 })), 'timeoutNow');

    expect(sent).toMatchObject([{ to: 2, term: 1 }]);
  });

  it('the target campaigns at once, without a pre-vote, and says why', () => {
    const core = new Core({ term: 1 });
    core.receive(append(core, { term: 1 }));

    const sent = core.receive({ type: 'timeoutNow', from: brokerId(2), to: core.raft.id, term: core.raft.term });

    expect(sent).toMatchObject([
      { type: 'requestVote', preVote: false, transfer: true, term: 2 },
      { type: 'requestVote', preVote: false, transfer: true, term: 2 },
    ]);
  });

  it('a voter that hears the leader lets it through', () => {
    const core = new Core({ term: 1 });
    core.receive(append(core, { term: 1 }));

    expect(core.receive(requestVote(core, { from: 3, term: 2, transfer: true }))).toMatchObject([{ granted: true, term: 2 }]);
  });

  it('is given up after an election timeout', () => {
    const core = establishedLeader();
    core.run({ type: 'transferLeadership', to: brokerId(2) });

    for (let i = 0; i < electionTicks; i++) {
      core.receive(answer(core, { from: 3, match: 1 }));
      core.tick();
    }

    expect(core.raft.refusal()).toBeNull();
  });

  it('without a name it goes to the voter that has most', () => {
    const core = establishedLeader({ voters: [1, 2, 3, 4] });
    core.propose();
    core.receive(answer(core, { from: 3, match: 2 }));

    core.run({ type: 'transferLeadership', to: null });

    expect(core.raft.refusal()).toEqual({ reason: 'transferring', leader: 3 });
  });

  for (const to of [1, 4, 9]) {
    it(`to ${to === 1 ? 'itself' : to === 4 ? 'a learner' : 'a stranger'} is ignored`, () => {
      const core = establishedLeader({ learners: [4] });

      core.run({ type: 'transferLeadership', to: brokerId(to) });

      expect(core.raft.refusal()).toBeNull();
    });
  }

  it('a learner does not campaign, asked or not', () => {
    const core = new Core({ id: 4, learners: [4], term: 1 });
    core.receive(append(core, { term: 1 }));

    core.receive({ type: 'timeoutNow', from: brokerId(2), to: core.raft.id, term: core.raft.term });
    core.tick(10 * electionTicks);

    expect([core.raft.role, core.raft.term]).toEqual(['follower', 1]);
  });
});

describe('proposals', () => {
  it('are refused with the name of the leader', () => {
    const core = new Core();
    expect(core.raft.refusal()).toEqual({ reason: 'notLeader', leader: null });

    core.receive(append(core, { term: 1 }));

    expect(core.raft.refusal()).toEqual({ reason: 'notLeader', leader: 2 });
  });

  it('are refused while too much is not committed', () => {
    const core = establishedLeader({ config: { uncommittedBytesMax: 20 } });
    core.propose(2);
    expect(core.raft.refusal()).toEqual({ reason: 'uncommittedFull' });

    core.receive(answer(core, { from: 2, match: 3 }));

    expect(core.raft.refusal()).toBeNull();
  });

  it('that do not continue the log stop the process', () => {
    const core = establishedLeader();

    expect(() => core.run({ type: 'propose', batch: batch(7, 1) })).toThrow('a proposal continues the log');
  });
});
