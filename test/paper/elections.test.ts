import { describe, expect, it } from 'vitest';
import { brokerId } from '../../src/base/branded.ts';
import type { Message } from '../../src/raft/index.ts';
import { append, Core, electionTicks, heartbeatTicks, ofType, requestVote, vote } from './core.ts';

describe('Raft §5.1, terms', () => {
  for (const role of ['follower', 'candidate', 'leader'] as const) {
    it(`a ${role} that sees a higher term takes it over and is a follower`, () => {
      const core = new Core();
      if (role === 'candidate') core.campaign();
      if (role === 'leader') core.lead();
      expect(core.raft.role).toBe(role);

      core.receive(append(core, { term: 5 }));

      expect([core.raft.role, core.raft.term, core.raft.leader]).toEqual(['follower', 5, 2]);
    });
  }

  it('a request of a lower term is rejected, and the answer tells the term', () => {
    const core = new Core({ term: 3 });

    const sent = [...core.receive(append(core, { term: 2, terms: [2] })), ...core.receive(requestVote(core, { term: 2 }))];

    expect(sent).toMatchObject([
      { type: 'appendEntriesResponse', term: 3, success: false },
      { type: 'requestVoteResponse', term: 3, granted: false },
    ]);
    expect(core.raft.endOffset).toBe(0);
  });

  it('the term survives a restart', () => {
    const core = new Core();

    core.step({ type: 'receive', message: append(core, { term: 5 }) });

    expect(core.readies.at(-1)?.persist?.vote).toEqual({ term: 5, votedFor: null });
  });
});

describe('Raft §5.1, requests are repeated until they are answered', () => {
  for (const role of ['preCandidate', 'candidate'] as const) {
    it(`a ${role} asks those again, with every heartbeat time, who have not answered`, () => {
      const core = new Core({ voters: [1, 2, 3, 4, 5] });
      while (core.raft.role === 'follower') core.tick();
      if (role === 'candidate') core.campaign();
      core.receive(vote(core, 2, { preVote: role === 'preCandidate' }));
      expect(core.raft.role).toBe(role);

      const repeated = ofType(core.tick(heartbeatTicks), 'requestVote');

      expect(repeated.map(({ to, preVote }) => [to, preVote])).toEqual([3, 4, 5].map((to) => [to, role === 'preCandidate']));
    });
  }

  it('a candidate whose vote is not synced yet repeats nothing', () => {
    const core = new Core();
    while (core.raft.role === 'follower') core.tick();
    core.step({ type: 'receive', message: vote(core, 2, { preVote: true }) });
    expect([core.raft.role, core.isWriting]).toEqual(['candidate', true]);

    const sent: Message[] = [];
    for (let i = 0; i < heartbeatTicks; i++) sent.push(...core.step({ type: 'tick' }));

    expect(sent).toEqual([]);
  });

  it('a candidate that the last leader asked to campaign says so in every repetition', () => {
    const core = new Core({ term: 1 });
    core.receive(append(core, { term: 1 }));
    core.receive({ type: 'timeoutNow', from: brokerId(2), to: core.raft.id, term: core.raft.term });

    expect(ofType(core.tick(heartbeatTicks), 'requestVote').map(({ transfer }) => transfer)).toEqual([true, true]);
  });
});

describe('Raft §5.2, leader election', () => {
  it('servers start as followers', () => {
    expect(new Core().raft.role).toBe('follower');
  });

  it('a follower stays one as long as it hears from its leader', () => {
    const core = new Core();

    for (let i = 0; i < 20; i++) {
      core.tick(electionTicks - 1);
      core.receive(append(core, { term: 1 }));
    }

    expect(core.raft.role).toBe('follower');
  });

  it('a leader sends heartbeats to all others', () => {
    const core = new Core();
    core.lead();

    const sent = ofType(core.tick(heartbeatTicks), 'appendEntries');

    expect(sent.map(({ to, batches }) => [to, batches.length])).toEqual([
      [2, 0],
      [3, 0],
    ]);
  });

  it('without a leader for an election timeout a follower begins an election', () => {
    const core = new Core();

    core.tick(electionTicks - 1);
    expect(core.raft.role).toBe('follower');
    core.tick();

    expect(core.raft.role).toBe('preCandidate');
  });

  it('a candidate raises its term, votes for itself and asks all others', () => {
    const core = new Core({ term: 4, log: [1, 3] });

    const sent = ofType(core.campaign(), 'requestVote');

    expect(core.raft.term).toBe(5);
    expect(core.readies.map(({ persist }) => persist?.vote ?? null)).toContainEqual({ term: 5, votedFor: 1 });
    expect(sent).toMatchObject([
      { to: 2, term: 5, preVote: false, endOffset: 2, lastTerm: 3 },
      { to: 3, term: 5, preVote: false, endOffset: 2, lastTerm: 3 },
    ]);
  });

  for (const { size, granted, refused, role } of [
    { size: 1, granted: 0, refused: 0, role: 'leader' },
    { size: 3, granted: 1, refused: 0, role: 'leader' },
    { size: 3, granted: 0, refused: 1, role: 'candidate' },
    { size: 3, granted: 0, refused: 2, role: 'follower' },
    { size: 5, granted: 1, refused: 2, role: 'candidate' },
    { size: 5, granted: 2, refused: 2, role: 'leader' },
    { size: 5, granted: 1, refused: 3, role: 'follower' },
  ]) {
    it(`of ${size} voters, with ${granted} votes of others and ${refused} refusals, a candidate is a ${role}`, () => {
      const core = new Core({ voters: Array.from({ length: size }, (_, i) => i + 1) });
      core.campaign();

      for (let i = 0; i < granted; i++) core.receive(vote(core, 2 + i));
      for (let i = 0; i < refused; i++) core.receive(vote(core, 2 + granted + i, { granted: false }));

      expect(core.raft.role).toBe(role);
    });
  }

  it('a vote counts once, however often it comes', () => {
    const core = new Core({ voters: [1, 2, 3, 4, 5] });
    core.campaign();

    for (let i = 0; i < 4; i++) core.receive(vote(core, 2));

    expect(core.raft.role).toBe('candidate');
  });

  it('a voter votes for at most one candidate in a term, the first that asks', () => {
    const core = new Core();

    const first = core.receive(requestVote(core, { from: 2, term: 1 }));
    const second = core.receive(requestVote(core, { from: 3, term: 1 }));
    const again = core.receive(requestVote(core, { from: 2, term: 1 }));

    expect([...first, ...second, ...again]).toMatchObject([
      { to: 2, granted: true },
      { to: 3, granted: false },
      { to: 2, granted: true },
    ]);
  });

  it('the vote survives a restart', () => {
    const core = new Core({ term: 1, votedFor: 2 });

    expect(core.receive(requestVote(core, { from: 3, term: 1 }))).toMatchObject([{ granted: false }]);
  });

  it('a candidate that hears a leader of its term is a follower', () => {
    const core = new Core();
    core.campaign();

    core.receive(append(core, { term: 1 }));

    expect([core.raft.role, core.raft.term, core.raft.leader]).toEqual(['follower', 1, 2]);
  });

  it('a candidate that hears a leader of an earlier term rejects it and goes on', () => {
    const core = new Core({ term: 1 });
    core.campaign();

    const sent = core.receive(append(core, { term: 1 }));

    expect([core.raft.role, core.raft.term]).toEqual(['candidate', 2]);
    expect(sent).toMatchObject([{ success: false, term: 2 }]);
  });

  it('a split vote times out, and the next election has a higher term', () => {
    const core = new Core({ voters: [1, 2, 3, 4] });
    core.campaign();
    core.receive(vote(core, 2));

    core.tick(electionTicks);
    core.campaign();

    expect([core.raft.role, core.raft.term]).toEqual(['candidate', 2]);
  });

  it('election timeouts are spread at random over an interval', () => {
    const timeouts = new Set<number>();
    for (let random = 0; random < electionTicks; random++) {
      const core = new Core({ randomBelow: () => random });
      let ticks = 0;
      for (; core.raft.role === 'follower'; ticks++) core.tick();
      timeouts.add(ticks);
    }

    expect([...timeouts]).toEqual(Array.from({ length: electionTicks }, (_, i) => electionTicks + i));
  });

  it('a vote that is granted puts the own election off', () => {
    const core = new Core();
    core.tick(electionTicks - 1);

    core.receive(requestVote(core, { term: 1 }));
    core.tick(electionTicks - 1);

    expect(core.raft.role).toBe('follower');
  });
});

describe('Raft §5.4.1, election restriction', () => {
  for (const { own, end, lastTerm, granted, why } of [
    { own: [1], end: 1, lastTerm: 1, granted: true, why: 'equal logs' },
    { own: [1], end: 2, lastTerm: 1, granted: true, why: 'a longer log' },
    { own: [1, 1], end: 1, lastTerm: 1, granted: false, why: 'a shorter log' },
    { own: [1], end: 1, lastTerm: 2, granted: true, why: 'a later last term' },
    { own: [1, 1], end: 1, lastTerm: 2, granted: true, why: 'a shorter log with a later last term' },
    { own: [2], end: 1, lastTerm: 1, granted: false, why: 'an earlier last term' },
    { own: [2], end: 2, lastTerm: 1, granted: false, why: 'a longer log with an earlier last term' },
    { own: [], end: 0, lastTerm: 0, granted: true, why: 'empty logs' },
  ]) {
    for (const preVote of [false, true]) {
      it(`a candidate with ${why} is ${granted ? 'granted' : 'refused'} a ${preVote ? 'pre-vote' : 'vote'}`, () => {
        const core = new Core({ log: own, term: 2 });

        expect(core.receive(requestVote(core, { term: 3, end, lastTerm, preVote }))).toMatchObject([{ granted }]);
      });
    }
  }
});
