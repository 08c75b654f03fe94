import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BrokerId, brokerId } from '../../../src/base/branded.ts';
import { countVotes, isQuorum, majorityValue, quorumValue } from '../../../src/raft/quorum.ts';
import type { Membership } from '../../../src/raft/types.ts';

const ids = (...values: number[]): BrokerId[] => values.map(brokerId);
const group = (voters: BrokerId[], votersOutgoing: BrokerId[] = []): Membership => ({ voters, votersOutgoing, learners: [] });

describe('majorityValue', () => {
  for (const { values, majority } of [
    { values: [7], majority: 7 },
    { values: [7, 3], majority: 3 },
    { values: [7, 3, 5], majority: 5 },
    { values: [9, 9, 0], majority: 9 },
    { values: [1, 2, 3, 4], majority: 2 },
    { values: [5, 4, 3, 2, 1], majority: 3 },
  ]) {
    it(`of ${values.join(', ')} is ${majority}`, () => {
      const voters = ids(...values.map((_, i) => i + 1));

      expect(majorityValue(voters, (voter) => values[voter - 1] as number)).toBe(majority);
    });
  }

  it('is the largest value that more than half of the voters have reached', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (values) => {
        const voters = ids(...values.map((_, i) => i + 1));
        const reachedByMajority = (value: number): boolean => values.filter((each) => each >= value).length * 2 > values.length;

        const majority = majorityValue(voters, (voter) => values[voter - 1] as number);

        expect(reachedByMajority(majority)).toBe(true);
        expect(reachedByMajority(majority + 1)).toBe(false);
      }),
    );
  });
});

describe('a joint configuration', () => {
  const joint = group(ids(1, 2, 3), ids(3, 4, 5));

  for (const { yes, holds } of [
    { yes: [1, 2], holds: false },
    { yes: [1, 2, 3], holds: false },
    { yes: [3, 4, 5], holds: false },
    { yes: [1, 3, 4], holds: true },
    { yes: [2, 3, 5], holds: true },
    { yes: [1, 2, 4, 5], holds: true },
  ]) {
    it(`${holds ? 'agrees' : 'does not agree'} with ${yes.join(', ')}`, () => {
      expect(isQuorum(joint, (voter) => yes.includes(voter))).toBe(holds);
    });
  }

  it('has reached what both lists have reached', () => {
    const values = new Map([1, 2, 3, 4, 5].map((id, i) => [id, [9, 8, 7, 2, 1][i] as number]));

    expect(quorumValue(joint, (voter) => values.get(voter) as number)).toBe(2);
  });

  it('any two of its quorums meet, and meet every quorum of either list', () => {
    const everyone = [1, 2, 3, 4, 5];
    const subsets = Array.from({ length: 32 }, (_, bits) => everyone.filter((_id, i) => (bits & (1 << i)) !== 0));
    const quorums = (membership: Membership): number[][] =>
      subsets.filter((subset) => isQuorum(membership, (voter) => subset.includes(voter)));

    for (const a of quorums(joint)) {
      for (const other of [joint, group(joint.voters as BrokerId[]), group(joint.votersOutgoing as BrokerId[])]) {
        for (const b of quorums(other)) expect(a.some((id) => b.includes(id))).toBe(true);
      }
    }
  });
});

describe('countVotes', () => {
  const votes = (text: string): Map<BrokerId, boolean> => {
    const given = text.split('').map((letter, i) => [brokerId(i + 1), letter === 'y', letter !== '_'] as const);
    return new Map(given.filter(([, , isGiven]) => isGiven).map(([voter, granted]) => [voter, granted]));
  };

  for (const { given, membership, result } of [
    { given: 'y', membership: group(ids(1)), result: 'won' },
    { given: '_', membership: group(ids(1)), result: 'pending' },
    { given: 'n', membership: group(ids(1)), result: 'lost' },
    { given: 'y_', membership: group(ids(1, 2)), result: 'pending' },
    { given: 'yn', membership: group(ids(1, 2)), result: 'lost' },
    { given: 'yy_', membership: group(ids(1, 2, 3)), result: 'won' },
    { given: 'yn_', membership: group(ids(1, 2, 3)), result: 'pending' },
    { given: 'nn_', membership: group(ids(1, 2, 3)), result: 'lost' },
    { given: 'yynn', membership: group(ids(1, 2, 3, 4)), result: 'lost' },
    { given: 'yyy__', membership: group(ids(1, 2, 3), ids(3, 4, 5)), result: 'pending' },
    { given: 'yyyy_', membership: group(ids(1, 2, 3), ids(3, 4, 5)), result: 'won' },
    { given: 'yyynn', membership: group(ids(1, 2, 3), ids(3, 4, 5)), result: 'lost' },
  ] as const) {
    const joint = membership.votersOutgoing.length > 0 ? ' in a joint configuration' : '';
    it(`of ${given}${joint} is ${result}`, () => {
      expect(countVotes(membership, votes(given))).toBe(result);
    });
  }

  it('a vote of someone who is no voter does not count', () => {
    expect(countVotes(group(ids(1, 2, 3)), new Map(ids(1, 4, 5).map((id) => [id, true])))).toBe('pending');
  });
});
