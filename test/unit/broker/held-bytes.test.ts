import { expect, test } from 'vitest';
import { leaveRoom } from '../../../src/record/index.ts';
import { batchOf, Rig } from './rig.ts';

/** As the HTTP gateway gives it: in one piece, with room for a frame's header in front. */
function roomyBatch(values: readonly string[]): Uint8Array {
  const batch = batchOf(values);
  const roomy = leaveRoom(new Uint8Array(48 + batch.length));
  roomy.set(batch);
  return roomy;
}

test('a large batch that waits in a link to an earlier leader is not written to when it is framed here', () => {
  const rig = new Rig({ logOnly: true });
  rig.makeLeader(1);
  // Broker 2 lacks a record: only 3 can follow 1.
  rig.isolate(2);
  rig.appended(1, ['first']);
  rig.cluster.world.network.block(3, 1);
  const call = rig.beginAppend(3, ['the batch'], { batch: roomyBatch(['x'.repeat(100_000)]) });
  rig.run(50);
  rig.heal();
  rig.isolate(1);
  rig.until('it is appended', () => call.outcome !== null);
  rig.heal();
  rig.run(2000);

  expect(call.outcome).toMatchObject({ ok: true, value: { ackedBy: [2, 3] } });
  expect(rig.leader()).toBe(3);
  // A3 looks at all that is handed to links and files.
  expect(rig.violations).toEqual([]);
});
