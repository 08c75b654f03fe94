import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { formatIsoTime, formatTime } from '../../../ui/src/format.ts';
import { followTopic, type TailRow } from '../../../ui/src/topic/tail.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const recordsOf = (from: number, to: number, timestamp = 1_764_547_200_000): Response => {
  const events = Array.from({ length: to - from }, (_, index) => {
    const offset = from + index;
    return `id: ${offset}\nevent: record\ndata: ${JSON.stringify({ offset, timestamp, value: `of ${offset}` })}\n\n`;
  });
  return new Response(events.join(''), { headers: { 'content-type': 'text/event-stream' } });
};
const outOfRange = (): Response =>
  Response.json({ error: { code: 'offsetOutOfRange', message: 'Cannot read topic "t": it ends at 50', definite: true } }, { status: 416 });
const topicUpTo = (highWatermark: number): Response => Response.json({ partition: { logStartOffset: 0, highWatermark } });

/** What a page that follows `t` shows in the end, where its requests are answered so one after another. */
async function shown(
  answers: readonly (() => Response)[],
): Promise<{ readonly rows: readonly TailRow[]; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const stop = new AbortController();
  vi.stubGlobal('fetch', (path: string) => {
    const answer = answers[asked.length];
    asked.push(path);
    if (answer === undefined) {
      stop.abort();
      return Promise.reject(new TypeError('network error'));
    }
    return Promise.resolve(answer());
  });
  let rows: readonly TailRow[] = [];
  const listener = {
    rows: (more: readonly TailRow[]): void => void (rows = [...rows, ...more]),
    again: (): void => void (rows = []),
    trouble: (): void => undefined,
  };
  const ended = followTopic('t', '100', listener, stop.signal);
  while (!stop.signal.aborted) await vi.advanceTimersByTimeAsync(1_000);
  await vi.advanceTimersByTimeAsync(10_000);
  await ended;
  return { rows, asked };
}

describe('a page whose topic ends before the place where it stood, as after a broker that has forgotten', () => {
  it('shows the newest records anew, and none of them twice', async () => {
    const { rows, asked } = await shown([() => recordsOf(100, 200), outOfRange, () => topicUpTo(150), () => recordsOf(0, 150)]);

    expect(rows.map(({ offset }) => offset)).toEqual(Array.from({ length: 150 }, (_, offset) => offset));
    expect(asked.map((path) => /from=\d+/.exec(path)?.[0] ?? null)).toEqual(['from=100', 'from=200', null, 'from=0', 'from=150']);
  });

  it('keeps what it shows while nobody can say where the topic ends', async () => {
    const { rows } = await shown([() => recordsOf(100, 103), outOfRange, () => new Response('', { status: 503 })]);

    expect(rows.map(({ offset }) => offset)).toEqual([100, 101, 102]);
  });
});

it.each([-1, 0, 2 ** 48 - 1, 8.64e15 + 1, Number.MAX_SAFE_INTEGER, 1e300])(
  'a record of the time %d is shown beside the others',
  async (ms) => {
    const { rows } = await shown([() => recordsOf(100, 101, ms), () => recordsOf(101, 102)]);

    expect(rows.map(({ offset }) => offset)).toEqual([100, 101]);
    expect([formatIsoTime(ms), formatTime(ms)]).toEqual([expect.any(String), expect.any(String)]);
  },
);

test('a time that no clock can show is said to be none', () => {
  expect([formatIsoTime(1e300), formatTime(1e300)]).toEqual(['', '?']);
});
