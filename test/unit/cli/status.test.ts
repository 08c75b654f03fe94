import { describe, expect, test } from 'vitest';
import type { BrokerList } from '../../../src/client/index.ts';
import { findProblems } from '../../../src/cli/status.ts';
import type { BrokerStatus, PartitionStatus } from '../../../src/eventlog/index.ts';

const partition = (more: Partial<PartitionStatus> = {}): PartitionStatus => ({
  group: 1,
  role: 'follower',
  leader: 1,
  leaderSinceMs: 0,
  term: 1,
  replicas: [1, 2, 3],
  logStartOffset: 0,
  highWatermark: 10,
  endOffset: 10,
  syncedOffset: 10,
  sizeBytes: 100,
  segmentCount: 1,
  unreadableRanges: 0,
  followers: [],
  fenced: null,
  ...more,
});

function broker(id: number, log: Partial<PartitionStatus> = {}, more: Partial<BrokerStatus> = {}): BrokerList[number] {
  const role = id === 1 ? 'leader' : 'follower';
  const status = {
    id,
    crashed: false,
    catalog: partition({ role }),
    peers: [],
    partitions: [{ topic: 'log', ...partition({ role, ...log }) }],
    ...more,
  } as BrokerStatus;
  return { id, address: `127.0.0.1:${7999 + id}`, status };
}

describe('the status finds', () => {
  test('nothing when all is well', () => {
    expect(findProblems([broker(1), broker(2), broker(3)])).toEqual([]);
  });

  test('a broker that does not answer, by name', () => {
    expect(findProblems([broker(1), broker(2), { id: 3, address: '127.0.0.1:8002', status: null }])).toEqual([
      'broker 3 (127.0.0.1:8002) does not answer',
    ]);
  });

  test('a broker that acts as crashed', () => {
    expect(findProblems([broker(1), broker(2, {}, { crashed: true })])).toEqual(['broker 2 acts as crashed']);
  });

  test('faults that were made by hand', () => {
    const linkFaults = {
      paused: true,
      cutOff: [1, 2],
      delays: [
        { broker: 1, ms: 5 },
        { broker: 2, ms: 5 },
        { broker: 4, ms: 7 },
      ],
    };

    expect(findProblems([broker(1), broker(2), broker(3, {}, { linkFaults })])).toEqual([
      'broker 3: its links are paused by hand',
      'broker 3: a partition by hand cuts it off from brokers 1, 2',
      'broker 3: what it sends to brokers 1, 2 waits 5 ms by hand',
      'broker 3: what it sends to broker 4 waits 7 ms by hand',
    ]);
  });

  test('what stands between two brokers', () => {
    const peers = [2, 3].map((id) => ({
      id,
      address: '',
      connected: false,
      lastHeardMs: null,
      bytesQueued: 0,
      problem: 'its token is another',
    }));
    const missing = { id: 2, address: 'a:1', status: null };

    expect(findProblems([broker(1, {}, { peers }), missing, broker(3, {}, { crashed: true })])).toEqual([
      'broker 2 (a:1) does not answer, and broker 1 says of broker 2: its token is another',
      'broker 3 acts as crashed',
    ]);
    expect(findProblems([broker(1, {}, { peers }), broker(2), broker(3)])).toEqual([
      'broker 1 says of broker 2: its token is another',
      'broker 1 says of broker 3: its token is another',
    ]);
  });

  test('a fenced partition with its reason', () => {
    expect(findProblems([broker(1), broker(2, { role: 'fenced', fenced: 'segment 3 at byte 77' })])).toEqual([
      'broker 2: topic "log" is fenced: segment 3 at byte 77',
    ]);
  });

  test('a partition that nobody leads', () => {
    expect(findProblems([broker(1, { role: 'candidate' }), broker(2)])).toEqual(['topic "log" has no leader']);
  });
});

describe('of more topics than a status shows', () => {
  const totals = {
    count: 5000,
    matching: 5000,
    shown: 1,
    next: null,
    leads: 100,
    leaderless: 0,
    fenced: 0,
    unreadable: 0,
    sizeBytes: 10,
    behind: [],
    asOfMs: 900,
  };

  test('one that another broker leads, and shows not, has a leader', () => {
    const led = broker(1, {}, { topics: totals });
    const shown = broker(2, {}, { topics: totals, partitions: [{ topic: 'far-behind', ...partition({ leader: 1 }) }] });

    expect(findProblems([led, shown])).toEqual([]);
    const alone = broker(2, {}, { topics: totals, partitions: [{ topic: 'far-behind', ...partition({ leader: null }) }] });
    expect(findProblems([led, alone])).toEqual(['topic "far-behind" has no leader']);
  });

  test('those in trouble that are not shown are counted, unless all were asked for', () => {
    const fenced = { topic: 'a', ...partition({ role: 'fenced', fenced: 'damaged' }) };
    const told = broker(2, {}, { topics: { ...totals, fenced: 1501, unreadable: 1, leaderless: 2 }, partitions: [fenced] });

    const sentences = findProblems([broker(1, {}, { topics: totals }), told]);
    expect(sentences).toEqual([
      'broker 2: topic "a" is fenced: damaged',
      'broker 2: 1,500 more topics are fenced',
      'broker 2: its disk refuses to read ranges of 1 more topic',
      'broker 2 knows no leader of 2 more topics',
    ]);
    expect(findProblems([broker(1), told], true)).toEqual(['broker 2: topic "a" is fenced: damaged', 'topic "a" has no leader']);
  });
});
