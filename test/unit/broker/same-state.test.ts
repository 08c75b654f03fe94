/** What brokers derive from logs is the same on all of them, whatever they are configured with, and belongs to the folder that it says. */
import { describe, expect, test } from 'vitest';
import { groupId } from '../../../src/base/branded.ts';
import { type CatalogCommand, CatalogState, parseCommand, type Topic } from '../../../src/broker/catalog/catalog-state.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import type { SimDisk } from '../../../src/sim/disk.ts';
import { Rig } from './rig.ts';

const groupOf = (rig: Rig, id: number, topic: string) =>
  rig
    .broker(id)
    .peek()
    .partitions.find((partition) => partition.topic === topic)?.group;
const awaitEvents = (rig: Rig): void => rig.until('the own topic is there', () => groupOf(rig, 1, 'cairn.events') !== undefined);
const create = (rig: Rig, id: number, name: string) =>
  rig.call(id, (service, answer) => service.createTopic(name, { retentionBytes: null }, answer));
const remove = (rig: Rig, id: number, name: string) => rig.call<undefined>(id, (service, answer) => service.deleteTopic(name, answer));
const diskOf = (rig: Rig, id: number): SimDisk => rig.member(id).machine.disk as SimDisk;

describe('topics where brokers differ in `topicsMax`', () => {
  test('are the same topics in the same groups on all of them', () => {
    const rig = new Rig({ change: (o) => ({ ...o, settings: { ...o.settings, topicsMax: o.self.id === 1 ? 3 : 4 } }) });
    awaitEvents(rig);
    for (const name of ['a', 'b', 'c']) expect(create(rig, 2, name).ok).toBe(true);
    expect(create(rig, 1, 'refused')).toMatchObject({ ok: false, error: { code: 'tooManyTopics' } });
    expect(remove(rig, 2, 'a').ok).toBe(true);

    expect(create(rig, 2, 'd').ok).toBe(true);
    rig.appended(1, ['of d'], { topic: 'd' });

    for (const id of [1, 2, 3]) {
      expect(rig.values(id, 'd')).toEqual(['of d']);
      expect(rig.values(id, 'c')).toEqual([]);
      expect(['b', 'c', 'd'].map((name) => groupOf(rig, id, name))).toEqual(['b', 'c', 'd'].map((name) => groupOf(rig, 1, name)));
    }
    expect(rig.violations).toEqual([]);
  });

  test('stay what they are when the limit is lowered, and a new one is empty', () => {
    let topicsMax = 10;
    const rig = new Rig({ brokers: 1, change: (o) => ({ ...o, settings: { ...o.settings, topicsMax } }) });
    const restart = (limit: number): void => {
      topicsMax = limit;
      rig.kill(1);
      rig.start(1);
      rig.run(1000);
    };
    awaitEvents(rig);
    for (const name of ['a', 'b', 'c', 'd']) {
      create(rig, 1, name);
      rig.appended(1, [`of ${name}`], { topic: name });
    }

    restart(3);
    for (const name of ['a', 'b', 'c', 'd']) expect(rig.values(1, name)).toEqual([`of ${name}`]);
    expect(create(rig, 1, 'e')).toMatchObject({ ok: false, error: { code: 'tooManyTopics' } });
    for (const name of ['a', 'b', 'c']) {
      // It is begun anew while the catalog is read again, and removed again.
      rig.cluster.watch.retire(groupId(groupOf(rig, 1, name) as number));
      remove(rig, 1, name);
    }
    expect(create(rig, 1, 'f').ok).toBe(true);
    restart(10);

    expect(rig.values(1, 'f')).toEqual([]);
    expect(rig.values(1, 'd')).toEqual(['of d']);
    expect(rig.violations).toEqual([]);
  });
});

describe('a folder that holds another topic’s log', () => {
  /** As a program without ids could leave it: group 17 or the one after is the log of a topic that was made at another place of the catalog. */
  function withForeignFolder(): { readonly rig: Rig; readonly group: number; readonly files: () => readonly string[] } {
    const rig = new Rig({ brokers: 1 });
    awaitEvents(rig);
    create(rig, 1, 'a');
    rig.appended(1, ['secret'], { topic: 'a' });
    const group = groupOf(rig, 1, 'a') as number;
    const path = `groups/${group}/identity`;
    rig.run(1000);
    rig.kill(1);
    const disk = diskOf(rig, 1);
    const own = simBytes.utf8Decode(disk.fileBytes(path) as Uint8Array).split('crc32c')[0] as string;
    const text = own.replace(/topic (\d+)/, (_, topic: string) => `topic ${'9'.repeat(topic.length)}`);
    const checksum = simBytes.crc32c(simBytes.utf8Encode(text)).toString(16).padStart(8, '0');
    disk.overwrite(path, 0, simBytes.utf8Encode(`${text}crc32c ${checksum}\n`));
    rig.start(1);
    rig.run(1000);
    return { rig, group, files: () => disk.filePaths().filter((name) => name.startsWith(`groups/${group}/`)) };
  }

  test('is not served as this topic’s', () => {
    const { rig } = withForeignFolder();

    expect(rig.append(1, ['x'], { topic: 'a' })).toMatchObject({
      ok: false,
      error: { code: 'fenced', message: expect.stringMatching(/holds the log of topic id 9+,/) },
    });
    expect(rig.lines.filter(({ event }) => event === 'groupFenced')).toHaveLength(1);
  });

  test('stays when this topic is deleted', () => {
    const { rig, files } = withForeignFolder();
    const before = files();

    expect(remove(rig, 1, 'a').ok).toBe(true);
    rig.run(1000);

    expect(files()).toEqual(before);
    expect(rig.lines.some(({ event }) => event === 'folderKept')).toBe(true);
  });
});

test('a folder without an identity, from before November 2026, is given one when its topic is known, with the limit that was the default then', () => {
  const rig = new Rig({ brokers: 1 });
  awaitEvents(rig);
  create(rig, 1, 'a');
  rig.appended(1, ['old'], { topic: 'a' });
  const group = groupOf(rig, 1, 'a') as number;
  const disk = diskOf(rig, 1);
  const identity = `groups/${group}/identity`;
  const text = (path: string): string => Buffer.from(disk.fileBytes(path) as Uint8Array).toString();
  const [, topic] = /topic (\d+)/.exec(text(identity)) as RegExpExecArray;
  rig.kill(1);
  for (const path of disk.filePaths()) if (/^groups\/.*identity$/.test(path)) disk.erase(path);

  rig.start(1);
  rig.run(1000);

  expect(rig.values(1, 'a')).toEqual(['old']);
  expect(text(identity)).toContain(`\ngroup ${group} topic ${topic} topicsMax 200\n`);
  // By this the commands are judged that do not carry a limit: judged by another one, they would make other topics.
  expect(text('groups/catalog/identity')).toContain('topicsMax 200\n');
});

describe('the catalog', () => {
  const ignore = { created: () => undefined, altered: () => undefined, deleted: () => undefined, trimmed: () => undefined };
  const create = (name: string, topicsMax: number | null): CatalogCommand => ({
    type: 'createTopic',
    name,
    retentionBytes: null,
    builtIn: false,
    topicsMax,
    placed: null,
    originalName: null,
  });

  test('judges a command by the limit that it carries, and one from before by what the broker was configured with then', () => {
    const snapshots = [2, 100].map((oldTopicsMax) => {
      const state = new CatalogState(oldTopicsMax);
      const outcomes = [create('a', 2), create('b', 2), create('c', 2), create('c', 3)].map((command, at) =>
        state.apply(command, at + 1, 1000, ignore),
      );
      expect(outcomes).toEqual(['done', 'done', 'tooManyTopics', 'done']);
      return state.snapshot();
    });
    expect(snapshots[0]).toBe(snapshots[1]);
    expect(new CatalogState(0).apply(create('a', null), 1, 1000, ignore)).toBe('tooManyTopics');
    expect(new CatalogState(1).apply(create('a', null), 1, 1000, ignore)).toBe('done');
  });

  test('takes a name that only a later program allows, and refuses it in a command from before', () => {
    expect(new CatalogState(1).apply(create('UPPER', 1), 1, 1000, ignore)).toBe('done');
    expect(new CatalogState(1).apply(create('UPPER', null), 1, 1000, ignore)).toBe('invalidTopicName');
  });

  test('goes on from a snapshot as from the log', () => {
    const whole = new CatalogState(9);
    whole.apply(create('a', 9), 1, 1000, ignore);
    whole.apply({ type: 'registerBroker', id: 2, incarnation: 3, nonce: 'n', address: 'x:1' }, 2, 1001, ignore);
    const restored = new CatalogState(0);
    expect(restored.restore(whole.snapshot())).toBe(true);

    for (const state of [whole, restored]) {
      state.apply({ type: 'trimTopic', group: 16, offset: 7 }, 3, 1002, ignore);
      state.apply(create('b', 9), 4, 1003, ignore);
    }

    expect(restored.snapshot()).toBe(whole.snapshot());
    expect(
      restored.topics.flatMap(({ name, partitions }) => partitions.map(({ group, trimmedTo }) => `${name} ${group} ${trimmedTo}`)),
    ).toEqual(['a 16 7', 'b 17 0']);
    for (const none of ['{"version":3}', whole.snapshot().slice(0, -1), 'null', '']) expect(restored.restore(none)).toBe(false);
    expect(restored.snapshot()).toBe(whole.snapshot());
  });

  test('gives an id and a group to one topic only', () => {
    const state = new CatalogState(9);
    const made: string[] = [];
    const effects = { ...ignore, created: ({ id, partitions }: Topic) => void made.push(`${id} ${partitions[0]?.group}`) };
    for (let at = 1; at <= 9; at += 3) {
      state.apply(create('a', 9), at, 1000, effects);
      state.apply(create('a', 9), at + 1, 1000, effects);
      state.apply({ type: 'deleteTopic', name: 'a' }, at + 2, 1000, ignore);
    }

    expect(made).toEqual(['1 16', '4 17', '7 18']);
    expect(state.nextGroup).toBe(groupId(19));
  });

  test('reads commands of before', () => {
    const before = '{"type":"createTopic","name":"a","retentionBytes":null,"builtIn":false}';

    expect(parseCommand(before)).toEqual(create('a', null));
    expect(parseCommand(before.replace('}', ',"topicsMax":-1}'))).toBeNull();
  });
});
