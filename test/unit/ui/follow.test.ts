import { afterEach, expect, it, vi } from 'vitest';
import { type Arrival, follow } from '../../../ui/src/topic/follow.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('no timer outlives a stream that was stopped', async () => {
  vi.useFakeTimers();
  const stop = new AbortController();
  let isAsked = false;
  vi.stubGlobal('fetch', (_path: string, { signal }: RequestInit) => {
    isAsked = true;
    const body = new ReadableStream({ start: (stream) => signal?.addEventListener('abort', () => stream.error(new Error('stopped'))) });
    return Promise.resolve(new Response(body));
  });
  const ended = follow({ topic: 'orders', partition: null }, [0], { arrived: () => undefined, trouble: () => undefined }, stop.signal);
  await vi.waitFor(() => expect(isAsked && vi.getTimerCount() === 1).toBe(true));

  stop.abort('stopped');

  expect(await ended).toBe('stopped');
  expect(vi.getTimerCount()).toBe(0);
});

it('a stream that breaks is asked for again where it broke, in every partition', async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 200 });
  const stop = new AbortController();
  const asked: (string | null)[] = [];
  const arrived: Arrival[] = [];
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(new URL(path, 'http://x').searchParams.get('from'));
    return Promise.resolve(new Response(asked.length === 1 ? 'id: v1.5.2s\ndata: {}\n\n' : 'id: v1.6.2s\ndata: {}\n\n'));
  });
  const listener = { arrived: (more: readonly Arrival[]) => void arrived.push(...more), trouble: () => undefined };
  const ended = follow({ topic: 'orders', partition: null }, [4, 100], listener, stop.signal);

  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(2));
  stop.abort('stopped');
  await ended;

  expect(asked.slice(0, 3)).toEqual(['v1.4.2s', 'v1.5.2s', 'v1.6.2s']);
  expect(arrived[0]?.next).toEqual([5, 100]);
});
