import { describe, expect, it } from 'vitest';
import { brokerId, offset, term } from '../../../src/base/branded.ts';
import { describe as describeMessage, describeReady, type Input, Raft } from '../../../src/raft/index.ts';
import { isWellFormed } from '../../../src/raft/well-formed.ts';
import { answer, append, batch, Core, electionTicks, heartbeatTicks, ofType, requestVote, vote } from '../../paper/core.ts';

const largeBytes = 128 * 1024;
const largeBatch = ({ raft }: Core) => ({ ...batch(raft.endOffset, raft.term), bytes: new Uint8Array(largeBytes) });

describe('Raft, towards its host', () => {
  it('owes nothing when nothing happened', () => {
    const { raft } = new Core();

    expect(raft.ready()).toBeNull();
    raft.step({ type: 'tick' });
    expect(raft.ready()).toBeNull();
  });

  it('hands everything over once', () => {
    const core = new Core();
    core.lead();
    core.raft.step({ type: 'propose', batch: batch(1, 1) });

    expect(core.raft.ready()).not.toBeNull();
    expect(core.raft.ready()).toBeNull();
  });

  it('sends proposals, high watermark, heartbeat and read that come together in one message a peer', () => {
    const core = new Core();
    core.lead();
    for (const from of [2, 3]) core.receive(answer(core, { from, match: 1 }));
    const inputs: Input[] = [
      { type: 'propose', batch: batch(1, 1) },
      { type: 'propose', batch: batch(2, 1) },
      { type: 'read', context: 7 },
      { type: 'tick' },
      { type: 'tick' },
    ];
    for (const input of inputs) core.raft.step(input);

    const sent = core.raft.ready()?.send ?? [];

    expect(ofType(sent, 'appendEntries').map(({ to, batches }) => [to, batches.length])).toEqual([
      [2, 2],
      [3, 2],
    ]);
    expect(sent).toHaveLength(2);
  });

  it('beats first where the host beats for all its groups, and then at its own interval', () => {
    const beats = (phase: number): number[] => {
      const core = new Core({ config: { heartbeatPhase: () => phase } });
      core.lead();
      for (const from of [2, 3]) core.receive(answer(core, { from, match: 1 }));
      const found: number[] = [];
      for (let tick = 1; tick <= heartbeatTicks * 2; tick++) {
        core.raft.step({ type: 'tick' });
        if (ofType(core.raft.ready()?.send ?? [], 'appendEntries').length > 0) found.push(tick);
      }
      return found;
    };

    expect(beats(0)).toEqual([heartbeatTicks, heartbeatTicks * 2]);
    expect(beats(1)).toEqual([heartbeatTicks - 1, heartbeatTicks * 2 - 1]);
  });

  it('asks for pre-votes at once when told that nobody leads yet, and not where somebody does', () => {
    const fresh = new Core();
    fresh.raft.step({ type: 'campaign' });
    expect(ofType(fresh.raft.ready()?.send ?? [], 'requestVote').map(({ preVote, to }) => [preVote, to])).toEqual([
      [true, 2],
      [true, 3],
    ]);
    expect(fresh.raft.term).toBe(0);

    const led = new Core({ term: 1 });
    led.step({ type: 'receive', message: append(led, { term: 1, terms: [1] }) });
    led.raft.step({ type: 'campaign' });
    expect(led.raft.role).toBe('follower');
  });

  /** Lets a leader of the log [4, 6) bring broker 2 on; gives how often the follower refused. */
  function bringOn(leader: Core, follower: Core): number {
    let refusals = 0;
    let waiting = leader.lead();
    for (let round = 0; round < 20 && follower.raft.endOffset < leader.raft.endOffset; round++) {
      const answers = waiting.filter(({ to }) => to === 2).flatMap((message) => follower.receive(message));
      refusals += ofType(answers, 'appendEntriesResponse').filter(({ success }) => !success).length;
      const batches = leader.readies
        .flatMap((ready) => ready.load)
        .map((request) => {
          const from = Number(request.offsetFrom);
          return { request, batches: [4, 5].filter((at) => at >= from).map((at) => batch(at, at - 1)) };
        });
      leader.readies.length = 0;
      waiting = [
        ...answers.flatMap((message) => leader.receive(message)),
        ...batches.flatMap((loaded) => leader.run({ type: 'loaded', ...loaded })),
        ...leader.tick(2),
      ];
    }
    return refusals;
  }

  it('brings a follower on that has what the leader has removed, and nothing behind it', () => {
    for (const lastTerm of [1, 2, 3]) {
      const leader = new Core({ logStart: 4, termBeforeStart: lastTerm, log: [3, 4], term: 5 });
      const follower = new Core({ id: 2, log: [1, 1, 1, lastTerm], term: 5 });
      bringOn(leader, follower);

      expect(follower.raft.endOffset, `its last term is ${lastTerm}`).toBe(leader.raft.endOffset);
      expect(follower.raft.termBefore(offset(4))).toBe(lastTerm);
    }
  });

  it('learns of which term the record before its log is, where an old log does not say', () => {
    for (const lastTerm of [1, 2, 3]) {
      const leader = new Core({ logStart: 4, log: [3, 4], term: 5 });
      const follower = new Core({ id: 2, log: [1, 1, 1, lastTerm], term: 5 });
      const other = new Core({ id: 3, log: [1, 1, 1, lastTerm], term: 5 });
      bringOn(leader, follower);

      expect(follower.raft.endOffset, `its last term is ${lastTerm}`).toBe(leader.raft.endOffset);
      expect(leader.raft.termBefore(offset(4))).toBe(lastTerm);
      // Asked before it was learnt, a peer answers after: asked again where the log starts, and not below.
      const refusal = other.receive(append(other, { from: 1, term: 6, after: 4 }));
      const again = refusal.flatMap((message) => leader.receive(message));
      expect(ofType(again, 'appendEntries').map(({ offsetFrom, previousTerm }) => [offsetFrom, previousTerm])).toEqual([[4, lastTerm]]);
    }
  });

  it('takes no term of a peer for that before its log when it knows it, or knows it to be older', () => {
    const older = new Core({ logStart: 4, log: [3, 4], term: 5 });
    older.lead();
    older.receive(answer(older, { request: 4, hint: 4, hintTerm: 4 }));
    expect(older.raft.termBefore(offset(4))).toBe(0);

    const knowing = new Core({ logStart: 4, termBeforeStart: 2, log: [3, 4], term: 5 });
    knowing.lead();
    knowing.receive(answer(knowing, { request: 4, hint: 4, hintTerm: 1 }));
    expect(knowing.raft.termBefore(offset(4))).toBe(2);
  });

  it('refuses what does not say of which term the record before it is', () => {
    const follower = new Core({ id: 2, log: [1, 1, 2], term: 3 });

    const answers = follower.receive(append(follower, { from: 1, term: 3, after: 3, terms: [3] }));

    expect(follower.raft.endOffset).toBe(3);
    expect(answers).toMatchObject([{ type: 'appendEntriesResponse', success: false, hintOffset: 3, hintTerm: 2 }]);
  });

  it('keeps what is not committed or not synced in memory, however small the cache', () => {
    const core = new Core({ config: { cacheBytesMax: () => 0 } });
    core.lead();
    core.propose(5);
    expect(core.raft.batches(offset(0), offset(6))).toHaveLength(6);

    core.receive(answer(core, { from: 2, match: 4 }));

    expect(core.raft.batches(offset(0), offset(6))).toBeNull();
    expect(core.raft.batches(offset(4), offset(6))).toHaveLength(2);
    expect([core.raft.cachedBytes, core.raft.uncommittedBytes]).toEqual([20, 20]);
  });

  it('keeps little of what every peer has, and as much as it may of what one of them lacks', () => {
    const core = new Core({
      config: { cacheBytesMax: () => 8 * largeBytes, inFlightBytesMax: 8 * largeBytes, uncommittedBytesMax: 8 * largeBytes },
    });
    core.lead();
    for (let count = 0; count < 6; count++) core.run({ type: 'propose', batch: largeBatch(core) });
    core.receive(answer(core, { from: 2, match: 7 }));
    expect(core.raft.highWatermark).toBe(7);
    expect(core.raft.batches(offset(1), offset(7))).toHaveLength(6);

    core.receive(answer(core, { from: 3, match: 5 }));

    expect(core.raft.batches(offset(4), offset(7))).toBeNull();
    expect(core.raft.batches(offset(5), offset(7))).toHaveLength(2);
  });

  it('gives back what it may keep less of, and all that is on the disk when it rests', () => {
    let bytesMax = 8 * largeBytes;
    const config = { cacheBytesMax: () => bytesMax, inFlightBytesMax: 8 * largeBytes, uncommittedBytesMax: 8 * largeBytes };
    const core = new Core({ config });
    core.lead();
    for (let count = 0; count < 6; count++) core.run({ type: 'propose', batch: largeBatch(core) });
    core.receive(answer(core, { from: 2, match: 7 }));
    expect(core.raft.cachedBytes).toBeGreaterThan(6 * largeBytes);

    bytesMax = 2 * largeBytes;
    core.run({ type: 'propose', batch: largeBatch(core) });
    expect(core.raft.cachedBytes).toBeLessThanOrEqual(3 * largeBytes);
    core.receive(answer(core, { from: 2, match: 8 }));
    core.raft.rest();

    expect(core.raft.cachedBytes).toBe(0);
    expect(core.raft.batches(offset(7), offset(8))).toBeNull();
  });

  it('gives batches that wait for their write, so that a new leader knows its whole log', () => {
    const core = new Core({ term: 1 });
    core.step({ type: 'receive', message: append(core, { term: 1, terms: [1] }) });
    core.step({ type: 'receive', message: append(core, { term: 1, after: 1, previousTerm: 1, terms: [1, 1] }) });

    expect(core.readies.flatMap(({ persist }) => persist?.batches ?? [])).toHaveLength(1);
    expect(core.raft.batches(offset(0), core.raft.endOffset)).toHaveLength(3);
  });

  it('tells of a cut even when the cut batches had not been handed to the disk', () => {
    const core = new Core({ term: 1 });
    core.step({ type: 'receive', message: append(core, { term: 1, terms: [1] }) });
    core.step({ type: 'receive', message: append(core, { term: 1, after: 1, previousTerm: 1, terms: [1, 1] }) });

    core.step({ type: 'receive', message: append(core, { from: 3, term: 2, after: 1, previousTerm: 1, terms: [2] }) });
    expect(core.readies.at(-1)).toMatchObject({ truncatedTo: 1, persist: null });
    core.sync();

    expect(core.readies.at(-1)?.persist).toMatchObject({ truncateTo: null, batches: [{ offsetFrom: 1, term: 2 }] });
  });

  it('knows who has synced a batch', () => {
    const core = new Core({ voters: [1, 2, 3, 4], learners: [5] });
    core.lead();
    core.step({ type: 'propose', batch: batch(1, 1) });
    core.step({ type: 'receive', message: answer(core, { from: 3, match: 2 }) });
    core.step({ type: 'receive', message: answer(core, { from: 5, match: 2 }) });

    expect(core.raft.acknowledgedBy(offset(2))).toEqual([3]);
    core.sync();
    expect(core.raft.acknowledgedBy(offset(2))).toEqual([1, 3]);
    expect(new Core({ log: [1] }).raft.acknowledgedBy(offset(1))).toEqual([1]);
  });

  it('reports a role once', () => {
    const core = new Core();
    core.receive(append(core, { term: 1 }));
    core.receive(append(core, { term: 1 }));

    expect(core.readies.flatMap(({ role }) => (role === null ? [] : [role]))).toEqual([{ role: 'follower', term: 1, leader: 2 }]);
  });

  it('steps down when the host wants it, and campaigns again later', () => {
    const core = new Core();
    core.lead();

    core.run({ type: 'stepDown' });
    expect([core.raft.role, core.raft.leader]).toEqual(['follower', null]);
    core.tick(electionTicks);

    expect(core.raft.role).toBe('preCandidate');
  });

  it('asks for older batches once, and again with the next heartbeat when they could not be read', () => {
    const core = new Core({ log: [1, 1, 1] });
    core.lead();
    core.receive(answer(core, { request: 3, hint: 1, hintTerm: 1 }));
    core.receive(answer(core, { match: 1, request: 1 }));
    const [request] = core.readies.flatMap(({ load }) => [...load]);
    expect(request).toMatchObject({ peer: 2, offsetFrom: 1, offsetTo: 3, term: 2 });

    core.run({ type: 'loaded', request: request as never, batches: [] });
    expect(core.readies.flatMap(({ load }) => [...load])).toHaveLength(1);
    core.tick(heartbeatTicks);
    expect(core.readies.flatMap(({ load }) => [...load])).toHaveLength(2);
    const sent = core.run({ type: 'loaded', request: request as never, batches: [batch(1, 1), batch(2, 1)] });

    expect(ofType(sent, 'appendEntries')[0]).toMatchObject({ to: 2, offsetFrom: 1, batches: [{ offsetFrom: 1 }, { offsetFrom: 2 }] });
  });

  it('does not send loaded batches that are not of its log, nor after its term', () => {
    const core = new Core({ log: [1, 1, 1], term: 4 });
    core.lead();
    core.receive(answer(core, { request: 3, hint: 1, hintTerm: 1 }));
    core.receive(answer(core, { match: 1, request: 1 }));
    const request = core.readies.flatMap(({ load }) => [...load])[0] as never;

    const sent = core.run({ type: 'loaded', request, batches: [batch(1, 1), batch(2, 3)] });
    expect(ofType(sent, 'appendEntries')[0]?.batches).toMatchObject([{ offsetFrom: 1, term: 1 }]);
    core.receive(append(core, { term: 9 }));

    expect(core.run({ type: 'loaded', request, batches: [batch(2, 1)] })).toEqual([]);
  });

  it('names a peer whose log ends below what it had acknowledged, and stops serving it', () => {
    const core = new Core();
    core.lead();
    core.receive(answer(core, { match: 1, context: 0 }));
    core.propose();
    core.receive(answer(core, { match: 2, context: 0 }));
    core.tick(heartbeatTicks);

    core.receive(answer(core, { request: 2, hint: 0, context: 1 }));

    expect(core.readies.flatMap(({ rolledBack }) => [...rolledBack])).toEqual([2]);
    expect(core.raft.peers.map(({ peer, state }) => [peer, state])).toContainEqual([2, 'rolledBack']);
    expect(core.propose().map(({ to }) => to)).not.toContain(2);
  });

  it('commits nothing with what a peer has lost', () => {
    const core = new Core({ voters: [1, 2, 3, 4, 5] });
    core.lead();
    core.propose();
    core.receive(answer(core, { from: 2, match: 2, context: 0 }));
    core.tick(heartbeatTicks);

    core.receive(answer(core, { from: 2, request: 2, hint: 0, context: 1 }));
    core.receive(answer(core, { from: 3, match: 2, context: 0 }));

    // Brokers 1 and 3 have it: two of five.
    expect(core.raft.acknowledgedBy(offset(2))).toEqual([1, 3]);
    expect(core.raft.highWatermark).toBe(0);
  });

  it('does not take a late refusal for a rolled-back disk', () => {
    const core = new Core({ log: [1, 1, 1] });
    core.lead();
    const late = answer(core, { request: 3, hint: 1, hintTerm: 1, context: 0 });
    core.receive(late);
    core.receive(answer(core, { match: 4, request: 1, context: 0 }));
    core.tick(heartbeatTicks);

    core.receive(late);

    expect(core.readies.flatMap(({ rolledBack }) => [...rolledBack])).toEqual([]);
  });

  it('stops at the largest term', () => {
    const core = new Core({ voters: [1], term: Number.MAX_SAFE_INTEGER });

    expect(() => core.tick(electionTicks)).toThrow('a term is a safe integer');
  });

  it('refuses a vote that is older than its log', () => {
    expect(() => new Core({ log: [1, 2], term: 1 })).toThrow('the vote is at least as new as the log');
  });

  it('needs a voter', () => {
    expect(() => new Core({ voters: [] })).toThrow('a group has at least one voter');
    expect(Raft).toBeTypeOf('function');
  });
});

describe('isWellFormed', () => {
  const core = new Core();
  for (const { title, message, expected } of [
    { title: 'contiguous batches', message: append(core, { term: 2, terms: [1, 1, 2] }), expected: true },
    { title: 'a heartbeat', message: append(core, { term: 2, after: 5, previousTerm: 2 }), expected: true },
    { title: 'a vote', message: requestVote(core, { term: 1 }), expected: true },
    { title: 'terms that fall', message: append(core, { term: 2, terms: [2, 1] }), expected: false },
    { title: 'a term before the previous one', message: append(core, { term: 3, after: 1, previousTerm: 2, terms: [1] }), expected: false },
    { title: 'a term above the sender’s', message: append(core, { term: 1, terms: [2] }), expected: false },
    { title: 'a gap', message: { ...append(core, { term: 1 }), batches: [batch(0, 1), batch(2, 1)] }, expected: false },
    { title: 'a gap at the start', message: { ...append(core, { term: 1 }), batches: [batch(1, 1)] }, expected: false },
    {
      title: 'an empty batch',
      message: { ...append(core, { term: 1 }), batches: [{ ...batch(0, 1), offsetTo: offset(0) }] },
      expected: false,
    },
  ]) {
    it(`${expected ? 'takes' : 'drops'} ${title}`, () => {
      expect(isWellFormed(message)).toBe(expected);
    });
  }
});

describe('the one-line form of', () => {
  const core = new Core({ term: 3 });

  for (const { message, line } of [
    { message: requestVote(core, { term: 4, end: 5, lastTerm: 3, preVote: true }), line: '2->1 t4 requestPreVote end 5 lastTerm 3' },
    { message: requestVote(core, { term: 4, end: 5, lastTerm: 3, transfer: true }), line: '2->1 t4 requestVote end 5 lastTerm 3 transfer' },
    {
      message: append(core, { term: 3, after: 2, previousTerm: 1, terms: [2, 3], hw: 2, context: 9 }),
      line: '2->1 t3 append after 2/t1 [2,3)t2 [3,4)t3 hw 2 ctx 9',
    },
    { message: append(core, { term: 3 }), line: '2->1 t3 append after 0/t0 hw 0 ctx 0' },
    { message: answer(core, { match: 4, request: 2, context: 9 }), line: '2->1 t3 append after 2: match 4 ctx 9' },
    { message: answer(core, { hint: 1, hintTerm: 1, request: 2 }), line: '2->1 t3 append after 2: refused hint 1/t1 ctx 0' },
    { message: { type: 'timeoutNow', from: brokerId(2), to: brokerId(1), term: term(3) } as const, line: '2->1 t3 timeoutNow' },
  ]) {
    it(`a message as "${line}"`, () => {
      expect(describeMessage(message)).toBe(line);
    });
  }

  it('a ready, a line for each thing owed', () => {
    const follower = new Core({ log: [1, 1], term: 1 });
    follower.step({ type: 'receive', message: append(follower, { term: 2, after: 1, previousTerm: 1, terms: [2], hw: 1 }) });

    expect(follower.readies.flatMap(describeReady)).toEqual([
      'role follower t2 leader 2',
      'truncated to 1',
      'persist #1 vote t2 for - truncate to 1 [1,2)t2',
      '  then 1->2 t2 append after 1: match 2 ctx 0',
      'hw 1',
    ]);
  });
});

describe('Raft, on slow disks', () => {
  /** Ticks until it has asked for pre-votes again, answered by nobody. */
  const ticksToPreVote = (core: Core): number => {
    for (let ticks = 1; ; ticks++) {
      core.raft.step({ type: 'tick' });
      core.raft.ready();
      if (core.raft.role === 'preCandidate') return ticks;
    }
  };

  it('a candidate waits for its own vote, and only then does its time begin', () => {
    const core = new Core();
    while (core.raft.role === 'follower') core.tick();
    core.step({ type: 'receive', message: vote(core, 2, { preVote: true }) });
    for (let tick = 0; tick < electionTicks * 20; tick++) core.step({ type: 'tick' });
    expect([core.raft.role, core.raft.term, core.isWriting]).toEqual(['candidate', 1, true]);

    expect(ofType(core.sync(), 'requestVote').map(({ to }) => to)).toEqual([2, 3]);
    expect(ticksToPreVote(core)).toBe(electionTicks);
  });

  it('waits longer for an election where its own disk is slow, as long as it is', () => {
    let slowDiskTicks = 7;
    const core = new Core({ config: { slowDiskTicks: () => slowDiskTicks } });
    core.campaign();
    expect([core.raft.role, ticksToPreVote(core)]).toEqual(['candidate', electionTicks + 7]);

    slowDiskTicks = 0;
    core.receive(append(core, { term: 1 }));
    expect([core.raft.role, ticksToPreVote(core)]).toEqual(['follower', electionTicks]);
  });

  it('waits twice as long after each term that nobody led, up to 32 times, and no longer once somebody leads', () => {
    const core = new Core({ voters: [1, 2, 3, 4, 5] });
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      core.campaign();
      waits.push(ticksToPreVote(core) / electionTicks);
    }
    expect(waits).toEqual([1, 1, 2, 4, 8, 16, 32, 32, 32]);

    core.receive(append(core, { term: 9 }));
    expect(ticksToPreVote(core)).toBe(electionTicks);
  });
});
