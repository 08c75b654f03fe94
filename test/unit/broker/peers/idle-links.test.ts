/** Connections for what is long: dialled when they are wanted, closed when nobody needs them. */
import { expect, test } from 'vitest';
import { Rig } from '../rig.ts';

const counters = (rig: Rig, id: number) => rig.broker(id).peek().counters;

test('a follower that has caught up keeps no connection for it, nothing is lost with it, and the next one that needs it has it', () => {
  const rig = new Rig({ settings: { linkIdleMs: 5000, electionTimeoutMs: 1000 } });
  const leader = rig.awaitLeader();
  const behind = rig.follower();
  const large = 'x'.repeat(200_000);
  rig.run(1000);
  const standing = counters(rig, leader).links;
  const catchUp = (values: readonly string[]): void => {
    rig.kill(behind);
    for (const value of values) rig.appended(leader, [value], { timeoutMs: 20_000 });
    rig.start(behind);
    rig.until('it has caught up', () => {
      const [own, other] = [leader, behind].map((id) =>
        rig
          .broker(id)
          .peek()
          .partitions.find(({ topic }) => topic === 'log'),
      );
      return other !== undefined && other.highWatermark === own?.highWatermark;
    });
  };

  catchUp(Array.from({ length: 10 }, (_, i) => `${i}${large}`));
  expect(counters(rig, leader).links).toBeGreaterThan(standing);
  const { elections } = counters(rig, leader);
  rig.until('it is closed', () => counters(rig, leader).linksClosedIdle > 0);
  rig.run(2000);

  expect(counters(rig, leader).links).toBe(standing);
  // Nobody took it for a loss.
  expect(counters(rig, leader).elections).toBe(elections);
  expect(rig.leader()).toBe(leader);
  const opened = counters(rig, leader).linksOpened;
  catchUp(Array.from({ length: 10 }, (_, i) => `again ${i}${large}`));
  expect(counters(rig, leader).linksOpened).toBeGreaterThan(opened);
  expect(rig.values(behind)).toHaveLength(20);
  expect(rig.violations).toEqual([]);
});
