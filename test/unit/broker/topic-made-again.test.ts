/** A topic that is deleted while it is used: whoever used it is told that it ended. */
import { expect, test } from 'vitest';
import type { ReadResult } from '../../../src/eventlog/index.ts';
import { readOf, Rig } from './rig.ts';

test('a topic that is made again is another one to whoever read the first', () => {
  const rig = new Rig({ brokers: 1 });
  rig.createTopic('again');
  rig.appended(1, ['old'], { topic: 'again' });
  const first = rig.read(1, { topic: 'again' });
  const onward = { topic: 'again', offsetFrom: first.offsetNext, freshness: 'local' as const };
  const follower = rig.begin<ReadResult>(1, (service, answer) => service.read(readOf({ ...onward, waitMs: 60_000 }), answer));
  rig.run(50);

  rig.ok(1, (service, answer) => service.deleteTopic('again', answer));
  rig.until('it is told', () => follower.outcome !== null);
  expect(follower.outcome).toMatchObject({ ok: false, error: { code: 'unknownTopic' } });
  rig.createTopic('again');
  rig.appended(1, ['a', 'b', 'c'], { topic: 'again' });

  // One that was between two reads meanwhile.
  const { group } = first;
  expect(group).toBeTypeOf('number');
  const told = rig.error<ReadResult>(1, (service, answer) =>
    service.read({ ...readOf(onward), ...(group === undefined ? {} : { group }) }, answer),
  );
  expect([told.code, told.message]).toEqual(['unknownTopic', 'Cannot read topic "again": it was deleted, and another topic has its name']);
  expect(rig.values(1, 'again')).toEqual(['a', 'b', 'c']);
});
