import { describe, expect, test } from 'vitest';
import { type CatalogCommand, CatalogState, type Topic } from '../../../src/broker/catalog/catalog-state.ts';

const ignore = { created: () => undefined, altered: () => undefined, deleted: () => undefined, trimmed: () => undefined };
const create = (name: string): CatalogCommand => ({
  type: 'createTopic',
  name,
  retentionBytes: null,
  builtIn: false,
  topicsMax: 100_000,
  placed: null,
  originalName: null,
});
const groupOf = (topic: Topic | undefined): number => topic?.partitions[0]?.group as number;
const named = (topics: readonly { readonly name: string }[]): string[] => topics.map(({ name }) => name);

function stateOf(names: readonly string[]): CatalogState {
  const state = new CatalogState(100_000);
  names.forEach((name, at) => state.apply(create(name), at + 1, 1000, ignore));
  return state;
}

describe('the topics of the catalog', () => {
  const made = ['b', 'B', 'a.2', 'a', 'constructor', '__proto__', 'a.10', 'ab', 'z', 'a-1'];

  test('stand in the order of their bytes, whatever is made, deleted and restored', () => {
    const state = stateOf(made);
    state.apply({ type: 'deleteTopic', name: 'ab' }, 20, 1000, ignore);
    state.apply({ type: 'deleteTopic', name: 'B' }, 21, 1000, ignore);
    state.apply(create('B'), 22, 1000, ignore);
    const expected = made.filter((name) => name !== 'ab').sort();
    const restored = new CatalogState(9);
    restored.apply(create('gone'), 1, 1000, ignore);

    expect(restored.restore(state.snapshot())).toBe(true);

    for (const each of [state, restored]) {
      expect(named(each.topics)).toEqual(expected);
      for (const topic of each.topics) expect(each.placeOf(groupOf(topic))?.topic).toBe(topic);
      expect(each.topic('ab')).toBeUndefined();
      expect(each.placeOf(1)).toBeUndefined();
    }
    expect(restored.placeOf(groupOf(state.topic('B')))?.topic.name).toBe('B');
    expect(restored.topic('gone')).toBeUndefined();
  });

  test('come in pages: all of them, each once, with a prefix those that have it', () => {
    const state = stateOf(made);
    const inPages = (prefix: string, limit: number): string[] => {
      const names: string[] = [];
      for (let after = ''; ; ) {
        const page = named(state.page(prefix, after, limit).topics);
        names.push(...page);
        if (page.length < limit) return names;
        after = page.at(-1) as string;
      }
    };

    for (const prefix of ['', 'a', 'a.', 'b', 'B', 'c', 'nothing', '__proto__', 'zz']) {
      const expected = made.filter((name) => name.startsWith(prefix)).sort();
      for (const limit of [1, 2, 3, 100]) expect(inPages(prefix, limit), `${prefix} ${limit}`).toEqual(expected);
      expect(state.page(prefix, '', 1).count).toBe(expected.length);
    }
    // From a name that is not there, before the prefix and behind all that have it.
    expect(named(state.page('a', 'a.1', 2).topics)).toEqual(['a.10', 'a.2']);
    expect(named(state.page('a', 'A', 2).topics)).toEqual(['a', 'a-1']);
    expect(named(state.page('a', 'b', 2).topics)).toEqual([]);
  });

  test('are found one by one as quickly among many as among few', () => {
    const state = stateOf(Array.from({ length: 10_000 }, (_, i) => `topic-${(i * 7919) % 10_000}`));

    expect(state.topics).toBe(state.topics);
    expect(state.page('topic-99', '', 3)).toMatchObject({
      topics: [{ name: 'topic-99' }, { name: 'topic-990' }, { name: 'topic-9900' }],
      count: 111,
    });
    state.apply({ type: 'trimTopic', group: groupOf(state.topic('topic-5')), offset: 7 }, 20_000, 1000, ignore);
    expect(state.topic('topic-5')?.partitions[0]?.trimmedTo).toBe(7);
  });

  test('bear so much text of original names in all and no more, and keep it in snapshots', () => {
    const state = stateOf([]);
    const called = (name: string, length: number) => ({ ...create(name), originalName: 'x'.repeat(length) }) as CatalogCommand;
    const most = 8 * 1024 * 1024;

    expect(state.apply(called('a', most - 10), 1, 1000, ignore)).toBe('done');
    expect(state.apply(called('b', 11), 2, 1000, ignore)).toBe('tooManyTopics');
    expect(state.apply(called('b', 10), 3, 1000, ignore)).toBe('done');
    const restored = new CatalogState(9);
    expect(restored.restore(state.snapshot())).toBe(true);
    for (const each of [state, restored]) {
      expect(each.topic('b')?.settings.originalName).toBe('x'.repeat(10));
      expect(each.apply(called('c', 1), 4, 1000, ignore)).toBe('tooManyTopics');
      each.apply({ type: 'deleteTopic', name: 'b' }, 5, 1000, ignore);
      expect(each.apply(called('c', 10), 6, 1000, ignore)).toBe('done');
    }
  });
});
