import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { tokenNames, tokens, writeLog } from '../../../../src/lab/grep/logs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cairn-logs-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a log holds the tokens in the shares that are said of its machine, and says how often', () => {
  for (const machine of [1, 2, 3]) {
    const file = path.join(folder, `machine.${machine}.log`);
    const { bytes, lines, counts } = writeLog({ file, machine, bytes: 1_000_000, seed: 7 });

    const text = readFileSync(file, 'latin1');
    const written = text.split('\n').slice(0, -1);
    expect(text.length).toBe(bytes);
    expect(text.endsWith('\n')).toBe(true);
    expect(written).toHaveLength(lines);
    expect(bytes / lines).toBeGreaterThan(150);
    expect(bytes / lines).toBeLessThan(250);
    expect(written.every((line) => /^2026-11-30T\d\d:\d\d:\d\d\.\d{3}Z [a-z ]+$/.test(line))).toBe(true);
    for (const token of tokenNames) {
      expect(written.filter((line) => line.includes(token)).length, token).toBe(counts[token]);
      expect(counts[token] / lines).toBeCloseTo(tokens[token](machine), 1);
    }
  }
});

test('the same seed gives the same bytes, another machine or seed others', () => {
  const digest = (machine: number, seed: number): string => {
    const file = path.join(folder, 'same.log');
    writeLog({ file, machine, bytes: 50_000, seed });
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  };

  expect(digest(1, 1)).toBe(digest(1, 1));
  expect(new Set([digest(1, 1), digest(2, 1), digest(1, 2)]).size).toBe(3);
});
