/** What a log no longer holds, or no longer remembers, is never appended a second time. */
import { describe, expect, test } from 'vitest';
import { type GroupId, groupId } from '../../../src/base/branded.ts';
import type { Result } from '../../../src/base/result.ts';
import { append } from '../../../src/broker/calls.ts';
import type { Services } from '../../../src/broker/services.ts';
import type { AppendRequest } from '../../../src/eventlog/index.ts';
import type { Disk, DiskError, DiskFile, OpenMode } from '../../../src/host/index.ts';
import type { SimDisk } from '../../../src/sim/disk.ts';
import { appendOf, Rig } from './rig.ts';

const KiB = 1024;
/** Topics of 64 KiB in segments of 16 KiB. */
const small = { segmentBytesMin: 4 * KiB, segmentBytesMax: 64 * KiB, eventsRetentionBytes: 64 * KiB };

const partitionOf = (rig: Rig, id: number, topic: string) =>
  rig
    .broker(id)
    .peek()
    .partitions.find((partition) => partition.topic === topic);
const put = (rig: Rig, at: number, id: string, more: object = {}) =>
  rig.append(at, [`value of ${id}`.padEnd(500)], { topic: 't', requestId: id, ...more });
/** A disk on which no checkpoint finds space. */
const withoutStates = (disk: Disk): Disk =>
  new Proxy(disk, {
    get: (target, name: keyof Disk) => {
      if (name !== 'open') return typeof target[name] === 'function' ? target[name].bind(target) : target[name];
      return (path: string, mode: OpenMode, done: (result: Result<DiskFile, DiskError>) => void) => {
        const error = { code: 'noSpace', operation: 'open', path, reason: 'no space' } as const;
        if (path.endsWith('.state.tmp')) target.list('', () => done({ ok: false, error }));
        else target.open(path, mode, done);
      };
    },
  });
const diskOf = (rig: Rig, id: number): SimDisk => rig.member(id).machine.disk as SimDisk;

/** A topic whose oldest records retention has removed everywhere, with the request id `victim` among them. */
function trimmedTopic(brokers: number): Rig {
  const rig = new Rig({ brokers, settings: small });
  rig.ok(1, (service, answer) => service.createTopic('t', { retentionBytes: 64 * KiB }, answer));
  rig.awaitLeader('t');
  put(rig, 1, 'victim');
  for (let i = 0; i < 200; i++) put(rig, 1, `id-${i}`);
  rig.until('the oldest are gone everywhere', () =>
    rig.cluster.members.every(({ id }) => (partitionOf(rig, id, 't')?.logStartOffset ?? 0) > 2),
  );
  // Their files go one by one.
  rig.run(1000);
  return rig;
}

function restart(rig: Rig): void {
  for (const { id } of rig.cluster.members) rig.kill(id);
  for (const { id } of rig.cluster.members) rig.start(id);
  rig.awaitLeader('t');
}

describe('a request id whose records retention has removed', () => {
  test('is known still after all brokers were started again', () => {
    const rig = trimmedTopic(3);

    restart(rig);

    expect(put(rig, 2, 'victim')).toMatchObject({ ok: true, value: { duplicate: true, offset: 1 } });
    expect(rig.violations).toEqual([]);
  });

  test('is not removed while no checkpoint can be written', () => {
    const rig = new Rig({
      brokers: 1,
      settings: small,
      change: (options) => ({ ...options, host: { ...options.host, disk: withoutStates(options.host.disk) } }),
    });
    rig.ok(1, (service, answer) => service.createTopic('t', { retentionBytes: 64 * KiB }, answer));
    put(rig, 1, 'victim');
    for (let i = 0; i < 200; i++) put(rig, 1, `id-${i}`);
    rig.run(10_000);

    expect(partitionOf(rig, 1, 't')?.logStartOffset).toBe(0);
    expect(partitionOf(rig, 1, 't')?.sizeBytes).toBeGreaterThan(64 * KiB);
    restart(rig);
    expect(put(rig, 1, 'victim')).toMatchObject({ ok: true, value: { duplicate: true } });
  });
});

describe('a log without its beginning that has lost its checkpoints', () => {
  const lose = (rig: Rig, id: number, also: RegExp): void => {
    const group = partitionOf(rig, id, 't')?.group;
    rig.kill(id);
    const disk = diskOf(rig, id);
    for (const path of disk.filePaths())
      if (path.startsWith(`groups/${group}/`) && (path.endsWith('.state') || also.test(path))) disk.erase(path);
    rig.start(id);
    rig.run(2000);
  };

  test('is fenced, and the others go on', () => {
    const rig = trimmedTopic(3);
    const lost = rig.follower('t');

    lose(rig, lost, /^$/);

    expect(partitionOf(rig, lost, 't')).toMatchObject({ role: 'fenced', fenced: expect.stringContaining('holds no checkpoint') });
    const other = rig.awaitLeader('t');
    expect(put(rig, other, 'victim')).toMatchObject({ ok: true, value: { duplicate: true, offset: 1 } });
  });

  test('opens where it is from before November 2026, and refuses retries of what it cannot know', () => {
    const rig = trimmedTopic(1);

    lose(rig, 1, /\/identity$/);

    expect(partitionOf(rig, 1, 't')?.fenced).toBeNull();
    expect(put(rig, 1, 'victim', { firstAttemptMs: 60_000 })).toMatchObject({ ok: false, error: { code: 'unknownProducer' } });
    rig.kill(1);
    rig.start(1);
    rig.run(2000);
    expect(partitionOf(rig, 1, 't')?.fenced).toBeNull();
    expect(put(rig, 1, 'victim', { firstAttemptMs: 60_000 })).toMatchObject({ ok: false, error: { code: 'unknownProducer' } });
  });
});

describe('a request id that many others have pushed out', () => {
  const full = (): Rig => {
    const rig = new Rig({ settings: { requestIdsMax: 50 } });
    rig.awaitLeader();
    rig.appended(1, ['victim'], { requestId: 'victim' });
    for (let i = 0; i < 60; i++) rig.appended(1, [`${i}`], { requestId: `id-${i}` });
    return rig;
  };

  test('is not appended again by a retry that says how old it is, through any broker', () => {
    const rig = full();
    const sinceMs = rig.nowMs;

    for (const { id } of rig.cluster.members) {
      const outcome = rig.append(id, ['victim'], { requestId: 'victim', firstAttemptMs: sinceMs });
      expect(outcome).toMatchObject({ ok: false, error: { code: 'unknownProducer', definite: true } });
    }
    expect(rig.values(1).filter((value) => value === 'victim')).toHaveLength(1);
    expect(rig.appended(1, ['59'], { requestId: 'id-59', firstAttemptMs: sinceMs }).duplicate).toBe(true);
  });

  test('is a new append where nothing says that it is a retry', () => {
    const rig = full();

    expect(rig.appended(1, ['victim'], { requestId: 'victim' }).duplicate).toBe(false);
  });

  test('does not keep a young retry from being appended', () => {
    const rig = full();
    rig.run(5000);
    rig.appended(1, ['later'], { requestId: 'later' });
    rig.run(5000);

    expect(rig.appended(rig.follower(), ['x'], { requestId: 'young', firstAttemptMs: 500 }).duplicate).toBe(false);
  });

  test('is older by the time that its topic was looked up', () => {
    let nowMs = 0;
    const passed: AppendRequest[] = [];
    const services = {
      core: { nowMs: () => nowMs },
      topics: {
        whole: () => null,
        resolve: (...[, , , , found]: Parameters<Services['topics']['resolve']>) => {
          nowMs += 1900;
          found(groupId(16));
        },
      },
      appends: { append: (_group: GroupId, request: AppendRequest) => void passed.push(request) },
    } as unknown as Services;
    append(services, appendOf(['x'], { requestId: 'x', timeoutMs: 5000, firstAttemptMs: 300 }), () => undefined);
    append(services, appendOf(['x'], { requestId: 'x', timeoutMs: 5000 }), () => undefined);

    expect(passed.map(({ timeoutMs, firstAttemptMs }) => [timeoutMs, firstAttemptMs])).toEqual([
      [3100, 2200],
      [3100, undefined],
    ]);
  });

  test('is told so in the same way whatever each broker is configured with: the leader’s limit stands in the log', () => {
    const rig = new Rig({ change: (o) => ({ ...o, settings: { ...o.settings, requestIdsMax: o.self.id * 20 } }) });
    const leader = rig.awaitLeader();
    for (let i = 0; i < 100; i++) rig.appended(leader, [`${i}`], { requestId: `id-${i}` });
    rig.run(500);

    expect(rig.violations).toEqual([]);
    const isKnown = (i: number): boolean => rig.appended(leader, [`${i}`], { requestId: `id-${i}` }).duplicate;
    expect([isKnown(99), isKnown(100 - leader * 20 - 1)]).toEqual([true, false]);
  });
});

describe('a stream', () => {
  test('goes on after however many other ids', () => {
    const rig = new Rig({ settings: { requestIdsMax: 20 } });
    const id = rig.follower();
    for (const sequence of [0, 1]) rig.appended(id, ['s'], { requestId: 'stream', sequence });
    for (let i = 0; i < 60; i++) rig.appended(id, [`${i}`], { requestId: `id-${i}` });

    const outcomeOf = (sequence: number) => rig.append(id, ['s'], { requestId: 'stream', sequence });
    expect(outcomeOf(2)).toMatchObject({ ok: true, value: { duplicate: false } });
    expect(outcomeOf(1)).toMatchObject({ ok: true, value: { duplicate: true } });
  });

  test('that says that it goes on is kept from its first batch on, and after a restart from a checkpoint', () => {
    const rig = new Rig({ settings: { ...small, requestIdsMax: 20 } });
    rig.ok(1, (service, answer) => service.createTopic('t', { retentionBytes: 64 * KiB }, answer));
    put(rig, 1, 'stream', { sequence: 0, isSession: true });
    for (let i = 0; i < 200; i++) put(rig, 1, `id-${i}`);
    rig.until('its first batch is gone', () => (partitionOf(rig, 1, 't')?.logStartOffset ?? 0) > 2);
    restart(rig);

    const outcomeOf = (sequence: number) => put(rig, rig.follower('t'), 'stream', { sequence, isSession: true });
    expect(outcomeOf(0)).toMatchObject({ ok: true, value: { duplicate: true } });
    expect(outcomeOf(1)).toMatchObject({ ok: true, value: { duplicate: false } });
    expect(rig.violations).toEqual([]);
  });

  test('that says that it goes on counts as one from its first batch on', () => {
    const rig = new Rig({ settings: { requestSessionsMax: 1 } });
    const id = rig.follower();
    rig.appended(id, ['s'], { requestId: 'a', isSession: true });

    expect(rig.refused(id, ['s'], { requestId: 'b', isSession: true })).toMatchObject({ code: 'tooManySessions' });
    expect(rig.appended(id, ['s'], { requestId: 'b' }).committed).toBe(true);
    expect(rig.appended(id, ['s'], { requestId: 'a', isSession: true }).duplicate).toBe(true);
  });

  test('that is one too many is refused, and can be tried again', () => {
    const rig = new Rig({ settings: { requestSessionsMax: 2 } });
    const id = rig.follower();
    for (const requestId of ['a', 'b']) for (const sequence of [0, 1]) rig.appended(id, ['s'], { requestId, sequence });
    rig.appended(id, ['s'], { requestId: 'c', sequence: 0 });

    expect(rig.refused(id, ['s'], { requestId: 'c', sequence: 1 })).toMatchObject({
      code: 'tooManySessions',
      definite: true,
      retriable: true,
      details: { limit: 2 },
    });
    expect(rig.appended(id, ['s'], { requestId: 'b', sequence: 2 }).committed).toBe(true);
  });
});
