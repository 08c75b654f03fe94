import { describe, expect, test } from 'vitest';
import { assert } from '../../../src/base/assert.ts';
import type { BrokerOptions } from '../../../src/broker/index.ts';
import type { AppendResult, BrokerStatus, Outcome, ReadResult } from '../../../src/eventlog/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import { appendOf, readOf, Rig, valuesOf } from './rig.ts';

function close(rig: Rig, id: number, graceMs = 2000): void {
  let isClosed = false;
  rig.broker(id).close(graceMs, () => {
    isClosed = true;
  });
  rig.until(`broker ${id} has closed`, () => isClosed);
  rig.kill(id);
}

describe('a graceful stop', () => {
  test('hands leadership over first: appends at the others go on within 100 ms', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const other = rig.follower();
    rig.appended(other, ['before']);
    const waits: number[] = [];
    const append = (value: string): void => {
      const sentMs = rig.nowMs;
      const done = (outcome: Outcome<AppendResult>): void => {
        expect(outcome.ok).toBe(true);
        waits.push(rig.nowMs - sentMs);
      };
      rig.cluster.callInside<AppendResult>(rig.member(other), (service, answer) => service.append(appendOf([value]), answer), done);
    };

    let isClosed = false;
    rig.broker(leader).close(2000, () => {
      isClosed = true;
    });
    for (let i = 0; i < 60; i++) {
      append(`${i}`);
      rig.run(5);
    }
    rig.until('all is answered', () => isClosed && waits.length === 60);
    expect(Math.max(...waits)).toBeLessThan(100);

    expect(rig.values(other)).toHaveLength(61);
    expect(rig.leader()).not.toBe(leader);
    expect(rig.violations).toEqual([]);
  });

  test('of each broker in turn fails no append, whoever is asked', () => {
    const rig = new Rig();
    rig.awaitLeader();
    let count = 0;

    for (const id of [1, 2, 3]) {
      const others = [1, 2, 3].filter((other) => other !== id);
      const calls = others.map((other) => rig.beginAppend(other, [`${count++}`]));
      let isClosed = false;
      rig.broker(id).close(2000, () => {
        isClosed = true;
      });
      while (!isClosed) {
        calls.push(...others.map((other) => rig.beginAppend(other, [`${count++}`])));
        rig.run(3);
      }
      rig.kill(id);
      rig.start(id);
      rig.until('all are answered', () => calls.every(({ outcome }) => outcome !== null));
      for (const { outcome } of calls) expect(outcome?.ok).toBe(true);
    }

    expect(rig.values(1)).toHaveLength(count);
    expect(rig.violations).toEqual([]);
  });

  test('answers what still waits when its grace is over', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.isolate(leader);
    const call = rig.beginAppend(leader, ['x'], { timeoutMs: 60_000 });
    rig.run(1);

    close(rig, leader, 300);

    expect(call.outcome).toMatchObject({ ok: false, error: { definite: false } });
  });

  test('of all brokers at once does not wait for those that are gone', () => {
    const rig = new Rig();
    rig.awaitLeader();
    rig.run(3000);
    const startMs = rig.nowMs;

    let closed = 0;
    for (const { id } of rig.cluster.members) {
      rig.broker(id).close(3000, () => {
        closed++;
        rig.kill(id);
      });
    }
    rig.until('all have closed', () => closed === 3);

    expect(rig.nowMs - startMs).toBeLessThan(500);
  });

  test('marks its logs: a clean start cuts nothing and reads nothing twice', () => {
    const rig = new Rig({ brokers: 1 });
    rig.appended(1, ['a']);
    close(rig, 1);

    rig.start(1);

    expect(rig.values(1)).toEqual(['a']);
    expect(rig.lines.filter(({ event }) => event === 'tailCut')).toEqual([]);
  });
});

describe('a disk that fails', () => {
  test('stops the broker at the first failed write or sync: nothing more is answered or sent', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.member(leader).machine.failingCalls = ['write', 'sync'];

    const call = rig.beginAppend(leader, ['x']);
    rig.until('it is down', () => rig.member(leader).broker === null);

    expect(call.outcome).toBe(null);
    expect(rig.lines.find(({ event }) => event === 'fatal')?.fields).toMatchObject({ code: 'diskFailed' });
    expect(rig.appended(rig.awaitLeader(), ['y']).committed).toBe(true);
    expect(rig.violations).toEqual([]);
  });
});

describe('a data directory', () => {
  test('of another broker or another cluster is refused', () => {
    const rig = new Rig({ brokers: 1, change: (options) => ({ ...options, clusterId: clusterIds.shift() ?? 'a'.repeat(32) }) });
    rig.appended(1, ['a']);
    rig.kill(1);

    rig.cluster.start(rig.member(1));
    rig.run(1000);

    expect(rig.member(1).broker).toBe(null);
    expect(rig.violations).toEqual([expect.stringContaining(`it belongs to cluster ${'1'.repeat(32)}, not to ${'2'.repeat(32)}`)]);
  });
  const clusterIds = ['1'.repeat(32), '2'.repeat(32)];
});

describe('a broker whose data directory was rolled back', () => {
  test.each([
    ['to an earlier start', 2, 'as incarnation 3 and comes as incarnation 2, so'],
    ['to its last start', 1, 'as incarnation 2 and comes as incarnation 2 in another life, so'],
  ])('%s is refused by the others, and says why it stops', (_, starts, words) => {
    const rig = new Rig();
    rig.awaitLeader('catalog');
    rig.run(2000);
    const disk = rig.member(2).machine.disk;
    if (disk === null) throw new Error('machines have disks here');
    const identity = rig.waitFor(readFile(disk, 'identity'));
    for (let i = 0; i < starts; i++) {
      rig.kill(2);
      rig.start(2);
      rig.run(2000);
    }
    rig.waitFor(writeFile(disk, 'identity', identity));
    for (const id of [1, 2, 3]) rig.kill(id);

    rig.cluster.start(rig.member(1));
    rig.cluster.start(rig.member(2));
    rig.until('it has stopped', () => rig.lines.some(({ event, machine }) => event === 'fatal' && machine === 2));

    const message = rig.lines.find(({ event }) => event === 'fatal')?.fields?.['message'];
    expect(message).toContain(`Cannot take part with this data directory: broker 1 says that broker 2 was here ${words}`);
    rig.start(3);
    rig.awaitLeader();
    expect(rig.appended(1, ['a']).committed).toBe(true);
  });

  test('and is met by nobody who remembers it is told apart by the catalog', () => {
    const rig = new Rig();
    rig.awaitLeader('catalog');
    rig.run(2000);
    const disk = rig.member(2).machine.disk;
    if (disk === null) throw new Error('machines have disks here');
    const identity = rig.waitFor(readFile(disk, 'identity'));
    const peers = [1, 3].map((id) => {
      const other = rig.member(id).machine.disk;
      if (other === null) throw new Error('machines have disks here');
      return { other, before: rig.waitFor(readFile(other, 'peers')) };
    });
    rig.kill(2);
    rig.start(2);
    rig.run(2000);
    rig.waitFor(writeFile(disk, 'identity', identity));
    for (const { other, before } of peers) rig.waitFor(writeFile(other, 'peers', before));
    for (const id of [1, 2, 3]) rig.kill(id);

    for (const id of [1, 2, 3]) rig.cluster.start(rig.member(id));
    rig.until('it has stopped', () => rig.lines.some(({ event, machine }) => event === 'fatal' && machine === 2));

    expect(rig.lines.find(({ event }) => event === 'fatal')?.fields).toMatchObject({ code: 'wrongIdentity' });
  });
});

describe('damage inside what was once synced', () => {
  test('fences that group on that broker, says where, and lets everything else go on', () => {
    const rig = new Rig();
    rig.createTopic('orders');
    for (let i = 0; i < 5; i++) rig.appended(1, [`${i}`]);
    const id = rig.follower();
    const disk = rig.member(id).machine.disk;
    if (disk === null) throw new Error('machines have disks here');
    rig.run(1000);
    rig.waitFor(flipByte(disk, 'groups/log', 400));
    rig.kill(id);

    rig.start(id);
    rig.awaitLeader();

    const fenced = rig
      .broker(id)
      .peek()
      .partitions.find(({ topic }) => topic === 'log');
    expect(fenced).toMatchObject({ role: 'fenced', leader: null, fenced: expect.stringMatching(/groups\/log\/.*damaged at \d+/) });
    expect(rig.refused(id, ['x'])).toMatchObject({ code: 'fenced', definite: true });
    expect(rig.error(id, (service, answer) => service.end({ topic: 'log', freshness: 'local' }, answer)).code).toBe('fenced');
    expect(rig.appended(id, ['o'], { topic: 'orders' }).committed).toBe(true);
    const other = rig.alive.find((member) => member.id !== id)?.id as number;
    const result = rig.appended(other, ['5']);
    expect(result.ackedBy).not.toContain(id);
    expect(rig.values(other)).toEqual(['0', '1', '2', '3', '4', '5']);
    // The simulator's disks are healthy, so its checker calls a fenced group a defect: here it is meant.
    expect(rig.violations).toEqual([expect.stringContaining('fenced group 2')]);
  });
});

describe('derived state', () => {
  test('is whole after a start from a checkpoint that was made while much was in the log that was cut later', () => {
    const rig = new Rig({ settings: { segmentBytesMin: 4096, segmentBytesMax: 4096 } });
    const leader = rig.awaitLeader();
    for (let i = 0; i < 10; i++) rig.appended(leader, [`${i}`], { requestId: `r${i}` });
    rig.ok(leader, (service, answer) => service.revoke({ topic: 'log' }, 'r3', answer));
    rig.isolate(leader);
    // Several segments are sealed that never commit.
    for (let i = 0; i < 20; i++) rig.beginAppend(leader, ['x'.repeat(1000)], { requestId: `lost${i}`, timeoutMs: 100 });
    rig.run(250);
    rig.kill(leader);
    rig.heal();
    const next = rig.awaitLeader();
    rig.appended(next, ['after'], { requestId: 'after' });

    rig.start(leader);
    const shown = new Set<string>();
    // Reads all the way: none may show what is revoked.
    while (!shown.has('after')) {
      rig.begin<ReadResult>(leader, (service, answer) =>
        service.read(readOf({ freshness: 'local' }), (outcome) => {
          for (const value of outcome.ok ? valuesOf(outcome.value) : []) shown.add(value);
          answer(outcome);
        }),
      );
      rig.run(0.25);
      assert(rig.nowMs < 60_000, 'it has caught up within a minute');
    }
    rig.run(100);
    expect(rig.lines.filter(({ event }) => event === 'derivedAgain')).toEqual([]);
    expect(shown).toContain('2');
    expect(shown).not.toContain('3');
    rig.makeLeader(leader);

    for (const i of [0, 1, 2, 4, 9]) expect(rig.appended(leader, [`${i}`], { requestId: `r${i}` }).duplicate).toBe(true);
    expect(rig.refused(leader, ['3'], { requestId: 'r3' }).code).toBe('revoked');
    expect(rig.appended(leader, ['after'], { requestId: 'after' }).duplicate).toBe(true);
    expect(rig.appended(leader, ['x'.repeat(1000)], { requestId: 'lost7' }).duplicate).toBe(false);
    expect(rig.violations).toEqual([]);
  });
});

describe('a start after a kill', () => {
  test('reads the newest segments only, also on a disk that was slower than those of a majority', () => {
    const rig = new Rig({ settings: { segmentBytesMin: 16_384, segmentBytesMax: 16_384 } });
    const leader = rig.awaitLeader();
    const disk = rig.member(leader).machine.disk;
    assert(disk !== null, 'machines have disks here');
    disk.extraSyncMs = 20;
    const appends = Array.from({ length: 250 }, (_, i) => {
      rig.run(7);
      return rig.beginAppend(leader, [`${i}`.padEnd(1000)]);
    });
    rig.until('all are appended', () => appends.every(({ outcome }) => outcome !== null));
    disk.extraSyncMs = 0;
    rig.run(1000);
    rig.kill(leader);
    const segments = disk.filePaths().filter((path) => /^groups\/log\/.*\.log$/.test(path)).length;
    let reads = 0;
    disk.onCall = (operation, path, phase) => {
      if (operation === 'read' && phase === 'before' && /^groups\/log\/.*\.log$/.test(path)) reads++;
    };

    rig.start(leader);
    rig.until('it is open', () => rig.member(leader).broker !== null && rig.broker(leader).ready);

    // A look at the head of each, and the last ones.
    expect(segments).toBeGreaterThan(10);
    expect(reads).toBeLessThan(segments + 10);
    expect(rig.violations).toEqual([]);
  });
});

describe('brokers with a secret', () => {
  const withSecret = (secretOf: (id: number) => string) =>
    new Rig({ change: (options) => ({ ...options, secret: simBytes.utf8Encode(secretOf(options.self.id)) }) });

  test('that they share work together', () => {
    const rig = withSecret(() => 'the same');

    expect(rig.appended(rig.follower(), ['a']).committed).toBe(true);
  });

  test('leave out one that does not know it', () => {
    const rig = withSecret((id) => (id === 3 ? 'a guess' : 'the right one'));
    rig.run(3000);

    expect(rig.appended(1, ['a'])).toMatchObject({ committed: true });
    expect(rig.refused(3, ['b'], { timeoutMs: 1000 }).code).toBe('noLeader');
    expect(
      rig
        .broker(3)
        .peek()
        .peers.map(({ connected }) => connected),
    ).toEqual([false, false]);
  });
});

describe('status', () => {
  test('names every configured broker, and says null for one that is gone', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    rig.appended(leader, ['a']);
    const gone = rig.follower();
    rig.kill(gone);

    const all = rig.ok<readonly { id: number; address: string; status: BrokerStatus | null }[]>(leader, (service, answer) =>
      service.brokers(null, answer),
    );

    expect(all.map(({ id, status }) => [id, status?.id ?? null])).toEqual([1, 2, 3].map((id) => [id, id === gone ? null : id]));
    const own = all.find(({ id }) => id === leader)?.status;
    expect(own).toMatchObject({
      id: leader,
      incarnation: 1,
      durable: true,
      crashed: false,
      version: expect.stringMatching(/^0\.0\.\d+-sim$/),
    });
    const log = own?.partitions.find(({ topic }) => topic === 'log');
    expect(log).toMatchObject({ role: 'leader', leader, highWatermark: 2, endOffset: 2, replicas: [1, 2, 3], fenced: null });
    expect(log?.followers).toHaveLength(2);
    expect(own?.counters['diskSyncs']).toBeGreaterThan(0);
  });
});

describe('the topic cairn.events', () => {
  test('tells of starts, leaders and faults, as JSON', () => {
    const rig = new Rig();
    rig.run(3000);
    rig.broker(2).faults.crash();
    rig.run(500);
    rig.broker(2).faults.recover();
    rig.run(3000);

    const events = rig.values(1, 'cairn.events').map((value) => JSON.parse(value) as { broker: number; event: string; kind?: string });

    for (const id of [1, 2, 3]) expect(events).toContainEqual(expect.objectContaining({ broker: id, event: 'started' }));
    expect(events.filter(({ event }) => event === 'leader').length).toBeGreaterThanOrEqual(3);
    expect(events.filter(({ broker, event }) => broker === 2 && event === 'fault').map(({ kind }) => kind)).toEqual(['crash', 'recover']);
    expect(events.some(({ event }) => event === 'load')).toBe(true);
  });

  test('of an idle cluster costs a few records a minute', () => {
    const rig = new Rig();
    rig.run(20_000);
    const before = rig.values(1, 'cairn.events').length;
    rig.run(60_000);

    expect(rig.values(1, 'cairn.events').length - before).toBeLessThanOrEqual(3 * 7);
  });

  test('keeps what a broker that is away still needs, and drops its own news instead', () => {
    const eventsRetentionBytes = 64 * 1024;
    const rig = new Rig({ settings: { eventsRetentionBytes, segmentBytesMin: 8192, segmentBytesMax: 16_384 } });
    rig.until('the topic is there', () => rig.leader('cairn.events') !== null);
    rig.appended(1, ['x'], { topic: 'cairn.events' });
    const away = rig.follower('cairn.events');
    rig.kill(away);
    const [first, second] = rig.alive.map(({ id }): number => id) as [number, number];
    for (let i = 0; i < 100; i++) rig.appended(first, ['x'.repeat(1000)], { topic: 'cairn.events' });
    rig.run(3000);
    const partitionAt = (id: number) =>
      rig
        .broker(id)
        .peek()
        .partitions.find(({ topic }) => topic === 'cairn.events');
    const end = partitionAt(first)?.endOffset;
    rig.run(30_000);

    for (const id of [first, second]) expect(partitionAt(id)).toMatchObject({ logStartOffset: 0, endOffset: end });
    rig.start(away);
    rig.until('the old segments are gone everywhere', () => [1, 2, 3].every((id) => (partitionAt(id)?.logStartOffset ?? 0) > 0));
    expect(rig.violations).toEqual([]);
  });

  test('keeps within its size by removing whole old segments everywhere', () => {
    const eventsRetentionBytes = 64 * 1024;
    const rig = new Rig({ settings: { eventsRetentionBytes, segmentBytesMin: 8192, segmentBytesMax: 16_384 } });
    rig.until('the topic is there', () => rig.leader('cairn.events') !== null);
    for (let i = 0; i < 150; i++) {
      rig.appended(1 + (i % 3), ['x'.repeat(1000)], { topic: 'cairn.events' });
      rig.run(20);
    }
    rig.run(3000);

    for (const { id } of rig.cluster.members) {
      const partition = rig
        .broker(id)
        .peek()
        .partitions.find(({ topic }) => topic === 'cairn.events');
      expect(partition?.logStartOffset).toBeGreaterThan(0);
      expect(partition?.sizeBytes).toBeLessThanOrEqual(eventsRetentionBytes + 16_384);
    }
    const from = rig
      .broker(1)
      .peek()
      .partitions.find(({ topic }) => topic === 'cairn.events')?.logStartOffset as number;
    expect(valuesOf(rig.read(1, { topic: 'cairn.events', offsetFrom: from })).length).toBeGreaterThan(0);
    expect(rig.violations).toEqual([]);
  });
});

describe('a leader whose disk hangs', () => {
  test('gives up its office, does not campaign while it hangs, and comes back when it is mended', () => {
    const hanging = new Map<number, (() => void)[]>();
    const rig = new Rig({
      change: (options) => ({ ...options, host: { ...options.host, disk: hangingDisk(options.host.disk, options.self.id, hanging) } }),
    });
    const leader = rig.awaitLeader();
    rig.appended(leader, ['a']);
    hanging.set(leader, []);

    const call = rig.beginAppend(leader, ['b'], { level: 'leader' });
    rig.until('another leads', () => (rig.leader() ?? leader) !== leader);
    const elections = rig.broker(leader).peek().counters.elections;
    rig.run(3000);

    expect(rig.broker(leader).peek().counters.elections).toBe(elections);
    expect(rig.appended(rig.awaitLeader(), ['c']).ackedBy).not.toContain(leader);
    const waiting = hanging.get(leader) ?? [];
    hanging.delete(leader);
    for (const finish of waiting) finish();
    rig.until('the caller is answered', () => call.outcome !== null);
    expect(rig.values(leader)).toEqual(['a', 'b', 'c']);
    expect(rig.violations).toEqual([]);
  });
});

type Disk = BrokerOptions['host']['disk'];

const readFile =
  (disk: Disk, path: string) =>
  (done: (bytes: Uint8Array) => void): void =>
    disk.open(path, 'read', (opened) => {
      if (!opened.ok) throw new Error(opened.error.reason);
      opened.value.read(0, 1000, (read) => {
        if (read.ok) done(read.value);
      });
    });

const flipByte =
  (disk: Disk, folder: string, position: number) =>
  (done: (result: undefined) => void): void =>
    disk.list(folder, (listed) => {
      const name = listed.ok ? listed.value.find((one) => one.endsWith('.log')) : undefined;
      disk.open(`${folder}/${name ?? ''}`, 'write', (opened) => {
        if (!opened.ok) throw new Error(opened.error.reason);
        const file = opened.value;
        file.read(position, 1, (read) => {
          const byte = read.ok ? (read.value[0] as number) : 0;
          file.write(position, [Uint8Array.of(byte ^ 1)], () => file.sync(() => done(undefined)));
        });
      });
    });

const writeFile =
  (disk: Disk, path: string, bytes: Uint8Array) =>
  (done: (result: undefined) => void): void =>
    disk.open(path, 'write', (opened) => {
      if (!opened.ok) throw new Error(opened.error.reason);
      opened.value.truncate(0, () => opened.value.write(0, [bytes], () => opened.value.sync(() => done(undefined))));
    });

/** Holds back the end of every sync of a broker that is in `hanging`. */
function hangingDisk(disk: Disk, id: number, hanging: Map<number, (() => void)[]>): Disk {
  return {
    durable: disk.durable,
    makeDirectory: (path, done) => disk.makeDirectory(path, done),
    list: (path, done) => disk.list(path, done),
    status: (path, done) => disk.status(path, done),
    remove: (path, done) => disk.remove(path, done),
    rename: (from, to, done) => disk.rename(from, to, done),
    syncDirectory: (path, done) => disk.syncDirectory(path, done),
    lock: (path, done) => disk.lock(path, done),
    open: (path, mode, done) =>
      disk.open(path, mode, (result) => {
        if (!result.ok) return done(result);
        const file = result.value;
        const sync: typeof file.sync = (synced) =>
          file.sync((outcome) => {
            const waiting = hanging.get(id);
            if (waiting === undefined) synced(outcome);
            else waiting.push(() => synced(outcome));
          });
        done({
          ok: true,
          value: {
            path: file.path,
            get size() {
              return file.size;
            },
            status: (then) => file.status(then),
            write: (position, chunks, then) => file.write(position, chunks, then),
            read: (position, length, then) => file.read(position, length, then),
            truncate: (size, then) => file.truncate(size, then),
            close: (then) => file.close(then),
            sync,
          },
        });
      }),
  };
}
