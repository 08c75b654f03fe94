import { describe, expect, it } from 'vitest';
import type { TopicDescription } from '../../../ui/src/api.ts';
import { GrowthWatch, rowOf, sorted } from '../../../ui/src/topics/topic-table.ts';

function topic(name: string, end: number, more: Partial<TopicDescription> = {}): TopicDescription {
  const partition = { leader: 1, replicas: [1, 2, 3], logStartOffset: 2, highWatermark: end, sizeBytes: end * 10 };
  const settings = { retentionBytes: null };
  return { name, group: 9, builtIn: false, createdMs: 0, settings, partition, ...more } as unknown as TopicDescription;
}

describe('the table of topics', () => {
  it('adds up the partitions of a topic, and says who leads them and who is missing', () => {
    const one = topic('clicks', 10).partition;
    const row = rowOf(
      topic('clicks', 10, {
        partitions: [
          { ...one, leader: 3 },
          { ...one, leader: null },
          { ...one, replicas: [4] },
        ],
      }),
      null,
    );

    expect(row).toMatchObject({
      partitions: 3,
      end: 30,
      count: 24,
      sizeBytes: 300,
      leaders: [1, 3],
      leaderless: 1,
      replicas: [1, 2, 3, 4],
    });
  });

  it('says what bounds a topic', () => {
    const settings = { retentionBytes: 64 * 2 ** 20, retentionMs: 86_400_000, retentionRecords: 5000, retentionUntilRead: true };

    expect(rowOf(topic('a', 1), null).retention).toBe('keeps all');
    expect(rowOf(topic('a', 1, { settings }), null).retention).toBe('64.0 MiB, 1 d 0 h, 5,000 records, until all have read');
  });

  it('tells how fast topics grow, and nothing of one that is new or was made anew', () => {
    const watch = new GrowthWatch();
    watch.add(1000, [topic('a', 10), topic('b', 50)]);

    const rates = watch.add(3000, [topic('a', 40), topic('b', 4), topic('c', 9)]);

    expect(Object.fromEntries(rates)).toEqual({ a: 15 });
  });

  it('sorts by any column, and by name where that decides nothing', () => {
    const rows = [topic('b', 5), topic('c', 7), topic('a', 5)].map((each) => rowOf(each, null));
    const names = (order: Parameters<typeof sorted>[1]): string[] => sorted(rows, order).map(({ name }) => name);

    expect(names({ column: 'end', isDescending: true })).toEqual(['c', 'a', 'b']);
    expect(names({ column: 'name', isDescending: true })).toEqual(['c', 'b', 'a']);
    expect(names({ column: 'recordsPerSecond', isDescending: false })).toEqual(['a', 'b', 'c']);
  });
});
