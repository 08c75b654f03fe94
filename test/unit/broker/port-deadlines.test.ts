/** Every call of the port ends, whatever hangs or is missing, and says nothing that another broker would contradict. */
import { describe, expect, test } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import { Catalog } from '../../../src/broker/catalog/catalog.ts';
import type { Appends } from '../../../src/broker/edge/appends.ts';
import type { Requests } from '../../../src/broker/edge/requests.ts';
import { Revokes } from '../../../src/broker/edge/revokes.ts';
import { Whereabouts } from '../../../src/broker/edge/whereabouts.ts';
import type { Core } from '../../../src/broker/core.ts';
import { logGroup } from '../../../src/broker/well-known.ts';
import type { AppendRequest, AppendResult, Answer, Outcome, TopicDescription } from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { type SimDisk } from '../../../src/sim/disk.ts';
import { Rig, readOf } from './rig.ts';

const create = (rig: Rig, id: number, name: string): Outcome<TopicDescription> =>
  rig.call(id, (service, answer) => service.createTopic(name, { retentionBytes: null }, answer));

function diskOf(rig: Rig, id: number): SimDisk {
  const { disk } = rig.member(id).machine;
  assert(disk !== null, 'the broker has a disk');
  return disk;
}

/** A broker that leads neither the catalog nor `log`. */
function bystander(rig: Rig): number {
  rig.until('the own topic is there', () => rig.broker(1).peek().partitions.length > 1);
  return [1, 2, 3].find((id) => id !== rig.awaitLeader('catalog') && id !== rig.awaitLeader()) as number;
}

test('a topic is created at a broker whose disk hangs, and the answer says so', () => {
  const rig = new Rig();
  const id = bystander(rig);
  diskOf(rig, id).hung = true;

  expect(create(rig, id, 'orders')).toMatchObject({ ok: true, value: { name: 'orders' } });

  expect(rig.ok<TopicDescription>(id, (service, answer) => service.describeTopic('orders', answer)).name).toBe('orders');
  const read = rig.error(id, (service, answer) => service.read(readOf({ topic: 'orders', freshness: 'local' }), answer));
  expect(read).toMatchObject({ code: 'starting', retriable: true });
});

test('a broker without space for a new topic creates it, passes appends on, and sends readers elsewhere', () => {
  const rig = new Rig();
  const id = bystander(rig);
  const other = id === 1 ? 2 : 1;
  const disk = diskOf(rig, id);
  disk.capacityBytes = disk.usedBytes;

  expect(create(rig, id, 'orders')).toMatchObject({ ok: true, value: { name: 'orders' } });

  for (const value of ['a', 'b', 'c']) expect(rig.append(id, [value], { topic: 'orders', requestId: value })).toMatchObject({ ok: true });
  expect(rig.values(other, 'orders')).toEqual(['a', 'b', 'c']);
  const read = rig.error(id, (service, answer) => service.read(readOf({ topic: 'orders' }), answer));
  expect(read).toMatchObject({ code: 'diskFull', retriable: true });
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  rig.run(8000);
  expect(rig.values(id, 'orders')).toEqual(['a', 'b', 'c']);
});

test('a topic that was deleted elsewhere does not exist because a broker that is behind says so', () => {
  const rig = new Rig();
  const id = bystander(rig);
  const other = id === 1 ? 2 : 1;
  rig.createTopic('orders', id);
  rig.isolate(id);
  rig.ok<undefined>(other, (service, answer) => service.deleteTopic('orders', answer));

  const behind = create(rig, id, 'orders');

  expect(behind).toMatchObject({ ok: false, error: { code: 'noLeader', retriable: true } });
  rig.heal();
  expect(create(rig, id, 'orders')).toMatchObject({ ok: true });
  expect(create(rig, id, 'orders')).toMatchObject({ ok: false, error: { code: 'topicExists' } });
});

test('a command whose effect does not come to this broker ends with an outcome that is not known', () => {
  let nowMs = 0;
  const core = {
    settings: { topicsMax: 10 },
    nowMs: () => nowMs,
    replica: () => undefined,
    host: { bytes: simBytes, clock: { wallMs: () => 0 } },
  } as unknown as Core;
  const append = (_group: unknown, _request: AppendRequest, answer: Answer<AppendResult>): void =>
    answer({ ok: true, value: { offset: 7 } as AppendResult });
  const catalog = new Catalog(core, { append } as unknown as Appends, 10, {
    created: () => undefined,
    deleted: () => undefined,
    altered: () => undefined,
    trimmed: () => undefined,
  });
  const outcomes: unknown[] = [];
  catalog.submit({ type: 'deleteTopic', name: 'orders' }, (result) => outcomes.push(result));
  catalog.expire(nowMs);
  expect(outcomes).toEqual([]);

  nowMs = 60_000;
  catalog.expire(nowMs);

  expect(outcomes).toMatchObject([{ ok: false, error: { code: 'timeout', definite: false } }]);
});

describe('a revoke', () => {
  test('ends when its topic is deleted', () => {
    const rig = new Rig();
    const id = bystander(rig);
    const other = id === 1 ? 2 : 1;
    rig.createTopic('orders', id);
    rig.isolate(id);
    const revoke = rig.begin<undefined>(id, (_service, answer) => rig.broker(id).revoke({ topic: 'orders' }, 'r', answer));
    rig.run(500);
    rig.ok<undefined>(other, (service, answer) => service.deleteTopic('orders', answer));
    expect(revoke.outcome).toBeNull();
    rig.heal();

    rig.until('it is answered', () => revoke.outcome !== null);
    expect(revoke.outcome).toMatchObject({ ok: false, error: { code: 'unknownTopic' } });
  });

  test('goes to one peer after another where this broker has no replica', () => {
    const asked: number[] = [];
    const requests = {
      send: (...[peer, , , , done]: Parameters<Requests['send']>) => {
        asked.push(peer);
        done(peer === 2 ? { type: 'lost' } : { type: 'number', correlation: 1, value: 0 }, null);
        return true;
      },
    } as unknown as Requests;
    const core = {
      self: 1,
      nowMs: () => 0,
      wake: () => undefined,
      later: (run: () => void) => run(),
      replica: () => undefined,
      membersOf: () => [1, 2, 3],
      links: { isReady: (peer: number) => peer !== 1 },
      host: { bytes: simBytes },
    } as unknown as Core;
    const revokes = new Revokes(core, requests, new Whereabouts(core, requests));
    const outcomes: unknown[] = [];
    revokes.begin(logGroup, 'r', (outcome) => outcomes.push(outcome));
    revokes.work();
    expect([asked, outcomes]).toEqual([[2], []]);
    revokes.retry();
    revokes.work();

    expect([asked, outcomes, revokes.count]).toEqual([[2, 3], [{ ok: true, value: undefined }], 0]);
  });
});
