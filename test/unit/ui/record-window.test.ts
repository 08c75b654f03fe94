import { describe, expect, it } from 'vitest';
import { RecordWindow } from '../../../ui/src/topic/record-window.ts';
import { placeId, type RecordRow } from '../../../ui/src/topic/row.ts';

const row = (offset: number, partition: number | null = null): RecordRow => ({
  partition,
  offset,
  id: placeId(partition, offset),
  timestamp: 0,
  key: null,
  pieces: [],
  cut: 0,
});
const rows = (from: number, to: number): RecordRow[] => Array.from({ length: to - from }, (_, index) => row(from + index));
const shown = (window: RecordWindow): string[] =>
  window.lines().map((line) => (line.kind === 'record' ? line.id : `${line.partition ?? ''}[${line.offsetFrom},${line.offsetTo})`));

describe('what of a topic is on the page', () => {
  it('is a stretch that new records move on', () => {
    const window = new RecordWindow([5]);

    window.append(rows(5, 9), [9], 3);

    expect(shown(window)).toEqual(['6', '7', '8']);
    expect([window.from, window.to]).toEqual([[6], [9]]);
  });

  it('is moved back by older records, and goes on behind what it then lost', () => {
    const window = new RecordWindow([5]);
    window.append(rows(5, 8), [8], 4);

    const hasLost = window.prepend(rows(2, 5), [2], 4);

    expect(hasLost).toBe(true);
    expect(shown(window)).toEqual(['2', '3', '4', '5']);
    expect([window.from, window.to]).toEqual([[2], [6]]);
  });

  it('names the offsets that hold no record, at its ends too', () => {
    const window = new RecordWindow([0]);

    window.append([row(1), row(2), row(5)], [7], 10);

    expect(shown(window)).toEqual(['[0,1)', '1', '2', '[3,5)', '5', '[6,7)']);
  });

  it('keeps the places of several partitions apart', () => {
    const window = new RecordWindow([3, 10]);

    window.append([row(3, 0), row(10, 1), row(4, 0), row(12, 1)], [5, 13], 3);

    expect(shown(window)).toEqual(['1/10', '0/4', '1[11,12)', '1/12']);
    expect(window.from).toEqual([4, 10]);
    window.prepend([row(9, 1), row(3, 0)], [3, 9], 3);
    expect(shown(window)).toEqual(['1/9', '0/3', '1/10', '1[11,12)']);
    expect(window.to).toEqual([4, 12]);
  });

  it('takes a partition that was added later from its beginning', () => {
    const window = new RecordWindow([3]);

    window.append([row(3), row(0, 1)], [4, 1], 10);

    expect(window.from).toEqual([3, 0]);
    expect(shown(window)).toEqual(['3', '1/0']);
  });
});
