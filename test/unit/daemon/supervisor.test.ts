import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Supervisor } from '../../../src/daemon/supervisor.ts';
import { prepareCluster } from '../../../src/daemon/up.ts';

const data = mkdtempSync(path.join(tmpdir(), 'cairn-supervisor-'));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  rmSync(data, { recursive: true, force: true });
});

test('a broker that cannot be started is tried again, and does not keep the others from being stopped', async () => {
  const said: string[] = [];
  const supervisor = new Supervisor({
    configs: prepareCluster({ brokerCount: 1, data, port: 9000, faultInjection: false }),
    // There is no such folder, as after the data directory was taken away.
    outputFile: () => path.join(data, 'gone', 'broker-1.log'),
    restart: true,
    outlivesSupervisor: false,
    onOutput: null,
    say: (line) => void said.push(line),
    onLed: () => undefined,
    onReady: () => undefined,
  });

  const ended = supervisor.run();
  await vi.advanceTimersByTimeAsync(700);

  expect(said).toEqual([
    expect.stringMatching(/^broker 1 is started again in 0\.2 s: it cannot be started: ENOENT/),
    expect.stringMatching(/^broker 1 is started again in 0\.4 s: it cannot be started: ENOENT/),
    expect.stringMatching(/^broker 1 is started again in 0\.8 s: it cannot be started: ENOENT/),
  ]);
  supervisor.stop();
  await ended;
});
