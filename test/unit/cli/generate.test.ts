import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runCli } from '../../../src/cli/run-cli.ts';
import { fakeIo } from './fake-io.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

test('a pause that is longer than a timer holds is waited for', async () => {
  const { io, out, interrupt } = fakeIo();
  // Thirty years from one event to the next.
  const running = runCli(['generate', '0.000000001', '3'], io);
  await vi.waitUntil(() => vi.getTimerCount() > 0, 60_000);

  await vi.advanceTimersByTimeAsync(40 * 86_400_000);
  interrupt();

  expect(await running).toBe(0);
  expect(
    out()
      .split('\n')
      .filter((line) => line !== ''),
  ).toHaveLength(1);
});
