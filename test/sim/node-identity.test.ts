// R15: a broker whose disk was wiped or put back does not act under its old identity.
import { describe, expect, test } from 'vitest';
import { Broker } from '../../src/broker/index.ts';
import type { AppendResult, Outcome } from '../../src/eventlog/index.ts';
import { type Backup, Cluster, type Member } from '../../src/sim/cluster.ts';
import { batchOfValues } from '../../src/sim/history.ts';
import { logGroup } from '../../src/broker/well-known.ts';

class Three {
  readonly cluster: Cluster;
  #value = 0;

  constructor(seed: number) {
    this.cluster = new Cluster({
      seed,
      brokerCount: 3,
      makeBroker: (options) => new Broker(options),
      inMemory: false,
      logOnly: false,
      clockSkewMsMax: 0,
      clockDriftMax: 0,
    });
    for (const member of this.cluster.members) this.cluster.start(member);
    this.pass(2000);
  }

  pass(ms: number): void {
    this.cluster.world.scheduler.runUntil(this.cluster.nowMs + ms);
  }

  restart(member: Member): void {
    this.cluster.kill(member, false);
    this.cluster.start(member);
    this.pass(2000);
  }

  /** Everything loses its power, and what this broker comes back to is an empty disk or a backup. */
  replace(member: Member, backup: Backup | null): void {
    for (const other of this.cluster.members) this.cluster.kill(other, true);
    this.cluster.world.network.unblockAll();
    this.cluster.replaceDisk(member, backup);
  }

  cutOff({ id }: Member): void {
    for (const other of this.cluster.members) {
      if (other.id === id) continue;
      this.cluster.world.network.block(id, other.id);
      this.cluster.world.network.block(other.id, id);
    }
  }

  append(id: number): Outcome<AppendResult> | null {
    let answered: Outcome<AppendResult> | null = null;
    const batch = batchOfValues(this.#value, ++this.#value, 0, 0);
    const request = { topic: 'log', batch, level: 'quorum', timeoutMs: 4000, requestId: null, sequence: 0, expectedOffset: null } as const;
    this.cluster.callInside<AppendResult>(
      this.cluster.member(id),
      (service, answer) => service.append(request, answer),
      (outcome) => {
        answered = outcome;
      },
    );
    this.pass(5000);
    return answered;
  }

  get r15(): string[] {
    return this.cluster.reports().flatMap(({ id, violations }) => (id === 'R15' ? violations : []));
  }
}

const seeds = [1, 2, 3];

describe('a broker on a disk that was wiped', () => {
  test.each(seeds)('in its first life takes no part although all others were started again since, seed %i', (seed) => {
    const three = new Three(seed);
    const { cluster } = three;
    expect(three.append(1)?.ok).toBe(true);
    three.replace(cluster.member(2), null);
    cluster.start(cluster.member(1));
    cluster.start(cluster.member(2));
    three.pass(5000);

    // One of three is left that is who it was.
    expect(three.append(1)?.ok ?? false).toBe(false);
    expect(cluster.isUp(cluster.member(2))).toBe(false);
    expect(three.r15).toEqual([]);
  });

  test('does not make a leader with one that has missed what it had acknowledged', () => {
    const three = new Three(1);
    const { cluster } = three;
    three.cutOff(cluster.member(3));
    expect(three.append(1)?.ok ?? three.append(2)?.ok).toBe(true);
    three.replace(cluster.member(2), null);
    cluster.start(cluster.member(2));
    cluster.start(cluster.member(3));
    three.pass(5000);

    expect(cluster.leaderOf(logGroup)).toBe(null);
    expect(three.r15).toEqual([]);
  });
});

describe('a broker on a backup', () => {
  test.each(seeds)('of its last life takes no part although all others were started again since, seed %i', (seed) => {
    const three = new Three(seed);
    const { cluster } = three;
    const member = cluster.member(2);
    cluster.kill(member, true);
    const backup = cluster.backUp(member);
    cluster.start(member);
    three.pass(2000);
    expect(three.append(1)?.ok).toBe(true);
    three.replace(member, backup);
    cluster.start(member);
    cluster.start(cluster.member(3));
    three.pass(5000);

    expect(three.append(3)?.ok ?? false).toBe(false);
    expect(cluster.isUp(member)).toBe(false);
    expect(three.r15).toEqual([]);
  });
});

test('whoever never met the life that was lost cannot know: a cluster of which nobody remembers anything is a new one', () => {
  const three = new Three(1);
  const { cluster } = three;
  for (const member of cluster.members) three.replace(member, null);
  for (const member of cluster.members) cluster.start(member);
  three.pass(3000);

  expect(three.append(1)?.ok).toBe(true);
  expect(three.r15).toEqual([]);
});
