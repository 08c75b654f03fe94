import { describe, expect, it } from 'vitest';
import { answer, append, batch, Core, electionTicks, heartbeatTicks, logTerms, ofType, vote } from './core.ts';

describe('Raft §5.3, log replication', () => {
  it('a leader appends a proposal and sends it to all others at once, before its own disk is done', () => {
    const core = new Core();
    core.lead();
    for (const from of [2, 3]) core.receive(answer(core, { from, match: 1 }));

    const sent = core.step({ type: 'propose', batch: batch(1, 1) });

    expect(core.isWriting).toBe(true);
    expect(ofType(sent, 'appendEntries').map(({ to, offsetFrom, batches }) => [to, offsetFrom, batches.length])).toEqual([
      [2, 1, 1],
      [3, 1, 1],
    ]);
  });

  for (const { size, others, committed } of [
    { size: 1, others: 0, committed: true },
    { size: 3, others: 0, committed: false },
    { size: 3, others: 1, committed: true },
    { size: 4, others: 1, committed: false },
    { size: 5, others: 1, committed: false },
    { size: 5, others: 2, committed: true },
  ]) {
    it(`of ${size} voters, a batch on ${others} others and the leader is ${committed ? '' : 'not '}committed`, () => {
      const core = new Core({ voters: Array.from({ length: size }, (_, i) => i + 1) });
      core.lead();

      for (let i = 0; i < others; i++) core.receive(answer(core, { from: 2 + i, match: 1 }));

      expect(core.raft.highWatermark).toBe(committed ? 1 : 0);
    });
  }

  it('the leader counts itself only when its own write is synced', () => {
    const core = new Core();
    core.lead();
    core.step({ type: 'propose', batch: batch(1, 1) });

    core.step({ type: 'receive', message: answer(core, { match: 2 }) });
    expect(core.raft.highWatermark).toBe(1);
    core.sync();

    expect(core.raft.highWatermark).toBe(2);
  });

  it('a majority of the others commits without the leader’s disk', () => {
    const core = new Core();
    core.lead();
    core.step({ type: 'propose', batch: batch(1, 1) });

    for (const from of [2, 3]) core.step({ type: 'receive', message: answer(core, { from, match: 2 }) });

    expect([core.raft.highWatermark, core.raft.syncedOffset]).toEqual([2, 1]);
  });

  it('with a batch all that precede it are committed, those of earlier leaders too', () => {
    const core = new Core({ log: [1, 2], term: 2 });
    core.lead();

    core.receive(answer(core, { match: 3 }));

    expect(core.raft.highWatermark).toBe(3);
  });

  it('the leader tells the high watermark in its next message, and at once if there is none', () => {
    const core = new Core();
    core.lead();
    core.receive(answer(core, { from: 3, match: 1 }));

    const sent = ofType(core.receive(answer(core, { from: 2, match: 1 })), 'appendEntries');

    expect(sent.map(({ to, highWatermark }) => [to, highWatermark])).toContainEqual([2, 1]);
  });

  it('a follower takes the high watermark up to what matches, not beyond', () => {
    const core = new Core({ log: [1, 1, 1] });

    core.receive(append(core, { term: 2, after: 2, previousTerm: 1, hw: 9 }));

    expect(core.raft.highWatermark).toBe(2);
  });

  for (const { log, after, previousTerm, success } of [
    { log: [], after: 0, previousTerm: 0, success: true },
    { log: [1], after: 1, previousTerm: 1, success: true },
    { log: [1, 2], after: 1, previousTerm: 1, success: true },
    { log: [1], after: 2, previousTerm: 1, success: false },
    { log: [1], after: 1, previousTerm: 2, success: false },
    { log: [1, 2], after: 2, previousTerm: 1, success: false },
  ]) {
    it(`a follower with terms [${log.join(' ')}] ${success ? 'takes' : 'refuses'} an append after ${after} of term ${previousTerm}`, () => {
      const core = new Core({ log, term: 3 });

      const [sent] = ofType(core.receive(append(core, { term: 3, after, previousTerm, terms: [3] })), 'appendEntriesResponse').slice(-1);

      expect(sent?.success).toBe(success);
    });
  }

  for (const { own, after, previousTerm, terms, result } of [
    { own: [1, 1, 1], after: 3, previousTerm: 1, terms: [2], result: [1, 1, 1, 2] },
    { own: [1, 1, 2], after: 2, previousTerm: 1, terms: [3, 3], result: [1, 1, 3, 3] },
    { own: [1, 2, 2, 2], after: 1, previousTerm: 1, terms: [3], result: [1, 3] },
    { own: [1, 1], after: 0, previousTerm: 0, terms: [3], result: [3] },
  ]) {
    it(`a conflict is overwritten: [${own.join(' ')}] and [${terms.join(' ')}] after ${after} gives [${result.join(' ')}]`, () => {
      const core = new Core({ log: own, term: 3 });

      core.receive(append(core, { term: 3, after, previousTerm, terms }));

      expect(logTerms(core)).toEqual(result);
    });
  }

  for (const { after, terms } of [
    { after: 0, terms: [1] },
    { after: 0, terms: [1, 1] },
    { after: 1, terms: [1] },
    { after: 2, terms: [] },
  ]) {
    it(`a late append of [${terms.join(' ')}] after ${after} cuts nothing of a log that matches`, () => {
      const core = new Core({ log: [1, 1, 1, 1], term: 1 });

      core.receive(append(core, { term: 1, after, previousTerm: after === 0 ? 0 : 1, terms }));

      expect(core.raft.endOffset).toBe(4);
      expect(core.readies.every(({ truncatedTo }) => truncatedTo === null)).toBe(true);
    });
  }

  it('a new leader begins right behind its own last batch, for every follower', () => {
    const core = new Core({ log: [1, 1, 2] });

    const sent = ofType(core.lead(), 'appendEntries');

    expect(sent.map(({ to, offsetFrom, previousTerm }) => [to, offsetFrom, previousTerm])).toEqual([
      [2, 3, 2],
      [3, 3, 2],
    ]);
  });

  it('a refused append is followed by an earlier one', () => {
    const core = new Core({ log: [1, 1, 2] });
    core.lead();

    const sent = ofType(core.receive(answer(core, { request: 3, hint: 1, hintTerm: 1 })), 'appendEntries');

    expect(sent).toMatchObject([{ to: 2, offsetFrom: 1, previousTerm: 1 }]);
  });

  it('the back-up skips a whole term at a time', () => {
    const follower = new Core({ log: [1, 1, 4, 4, 4, 4, 4], term: 5 });

    const sent = follower.receive(append(follower, { term: 6, after: 5, previousTerm: 3 }));

    expect(sent).toMatchObject([{ success: false, hintOffset: 2, hintTerm: 1, requestOffset: 5 }]);
  });

  it('a leader never cuts or overwrites its own log', () => {
    const core = new Core({ log: [1, 1, 2] });
    core.lead();
    core.propose(3);

    core.receive(answer(core, { request: 3, hint: 0 }));
    core.receive(append(core, { from: 3, term: 2, terms: [2] }));

    expect(logTerms(core)).toEqual([1, 1, 2, 3, 3, 3, 3]);
  });

  it('a lost append is sent again, as long as it takes', () => {
    const core = new Core();
    core.lead();
    core.receive(answer(core, { match: 1 }));
    core.propose();

    for (let i = 1; i <= 5; i++) {
      // The heartbeat stands where nobody refuses it; what follows the append tells whether it has arrived.
      const beats = ofType(core.tick(heartbeatTicks), 'appendEntries').filter(({ to }) => to === 2);
      expect(beats.map(({ offsetFrom, batches }) => [offsetFrom, batches.length])).toEqual([
        [1, 0],
        [2, 0],
      ]);
      const again = ofType(core.receive(answer(core, { request: 2, hint: 1, hintTerm: 1, context: i })), 'appendEntries');
      expect(again).toMatchObject([{ to: 2, offsetFrom: 1, batches: [{ offsetFrom: 1, offsetTo: 2 }] }]);
      core.receive(answer(core, { match: 1, request: 1, context: i }));
    }
  });
});

describe('Raft §5.4.2, committing batches from earlier terms', () => {
  it('a batch of an earlier term is not committed by counting', () => {
    const core = new Core({ log: [1, 2], term: 3 });
    core.lead();

    for (const from of [2, 3]) core.receive(answer(core, { from, match: 2 }));

    expect(core.raft.highWatermark).toBe(0);
  });

  it('but together with the first batch of the current term', () => {
    const core = new Core({ log: [1, 2], term: 3 });
    core.lead();

    core.receive(answer(core, { from: 2, match: 3 }));

    expect(core.raft.highWatermark).toBe(3);
  });
});

describe('Raft §5.5, crashes', () => {
  it('an append that comes twice has the effect of one', () => {
    const core = new Core();
    const message = append(core, { term: 1, terms: [1, 1] });

    const first = core.receive(message);
    const second = core.receive(message);

    expect(core.raft.endOffset).toBe(2);
    expect(first.at(-1)).toMatchObject({ success: true, matchOffset: 2 });
    expect(second).toMatchObject([{ success: true, matchOffset: 2 }]);
  });

  it('an acknowledgement does not leave before its batches are synced', () => {
    const core = new Core({ term: 1 });

    core.step({ type: 'receive', message: append(core, { term: 1, context: 1 }) });
    const sent = core.step({ type: 'receive', message: append(core, { term: 1, terms: [1], context: 1 }) });

    expect(sent).toEqual([]);
    expect(core.sync()).toMatchObject([{ success: true, matchOffset: 1 }]);
  });

  it('a vote does not leave before it is synced', () => {
    const core = new Core();
    core.tick(electionTicks);

    const sent = core.step({ type: 'receive', message: vote(core, 2, { preVote: true }) });

    expect([core.raft.role, sent]).toEqual(['candidate', []]);
    expect(core.sync()).toMatchObject([{ type: 'requestVote' }, { type: 'requestVote' }]);
  });
});

describe('Raft §8, a new leader', () => {
  it('appends an empty batch of its term first', () => {
    const core = new Core({ log: [1] });

    core.lead();

    expect(logTerms(core)).toEqual([1, 2]);
  });
});
