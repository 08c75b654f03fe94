import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { forEachRead } from '../../src/client/index.ts';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { report, seedsWithinBudget } from './budget.ts';
import { pause } from '../../src/lab/rig/index.ts';

/**
 * `cairn append - --request-id` is killed again and again, and meanwhile brokers are: in the end every line of the file is there once and in order.
 * A seed says when who is killed; the machine decides what that meets.
 */
const program = path.join(import.meta.dirname, '..', '..', 'bin', 'cairn.mjs');
const lines = Array.from({ length: 200_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 120)}`);
let folder: string;
let brokers: LabBrokers;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-resumed-'));
  writeFileSync(path.join(folder, 'lines'), `${lines.join('\n')}\n`);
  brokers = await LabBrokers.start({ count: 3 });
});
afterAll(async () => {
  await brokers.end();
  rmSync(folder, { recursive: true });
});

test('an append that is killed and run again, while brokers are killed, leaves every line once', async () => {
  let seeds = 0;
  let clientKills = 0;
  let brokerKills = 0;
  for (const seed of seedsWithinBudget({ countMax: 20 })) {
    const random = new SeededRandom(seed);
    const topic = `resumed-${seed}`;
    const client = brokers.client(brokers.ids, { timeoutMs: 30_000 });
    await client.createTopic(topic, { retentionBytes: null });

    let ended = false;
    const killing = (async () => {
      for (;;) {
        await pause(random.between(300, 2000));
        if (ended) return;
        const id = random.pick(brokers.ids);
        await brokers.kill(id);
        brokerKills++;
        await pause(random.between(0, 500));
        await brokers.restart(id);
      }
    })();
    for (let killsLeft = 5; ; killsLeft--) {
      const code = await append(topic, killsLeft > 0 ? random.between(500, 2000) : null);
      if (code === 0) break;
      expect(code, `seed ${seed}: only a kill may end it early`).toBeNull();
      clientKills++;
    }
    ended = true;
    await killing;

    const end = (await client.end({ topic, freshness: 'linearizable' })).offset;
    client.close();
    for (const id of brokers.ids) {
      const held = await linesOf(id, topic, end);
      expect(held.length, `seed ${seed}, broker ${id}: LONG_SEED=${seed}`).toBe(lines.length);
      expect(
        held.findIndex((line, index) => line !== lines[index]),
        `seed ${seed}, broker ${id}: LONG_SEED=${seed}`,
      ).toBe(-1);
    }
    seeds++;
  }
  report(`appends resumed: ${seeds} of 20 files, ${clientKills} kills of the command, ${brokerKills} of brokers`);
});

/** Runs the command, kills it after a while if told to, and gives its exit code, null when killed. */
function append(topic: string, killAfterMs: number | null): Promise<number | null> {
  const input = openSync(path.join(folder, 'lines'), 'r');
  const child = spawn(process.execPath, [program, 'append', topic, '-', '--request-id', 'job'], {
    stdio: [input, 'ignore', 'inherit'],
    env: { PATH: process.env['PATH'], CAIRN_SERVER: brokers.urls.join(',') },
  });
  closeSync(input);
  const timer = killAfterMs === null ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

/** What one broker holds itself. */
async function linesOf(id: number, topic: string, end: number): Promise<readonly string[]> {
  const client = brokers.client([id]);
  await expect.poll(async () => (await client.end({ topic, freshness: 'local' })).offset, { timeout: 30_000 }).toBeGreaterThanOrEqual(end);
  const held: string[] = [];
  for (let offsetFrom = 0; offsetFrom < end; ) {
    const usual = { topic, sinceMs: null, bytesMax: 1024 * 1024, freshness: 'local', sessionOffset: 0, waitMs: 0 } as const;
    const result = await client.read({ ...usual, offsetFrom });
    forEachRead(result, (record) => void held.push(Buffer.from(record.value() ?? []).toString()));
    if (result.offsetNext <= offsetFrom) break;
    offsetFrom = result.offsetNext;
  }
  client.close();
  return held;
}
