import { spawn } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { BenchRun } from '../../bench/run.ts';

const root = path.join(import.meta.dirname, '..', '..');

function bench(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [path.join(root, 'bench', 'main.ts'), ...args], { env: { ...process.env, ...env } });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (err += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

describe('npm run bench', () => {
  test('fails when brokers do not hold what they acknowledged', async () => {
    const lie = pathToFileURL(path.join(root, 'test', 'support', 'lying-broker.ts')).href;

    const { code, out, err } = await bench(['--quick', '--only', 'read-binary', '--json'], { NODE_OPTIONS: `--import=${lie}` });

    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('read-binary, round 1 of 1') });
    const run = JSON.parse(out) as BenchRun;
    expect(run.ok).toBe(false);
    const [count] = run.scenarios[0]?.counts ?? [];
    expect(count?.acknowledged).toBeGreaterThan(count?.readBack ?? 0);
    expect(count?.readBack).toBeGreaterThan(0);
  });

  test('refuses a scenario that there is not, before it starts anything', async () => {
    const { code, out, err } = await bench(['--only', 'http-65']);

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('There is no scenario "http-65"');
  });
});
