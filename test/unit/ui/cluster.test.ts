import { describe, expect, it } from 'vitest';
import { Counters } from '../../../src/broker/counters.ts';
import type { BrokersAnswer, BrokerStatus } from '../../../ui/src/api.ts';
import { brokerRows, clusterState } from '../../../ui/src/cluster.ts';

interface Given {
  readonly role?: 'leader' | 'follower';
  readonly highWatermark?: number;
  readonly crashed?: boolean;
  readonly fenced?: string;
  readonly topic?: string;
}

function status(id: number, given: Given): BrokerStatus {
  const partition = {
    topic: given.topic ?? 'log',
    group: 2,
    role: given.role ?? 'follower',
    leader: 1,
    leaderSinceMs: 0,
    term: 2,
    replicas: [1, 2, 3],
    logStartOffset: 0,
    highWatermark: given.highWatermark ?? 10,
    endOffset: 10,
    syncedOffset: 10,
    sizeBytes: 100,
    segmentCount: 1,
    unreadableRanges: 0,
    followers: [],
    fenced: given.fenced ?? null,
  } as const;
  return {
    id,
    clusterId: 'c',
    incarnation: 1,
    version: '0',
    address: `127.0.0.1:${8000 + id}`,
    durable: true,
    crashed: given.crashed ?? false,
    startedMs: 0,
    wallMs: 0,
    catalog: partition,
    partitions: [partition],
    peers: [],
    counters: {
      ...new Counters().snapshot({ links: 0, queuedAppendBytes: 0, uncommittedBytes: 0, requestIds: 0, requestSessions: 0 }),
      syncMsP99: id,
    },
  };
}

function answer(...given: readonly (Given | null)[]): BrokersAnswer {
  const brokers = given.map((each, index) => ({ id: index + 1, address: 'a', status: each === null ? null : status(index + 1, each) }));
  return { brokers, partial: given.includes(null), missing: brokers.filter((each) => each.status === null).map((each) => each.id) };
}

describe('what the page says of the brokers', () => {
  it('measures lag against the furthest that any broker has committed', () => {
    const rows = brokerRows(answer({ role: 'leader', highWatermark: 12 }, { highWatermark: 9 }, null), 'log', 2);

    expect(rows.map((row) => row.lag)).toEqual([0, 3, null]);
    expect(rows.map((row) => row.isSelf)).toEqual([false, true, false]);
  });

  it('keeps a missing broker in its place and names it', () => {
    const rows = brokerRows(answer({ role: 'leader' }, null, {}), 'log', 1);

    expect(rows.map((row) => row.state)).toEqual(['ok', 'missing', 'ok']);
    expect(clusterState(rows, false, 'log')).toMatchObject({ tone: 'warning', word: '2 of 3 brokers' });
    expect(clusterState(rows, false, 'log').sentence).toContain('Broker 2 does not answer');
  });

  it('marks what was done to links by hand', () => {
    const given = answer({ role: 'leader' }, {});
    const linkFaults = { paused: false, cutOff: [1], delays: [] };
    const brokers = given.brokers.map((each) =>
      each.id === 2 && each.status !== null ? { ...each, status: { ...each.status, linkFaults } } : each,
    );

    const rows = brokerRows({ ...given, brokers }, 'log', 1);

    expect(rows.map(({ faults }) => faults)).toEqual([[], ['a partition by hand cuts it off from broker 1']]);
  });

  it('tells what another broker says of one that is not linked', () => {
    const given = answer({ role: 'leader' }, {}, null);
    const peer = { id: 3, address: 'a', connected: false, lastHeardMs: null, bytesQueued: 0, problem: 'its token is not that of broker 2' };
    const brokers = given.brokers.map((each) =>
      each.id === 2 && each.status !== null ? { ...each, status: { ...each.status, peers: [peer] } } : each,
    );

    const rows = brokerRows({ ...given, brokers }, 'log', 1);

    expect(rows.map(({ problem }) => problem)).toEqual([null, null, 'Broker 2 says: its token is not that of broker 2']);
  });

  it('says that nothing can be appended without a majority', () => {
    const rows = brokerRows(answer({}, null, { crashed: true }), 'log', 1);

    expect(clusterState(rows, false, 'log')).toMatchObject({
      tone: 'bad',
      sentence: 'Brokers 2, 3 do not answer: no majority, so nothing can be appended',
    });
  });

  it('says that a topic is not there when no broker that answers has it', () => {
    expect(clusterState(brokerRows(answer({ role: 'leader' }, {}, null), 'other', 1), false, 'other')).toMatchObject({
      word: 'No such topic',
      sentence: 'There is no topic "other": it was deleted, or never made',
    });
  });

  it('takes records for flowing only where they can come', () => {
    const flows = (given: BrokersAnswer, isAway = false): boolean => clusterState(brokerRows(given, 'log', 1), isAway, 'log').flows;

    expect(flows(answer({ role: 'leader' }, {}, {}))).toBe(true);
    expect(flows(answer({ role: 'leader' }, {}, null))).toBe(true);
    expect(flows(answer({ role: 'leader' }, { fenced: 'segment 0' }, {}))).toBe(true);
    expect(flows(answer({ role: 'leader' }, null, null))).toBe(false);
    expect(flows(answer({}, {}, {}))).toBe(false);
    expect(flows(answer({}, {}, null))).toBe(false);
    expect(flows(answer({ role: 'leader', crashed: true }, {}, {}))).toBe(false);
    expect(flows(answer({ role: 'leader' }, {}, {}), true)).toBe(false);
  });

  it('says when a leader is missing, when a log is fenced, and when this broker is away', () => {
    expect(clusterState(brokerRows(answer({}, {}, {}), 'log', 1), false, 'log').word).toBe('No leader');
    expect(clusterState(brokerRows(answer({ role: 'leader' }, { fenced: 'segment 0' }, {}), 'log', 1), false, 'log').word).toBe(
      'Damage found',
    );
    expect(clusterState([], true, 'log').word).toBe('Broker away');
  });
});
