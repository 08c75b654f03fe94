import { describe, expect, test } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import { groupId } from '../../../src/base/branded.ts';
import type { Result } from '../../../src/base/result.ts';
import type { Disk, DiskError, DiskFile, Host, OpenMode } from '../../../src/host/index.ts';
import type { Outcome, TopicDescription, TopicPage } from '../../../src/eventlog/index.ts';
import { Rig, readOf } from './rig.ts';

const all = { prefix: '', after: '', limit: 1000 };
const list = (rig: Rig, id: number): readonly TopicDescription[] =>
  rig.ok<TopicPage>(id, (service, answer) => service.listTopics(all, answer)).topics;
const names = (rig: Rig, id: number): string[] => list(rig, id).map(({ name }) => name);
const awaitEvents = (rig: Rig): void => rig.until('the own topic is there', () => names(rig, 1).includes('cairn.events'));
const create = (rig: Rig, id: number, name: string) =>
  rig.call<TopicDescription>(id, (service, answer) => service.createTopic(name, { retentionBytes: null }, answer));
const remove = (rig: Rig, id: number, name: string) => rig.call<undefined>(id, (service, answer) => service.deleteTopic(name, answer));

/** Reading the catalog's log takes longer than an election. */
function slowCatalog({ disk, clock }: Host): Disk {
  return new Proxy(disk, {
    get: (target, name: keyof Disk) => {
      if (name !== 'open') return typeof target[name] === 'function' ? target[name].bind(target) : target[name];
      return (path: string, mode: OpenMode, done: (result: Result<DiskFile, DiskError>) => void) =>
        target.open(path, mode, (opened) =>
          done(opened.ok && path.startsWith('groups/catalog/') ? { ok: true, value: slow(opened.value) } : opened),
        );
    },
  });

  function slow(file: DiskFile): DiskFile {
    return new Proxy(file, {
      get: (target, name: keyof DiskFile) => {
        if (name !== 'read') return typeof target[name] === 'function' ? target[name].bind(target) : target[name];
        return (position: number, length: number, done: (result: Result<Uint8Array, DiskError>) => void) =>
          target.read(position, length, (result) => void clock.startTimer(300, () => done(result)));
      },
    });
  }
}

describe('topics', () => {
  test('made at one broker are there at all, with a log of their own', () => {
    const rig = new Rig();
    awaitEvents(rig);

    rig.createTopic('orders', 1);

    expect(rig.appended(2, ['o'], { topic: 'orders' })).toMatchObject({ topic: 'orders' });
    expect(rig.appended(3, ['l'])).toMatchObject({ topic: 'log' });
    for (const { id } of rig.cluster.members) {
      expect(rig.values(id, 'orders')).toEqual(['o']);
      expect(rig.values(id)).toEqual(['l']);
      expect(names(rig, id)).toEqual(['cairn.events', 'log', 'orders']);
    }
    const described = rig.ok<TopicDescription>(3, (service, answer) => service.describeTopic('orders', answer));
    expect(described).toMatchObject({
      name: 'orders',
      builtIn: false,
      settings: { retentionBytes: null },
      partition: { replicas: [1, 2, 3] },
    });
    expect(described.group).toBeGreaterThanOrEqual(16);
  });

  test('that were just made take appends within a tenth of a second', () => {
    const rig = new Rig();
    awaitEvents(rig);
    rig.run(1000);

    for (let i = 0; i < 10; i++) {
      const startMs = rig.nowMs;
      rig.createTopic(`t${i}`, 1 + (i % 3));
      rig.appended(1 + (i % 3), ['first'], { topic: `t${i}` });
      expect(rig.nowMs - startMs).toBeLessThan(150);
    }
    expect(rig.violations).toEqual([]);
  });

  test('have names that are checked, and exist once', () => {
    const rig = new Rig();
    awaitEvents(rig);
    rig.createTopic('orders');

    for (const name of ['', '.', '..', 'a/b', 'a b', 'x'.repeat(250), 'ü', 'a\n']) {
      expect(create(rig, 1, name)).toMatchObject({ ok: false, error: { code: 'invalidTopicName', definite: true } });
    }
    for (const name of ['orders', 'log', 'cairn.events']) {
      expect(create(rig, 2, name)).toMatchObject({ ok: false, error: { code: 'topicExists' } });
    }
  });

  test('asked for by several at once are made by one', () => {
    const rig = new Rig();
    rig.awaitLeader('catalog');

    const calls = [1, 2, 3].map((id) =>
      rig.begin<TopicDescription>(id, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer)),
    );
    rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));

    const outcomes = calls.map(({ outcome }) => (outcome?.ok === true ? 'made' : outcome?.error.code));
    expect(outcomes.filter((outcome) => outcome === 'made')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'topicExists')).toHaveLength(2);
  });

  test('are as many as the limit allows', () => {
    const rig = new Rig({ settings: { topicsMax: 3 } });
    awaitEvents(rig);
    rig.createTopic('one');
    rig.createTopic('two');

    expect(create(rig, 1, 'three')).toMatchObject({
      ok: false,
      error: {
        code: 'tooManyTopics',
        message: 'Cannot create topic "three": the cluster has 3 topics, those of Cairn among them, and may have 3 (limits.topicsMax)',
      },
    });
  });

  test('are as many as the limit allows where several brokers make them at once, though each sees room for its own', () => {
    const rig = new Rig({ settings: { topicsMax: 6 } });
    awaitEvents(rig);
    const calls = [1, 2, 3].flatMap((id) =>
      [0, 1, 2].map((number) =>
        rig.begin<TopicDescription>(id, (service, answer) =>
          service.createTopic(`t${id}-${number}`, { retentionBytes: null, partitions: 1 + number }, answer),
        ),
      ),
    );
    rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));

    const outcomes = calls.map(({ outcome }) => (outcome?.ok === true ? 'made' : outcome?.error.code));
    expect(outcomes.filter((outcome) => outcome === 'made')).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 'tooManyTopics')).toHaveLength(4);
    rig.run(1000);
    for (const { id } of rig.cluster.members) expect(names(rig, id)).toHaveLength(7);
    expect(rig.violations).toEqual([]);
  });

  test('are never said not to be there by a broker that starts again and still reads the catalog', () => {
    const rig = new Rig({ change: (options) => ({ ...options, host: { ...options.host, disk: slowCatalog(options.host) } }) });
    rig.createTopic('orders');
    for (const { id } of rig.cluster.members) rig.kill(id);
    for (const { id } of rig.cluster.members) rig.start(id);

    const reads: { outcome: Outcome<unknown> | null }[] = [];
    const lists: { outcome: Outcome<TopicPage> | null }[] = [];
    for (let step = 0; step < 200; step++) {
      rig.run(10);
      for (const { id } of rig.cluster.members) {
        reads.push(rig.begin(id, (service, answer) => service.read(readOf({ topic: 'orders' }), answer)));
        lists.push(rig.begin(id, (service, answer) => service.listTopics(all, answer)));
      }
    }
    rig.until('all are answered', () => [...reads, ...lists].every(({ outcome }) => outcome !== null));

    const codes = new Set(reads.map(({ outcome }) => (outcome?.ok === false ? outcome.error.code : 'read')));
    expect(codes).toContain('read');
    expect(codes).not.toContain('unknownTopic');
    expect(lists.filter(({ outcome }) => outcome?.ok === true && !outcome.value.topics.some(({ name }) => name === 'orders'))).toEqual([]);
  });

  test('that found no space on one broker are opened there once there is some, without being asked for', () => {
    const rig = new Rig();
    awaitEvents(rig);
    rig.run(1000);
    const { disk } = rig.member(3).machine;
    assert(disk !== null, 'broker 3 has a disk');
    disk.capacityBytes = disk.usedBytes + 1000;
    rig.createTopic('orders', 1);
    rig.appended(1, ['o'], { topic: 'orders' });
    const held = (): number =>
      rig
        .broker(3)
        .peek()
        .partitions.find(({ topic }) => topic === 'orders')?.endOffset ?? 0;
    rig.run(20_000);
    expect(held()).toBe(0);
    expect(rig.lines.filter(({ event }) => event === 'topicNotOpened').length).toBe(1);

    disk.capacityBytes = Number.POSITIVE_INFINITY;

    rig.until('broker 3 has caught up', () => held() >= 2);
    expect(rig.violations).toEqual([]);
  });

  test('that found no space on one broker do not keep it from starting again on the full disk', () => {
    const rig = new Rig();
    awaitEvents(rig);
    rig.run(1000);
    const { disk } = rig.member(3).machine;
    assert(disk !== null, 'broker 3 has a disk');
    disk.capacityBytes = disk.usedBytes + 10_000;
    rig.createTopic('orders', 1);
    rig.run(2000);
    disk.capacityBytes = disk.usedBytes;

    rig.kill(3);
    rig.start(3);

    rig.until('it is tried again', () => rig.lines.filter(({ event }) => event === 'topicNotOpened').length === 2);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    rig.appended(1, ['o'], { topic: 'orders' });
    rig.until('broker 3 has it', () =>
      rig
        .broker(3)
        .peek()
        .partitions.some(({ topic, endOffset }) => topic === 'orders' && endOffset >= 2),
    );
    expect(rig.violations).toEqual([]);
  });

  test('once deleted are unknown, keep no folder, and their name begins anew', () => {
    const rig = new Rig();
    rig.createTopic('orders');
    rig.appended(1, ['old'], { topic: 'orders' });
    const before = list(rig, 1).find(({ name }) => name === 'orders')?.group as number;

    expect(remove(rig, 2, 'orders').ok).toBe(true);
    rig.until('every broker has heard of it', () => [1, 2, 3].every((id) => !names(rig, id).includes('orders')));
    expect(rig.refused(3, ['x'], { topic: 'orders' }).code).toBe('unknownTopic');
    expect(remove(rig, 1, 'orders')).toMatchObject({ ok: false, error: { code: 'unknownTopic' } });
    rig.run(1000);
    for (const { machine } of rig.cluster.members) {
      let names: readonly string[] = [];
      machine.disk?.list('groups', (result) => {
        names = result.ok ? result.value : [];
      });
      rig.run(10);
      expect(names).toContain('log');
      expect(names).not.toContain(`${before}`);
    }

    rig.createTopic('orders', 3);
    rig.appended(2, ['new'], { topic: 'orders' });
    expect(rig.values(1, 'orders')).toEqual(['new']);
    expect(list(rig, 1).find(({ name }) => name === 'orders')?.group).toBeGreaterThan(before);
  });

  test('that were deleted before a start are not made and removed again by it', () => {
    const rig = new Rig();
    for (let i = 0; i < 5; i++) {
      rig.createTopic('passing');
      expect(remove(rig, 1, 'passing').ok).toBe(true);
    }
    rig.createTopic('orders');
    rig.appended(1, ['kept'], { topic: 'orders' });
    rig.run(1000);
    awaitEvents(rig);
    const kept = list(rig, 1).filter(({ name }) => name !== 'log');
    for (const { id } of rig.cluster.members) rig.kill(id);
    const made = new Set<string>();
    for (const { machine } of rig.cluster.members) {
      const { disk } = machine;
      assert(disk !== null, 'machines have disks here');
      disk.onCall = (operation, path) => void (operation === 'makeDirectory' && made.add(path));
    }
    for (const { id } of rig.cluster.members) rig.start(id);
    rig.awaitLeader('orders');
    rig.run(2000);

    expect(rig.values(2, 'orders')).toEqual(['kept']);
    expect([...made].filter((path) => /^groups\/\d+$/.test(path)).sort()).toEqual(kept.map(({ group }) => `groups/${group}`).sort());
    expect(rig.violations).toEqual([]);
  });

  test('whose removal a power loss interrupts are gone at the next start, not damaged', () => {
    let interrupted = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const rig = new Rig({ seed, settings: { segmentBytesMin: 4096, segmentBytesMax: 4096 } });
      rig.createTopic('orders');
      for (let i = 0; i < 8; i++) rig.appended(1, [`${i}`.padEnd(1500, '.')], { topic: 'orders' });
      const group = list(rig, 1).find(({ name }) => name === 'orders')?.group as number;
      const { machine } = rig.member(3);
      rig.run(500);
      machine.trap = { operation: 'remove', phase: 'after', countdown: 1 + (seed % 6), powerLoss: true };

      rig.cluster.watch.retire(groupId(group));
      remove(rig, 1, 'orders');
      rig.until('broker 3 has lost its power', () => machine.process === null);
      if (machine.disk?.filePaths().some((path) => path.startsWith(`groups/${group}/`)) === true) interrupted++;
      rig.start(3);
      rig.run(2000);

      expect(rig.lines.filter(({ event }) => event === 'groupFenced' || event === 'fatal')).toEqual([]);
      expect(
        rig
          .broker(3)
          .peek()
          .partitions.map((partition) => partition.role),
      ).not.toContain('fenced');
      expect(machine.disk?.filePaths().filter((path) => path.startsWith(`groups/${group}/`))).toEqual([]);
      expect(rig.violations).toEqual([]);
    }
    expect(interrupted).toBeGreaterThan(3);
  });

  test('of Cairn itself cannot be deleted', () => {
    const rig = new Rig();

    for (const name of ['log', 'cairn.events'])
      expect(remove(rig, 1, name)).toMatchObject({ ok: false, error: { code: 'topicProtected' } });
  });

  test('and what is in them survive a start of all brokers', () => {
    const rig = new Rig();
    awaitEvents(rig);
    rig.createTopic('orders');
    rig.createTopic('gone');
    // A broker may have removed its log already, and begin an empty one while it reads the catalog again.
    rig.cluster.watch.retire(groupId(list(rig, 1).find(({ name }) => name === 'gone')?.group ?? 0));
    rig.appended(1, ['o'], { topic: 'orders' });
    remove(rig, 1, 'gone');
    for (const { id } of rig.cluster.members) rig.kill(id, true);
    for (const { id } of rig.cluster.members) rig.start(id);

    expect(rig.values(2, 'orders')).toEqual(['o']);
    expect(names(rig, 3)).toEqual(['cairn.events', 'log', 'orders']);
    rig.createTopic('more', 2);
    expect(rig.appended(3, ['p'], { topic: 'more' }).committed).toBe(true);
    expect(rig.violations).toEqual([]);
  });
});

test('a topic that is made later takes no broker from its callers while it is opened', () => {
  const rig = new Rig();
  awaitEvents(rig);
  rig.run(2000);
  const call = rig.begin(1, (service, answer) => service.createTopic('orders', { retentionBytes: null }, answer));
  const isOpen = (id: number): boolean =>
    rig
      .broker(id)
      .peek()
      .partitions.find(({ topic }) => topic === 'orders')?.role !== undefined;
  let looked = 0;
  let unready = 0;

  rig.until('all have it', () => {
    looked++;
    if (rig.alive.some(({ broker }) => broker?.ready !== true)) unready++;
    return call.outcome !== null && rig.alive.every(({ id }) => isOpen(id));
  });

  expect(looked).toBeGreaterThan(10);
  expect(unready).toBe(0);
});

describe('the topic log', () => {
  test('is elected, appended to and read while the catalog has no majority', () => {
    // The catalog's messages never arrive; those of `log` do.
    const rig = new Rig({
      change: (options) => ({ ...options, host: { ...options.host, network: withoutGroup(options.host.network, 1) } }),
    });

    expect(rig.appended(rig.follower(), ['a']).committed).toBe(true);
    rig.kill(rig.awaitLeader());
    expect(rig.appended(rig.awaitLeader(), ['b']).committed).toBe(true);
    for (const { id } of rig.alive) expect(rig.values(id)).toEqual(['a', 'b']);
    expect(rig.leader('catalog')).toBe(null);
  });

  test('is all there is for contract 2', () => {
    const rig = new Rig({ brokers: 5, logOnly: true });

    rig.appended(rig.follower(), ['a']);

    for (const { id } of rig.cluster.members) {
      expect(rig.values(id)).toEqual(['a']);
      expect(names(rig, id)).toEqual(['log']);
    }
    expect(create(rig, 1, 'orders').ok).toBe(false);
    expect(rig.refused(1, ['x'], { topic: 'orders' }).code).toBe('unknownTopic');
  });
});

type Network = ConstructorParameters<typeof import('../../../src/broker/index.ts').Broker>[0]['host']['network'];

/** Drops every frame of one group on its way out. */
function withoutGroup(network: Network, group: number): Network {
  return {
    accept: (onLink) => network.accept(onLink),
    dial: (peer, lane, handlers) => {
      const link = network.dial(peer, lane, handlers);
      return {
        send: (chunks) => {
          const kept = framesOf(chunks).filter((frame) => new DataView(frame.buffer, frame.byteOffset).getUint32(16) !== group);
          if (kept.length > 0) link.send(kept);
        },
        get bytesQueued() {
          return link.bytesQueued;
        },
        close: (reason) => link.close(reason),
      };
    },
  };
}

function framesOf(chunks: readonly Uint8Array[]): Uint8Array[] {
  const joined = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
  const frames: Uint8Array[] = [];
  for (let at = 0; at < joined.length; ) {
    const length = new DataView(joined.buffer, at).getUint32(0) + 4;
    frames.push(joined.subarray(at, at + length));
    at += length;
  }
  return frames;
}

test('an append that was taken before its topic was deleted has not failed definitely', () => {
  const rig = new Rig();
  awaitEvents(rig);
  create(rig, 1, 'orders');
  rig.appended(1, ['a'], { topic: 'orders' });
  rig.cluster.kill(rig.member(3), false);
  const pending = [1, 2].map((id) => rig.beginAppend(id, ['b'], { topic: 'orders', level: 'all', timeoutMs: 60_000 }));
  rig.until('it is committed', () => rig.read(1, { topic: 'orders', freshness: 'local' }).highWatermark >= 3);

  remove(rig, 1, 'orders');
  rig.until('both are answered', () => pending.every(({ outcome }) => outcome !== null));

  for (const { outcome } of pending) expect(outcome).toMatchObject({ ok: false, error: { definite: false } });
});
