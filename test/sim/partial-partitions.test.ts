// V3: while some brokers do not see some others, a leader that a majority can work with is found with at most one change, and stays.
import { expect, test } from 'vitest';
import type { AppendResult } from '../../src/eventlog/index.ts';
import { StableLeader } from '../../src/sim/checkers/v3-stable-leader.ts';
import { batchOfValues } from '../../src/sim/history.ts';
import { startLogCluster } from '../../src/sim/workloads/log-cluster.ts';

type Pair = readonly [number, number];

interface Case {
  readonly name: string;
  readonly brokers: number;
  /** Who does not see whom, given the leader of `log` and the others. */
  readonly cut: (leader: number, others: readonly number[]) => readonly Pair[];
  /** One direction only. */
  readonly oneWay?: boolean;
}

const pairsOf = (ids: readonly number[]): readonly Pair[] => ids.flatMap((a, i) => ids.slice(i + 1).map((b): Pair => [a, b]));

const cases: readonly Case[] = [
  {
    // Howard and Abraham 2020, "Raft does not guarantee liveness in the face of network faults": only one broker still sees a majority, and it does not lead.
    name: 'of five only one broker sees a majority, the leader only that one',
    brokers: 5,
    cut: (leader, [, ...rest]) => pairsOf([leader, ...rest]),
  },
  {
    name: 'of five the leader loses sight of one that sees all others',
    brokers: 5,
    cut: (leader, [first]) => [[leader, first as number]],
  },
  {
    name: 'of five two sides see only the one in the middle',
    brokers: 5,
    cut: (leader, [, b, c, d]) => [leader, b as number].flatMap((x) => [c as number, d as number].map((y): Pair => [x, y])),
  },
  {
    name: 'of five each sees a majority, and each another one',
    brokers: 5,
    cut: (leader, [a, b, c, d]) => {
      const ring = [leader, a, b, c, d] as readonly number[];
      return ring.flatMap((x, i) => ring.flatMap((y, j): readonly Pair[] => (i < j && Math.min(j - i, 5 - j + i) > 1 ? [[x, y]] : [])));
    },
  },
  {
    name: 'of three the leader does not see one that the third sees',
    brokers: 3,
    cut: (leader, [first]) => [[leader, first as number]],
  },
  {
    name: 'of five one broker hears nothing and is heard by all',
    brokers: 5,
    cut: (leader, [first, ...rest]) => [leader, ...rest].map((x): Pair => [x, first as number]),
    oneWay: true,
  },
  {
    name: 'of three the leader hears nothing and is heard by all',
    brokers: 3,
    cut: (leader, others) => others.map((x): Pair => [x, leader]),
    oneWay: true,
  },
];

test.each(cases.flatMap((one) => [1, 2, 3].map((seed) => ({ ...one, seed }))))(
  '$name: at most one change of leader, and appends go on, seed $seed',
  ({ brokers, cut, oneWay, seed }) => {
    const { cluster, pass, leaderId } = startLogCluster(seed, brokers, 2000);
    const { network } = cluster.world;
    const leader = leaderId();
    const others = cluster.members.map(({ id }) => id as number).filter((id) => id !== leader);
    const stable = new StableLeader(cluster.watch.ledger);
    let acknowledged = 0;
    let value = 0;
    const append = (id: number): void => {
      const request = {
        topic: 'log',
        batch: batchOfValues(value, ++value, 0, 0),
        level: 'quorum',
        timeoutMs: 3000,
        requestId: null,
        sequence: 0,
        expectedOffset: null,
      } as const;
      cluster.callInside<AppendResult>(
        cluster.member(id),
        (service, answer) => service.append(request, answer),
        (outcome) => {
          if (outcome.ok) acknowledged++;
        },
      );
    };

    stable.begin();
    for (const [from, to] of cut(leader, others)) {
      network.block(from, to);
      if (oneWay !== true) network.block(to, from);
    }
    pass(3000);
    for (let second = 0; second < 20; second++) {
      for (const { id } of cluster.members) append(id);
      pass(1000);
    }
    stable.end('a partial partition of 23 s', 1);
    network.unblockAll();
    pass(5000);

    expect([
      ...stable.findings.report().violations,
      ...cluster.reports().flatMap(({ check, violations }) => violations.map((what) => `${check}: ${what}`)),
    ]).toEqual([]);
    // At least those brokers that see the leader append.
    expect(acknowledged).toBeGreaterThan(20);
  },
);
