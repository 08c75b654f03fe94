import { expect, test } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import { Rig } from './rig.ts';

test('a broker counts every sync that its disk is asked for: of segments, votes, indexes, marks and folders', () => {
  const rig = new Rig({ brokers: 1, settings: { segmentBytesMin: 4096 } });
  rig.awaitLeader();
  for (let count = 0; count < 20; count++) rig.appended(1, ['x'.repeat(1000)]);
  rig.run(1000);

  const { disk } = rig.member(1).machine;
  assert(disk !== null, 'the broker has a disk');
  const { counters, partitions } = rig.broker(1).peek();
  expect(partitions.find(({ topic }) => topic === 'log')?.segmentCount).toBeGreaterThan(2);
  expect(counters.diskSyncs).toBe(disk.callCounts.sync + disk.callCounts.syncDirectory);
});
