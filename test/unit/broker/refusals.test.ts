/** What a leader may refuse for good: only what rests on a log that is committed, in an office that is confirmed. */
import { describe, expect, test } from 'vitest';
import type { AppendRequest, AppendResult, LogError, Outcome } from '../../../src/eventlog/index.ts';
import { appendOf, Rig } from './rig.ts';

/** Calls a broker as a gateway does whose process may be asleep: the request waits for it. */
function send(rig: Rig, id: number, values: readonly string[], more: Partial<AppendRequest>): { outcome: Outcome<AppendResult> | null } {
  const call: { outcome: Outcome<AppendResult> | null } = { outcome: null };
  rig.cluster.call<AppendResult>(
    99,
    rig.member(id),
    20_000,
    (service, answer) => service.append(appendOf(values, more), answer),
    (ended) => {
      if (ended.kind === 'answer') call.outcome = ended.outcome;
    },
  );
  return call;
}

function outcomeOf(rig: Rig, call: { outcome: Outcome<AppendResult> | null }): Outcome<AppendResult> {
  rig.until('the call is answered', () => call.outcome !== null);
  return call.outcome as Outcome<AppendResult>;
}

/** A leader that slept while the others chose another one and appended; what they sent it meanwhile is lost. */
function sleepingLeader(rig: Rig, meanwhile: (leader: number) => void): { readonly id: number; wake: () => void } {
  const id = rig.awaitLeader();
  const { process } = rig.member(id).machine;
  const { network } = rig.cluster.world;
  process?.pause();
  for (const { id: other } of rig.cluster.members) if (other !== id) network.block(other, id);
  const isLed = (): boolean => rig.leader() !== null && rig.leader() !== id;
  rig.until('another broker leads', isLed);
  meanwhile(rig.leader() as number);
  return {
    id,
    wake: () => {
      process?.resume();
      // What it is asked comes before what its peers have to say.
      rig.run(20);
      network.unblockAll();
    },
  };
}

describe('a leader that was deposed while it slept', () => {
  test('does not say that the end is another than expected from its own old log', () => {
    const rig = new Rig();
    let end = 0;
    const sleeper = sleepingLeader(rig, (leader) => {
      end = rig.appended(leader, ['elsewhere']).offset + 1;
    });

    const call = send(rig, sleeper.id, ['mine'], { expectedOffset: end });
    rig.run(10);
    sleeper.wake();

    expect(outcomeOf(rig, call)).toMatchObject({ ok: true, value: { offset: end, committed: true } });
    expect(rig.violations).toEqual([]);
  });

  test('does not say that a request id is unknown, or leaves a gap, from its own old log', () => {
    const rig = new Rig();
    rig.appended(rig.awaitLeader(), ['a0'], { requestId: 'known' });
    const sleeper = sleepingLeader(rig, (leader) => {
      rig.appended(leader, ['a1'], { requestId: 'known', sequence: 1 });
      rig.appended(leader, ['b0'], { requestId: 'new' });
    });

    const calls = [
      send(rig, sleeper.id, ['a2'], { requestId: 'known', sequence: 2 }),
      send(rig, sleeper.id, ['b1'], { requestId: 'new', sequence: 1 }),
    ];
    rig.run(10);
    sleeper.wake();

    for (const call of calls) expect(outcomeOf(rig, call)).toMatchObject({ ok: true });
    expect(rig.values(rig.awaitLeader())).toEqual(['a0', 'a1', 'b0', 'a2', 'b1']);
  });

  test('does not say that a request id has other contents from what nobody else has', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    for (const { id } of rig.cluster.members) if (id !== leader) rig.cluster.world.network.block(leader, id);
    rig.beginAppend(leader, ['lost'], { requestId: 'r', timeoutMs: 50 });
    rig.run(40);
    const sleeper = sleepingLeader(rig, () => undefined);

    const call = send(rig, sleeper.id, ['kept'], { requestId: 'r' });
    rig.run(10);
    sleeper.wake();

    expect(outcomeOf(rig, call)).toMatchObject({ ok: true, value: { duplicate: false } });
    rig.run(1000);
    expect(rig.values(rig.awaitLeader())).toEqual(['kept']);
  });
});

describe('a refusal that rests on what is not committed yet', () => {
  test('is not "revoked" before the revoke is: lost with its leader, it revokes nothing', () => {
    const rig = new Rig();
    rig.makeLeader(1);
    rig.run(500);
    const { network } = rig.cluster.world;
    // What is sent arrives; the acknowledgements do not.
    for (const other of [2, 3]) network.block(other, 1);
    rig.beginAppend(1, ['R'], { requestId: 'R', timeoutMs: 60 });
    rig.run(90);
    for (const other of [2, 3]) network.block(1, other);
    rig.begin<undefined>(1, (service, answer) => service.revoke({ topic: 'log' }, 'R', answer));
    rig.run(10);

    const again = rig.beginAppend(1, ['R'], { requestId: 'R', timeoutMs: 5000 });
    rig.run(60);

    expect(again.outcome).toBeNull();
    rig.kill(1, true);
    network.unblockAll();
    rig.awaitLeader();
    expect(rig.appended(rig.awaitLeader(), ['R'], { requestId: 'R' }).duplicate).toBe(true);
    expect(rig.values(2)).toEqual(['R']);
  });

  test('waits for the disks of a majority though its leader is confirmed', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.appended(leader, ['a'], { requestId: 'r' });
    for (const { machine } of rig.cluster.members) if (machine.disk !== null) machine.disk.extraSyncMs = 200;
    const before = rig.nowMs;
    const revoke = rig.begin<undefined>(leader, (service, answer) => service.revoke({ topic: 'log' }, 'r', answer));
    rig.run(1);

    const refused = rig.beginAppend(leader, ['a'], { requestId: 'r' });
    rig.until('it is refused', () => refused.outcome !== null);

    expect(refused.outcome).toMatchObject({ ok: false, error: { code: 'revoked' } });
    expect(rig.nowMs - before).toBeGreaterThan(200);
    expect(revoke.outcome).toMatchObject({ ok: true });
  });

  test('is given once it is, by the leader and by brokers that pass appends on', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.appended(leader, ['a'], { requestId: 'r' });
    rig.ok<undefined>(leader, (service, answer) => service.revoke({ topic: 'log' }, 'r', answer));

    for (const id of [1, 2, 3]) {
      expect(rig.refused(id, ['a'], { requestId: 'r' })).toMatchObject({ code: 'revoked', definite: true });
      expect(rig.refused(id, ['b'], { requestId: 's', sequence: 4 }).code).toBe('unknownProducer');
      expect(rig.refused(id, ['c'], { expectedOffset: 0 }).code).toBe('offsetMismatch');
    }
  });

  test('is no answer at all while no majority confirms its leader', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.isolate(leader);

    const error: LogError = rig.refused(leader, ['a'], { requestId: 'r', sequence: 7, timeoutMs: 100 });

    expect(['timeout', 'notAppendedInTime', 'noLeader']).toContain(error.code);
  });
});

describe('an append that was appended before', () => {
  test.each(['leader', 'quorum'] as const)('is answered at level %s once that is committed, and not before', (level) => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.isolate(leader);
    rig.beginAppend(leader, ['a'], { requestId: 'r', timeoutMs: 60 });
    rig.run(40);

    const again = rig.beginAppend(leader, ['a'], { requestId: 'r', level });
    rig.run(60);

    expect(again.outcome).toBeNull();
    rig.heal();
    rig.until('it is answered', () => again.outcome !== null);
    expect(again.outcome).toMatchObject({ ok: true, value: { committed: true } });
  });
});

test('many refusals that come together share one round of messages', () => {
  const rig = new Rig();
  const leader = rig.awaitLeader();
  rig.appended(leader, ['a']);
  rig.run(200);
  const before = rig.broker(leader).peek().counters.framesSent;

  const calls = Array.from({ length: 200 }, () => rig.beginAppend(leader, ['x'], { expectedOffset: 0 }));
  rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));

  for (const { outcome } of calls) expect(outcome).toMatchObject({ ok: false, error: { code: 'offsetMismatch' } });
  expect(rig.broker(leader).peek().counters.framesSent - before).toBeLessThan(20);
});
