import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfig } from '../../../src/daemon/config.ts';
import { warnInsecure } from '../../../src/daemon/warn-insecure.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-warn-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function warnings(flags: Readonly<Record<string, string | boolean>>): readonly string[] {
  const told: string[] = [];
  const config = readConfig({ file: null, env: {}, flags: { data: folder, ...flags } });
  warnInsecure(config, { log: (level, event, fields) => void told.push(`${level} ${event}: ${String(fields?.['text'])}`) });
  return told.map((line) => line.replaceAll(folder, 'DATA'));
}

function tokenFile(mode: number): string {
  const file = path.join(folder, 'token');
  writeFileSync(file, 'x'.repeat(40));
  chmodSync(file, mode);
  return file;
}

test('one broker on loopback whose folder is its own gives nothing to warn of', () => {
  expect(warnings({})).toEqual([]);
});

test('brokers without a secret are told that any program of the machine can pass for one of them, once', () => {
  const brokers = '1=127.0.0.1:1,2=127.0.0.1:2';

  expect(warnings({ brokers, listen: '127.0.0.1:1' })).toEqual([expect.stringMatching(/^warn peersUnproven: .* can pass for one of them/)]);
  expect(warnings({ brokers, listen: '127.0.0.1:1', tokenFile: tokenFile(0o600) })).toEqual([]);
});

test.each([
  [0o755, 'read'],
  [0o711, 'read'],
  [0o777, 'changed'],
  [0o770, null],
])('a data directory of mode %o', (mode, what) => {
  chmodSync(folder, mode);

  const expected = `warn openToOthers: the data directory DATA can be ${what} by everybody on this machine: chmod o= DATA`;
  expect(warnings({})).toEqual(what === null ? [] : [expected]);
});

test('a token that everybody can read is told, one that everybody can change is refused', () => {
  expect(warnings({ tokenFile: tokenFile(0o644) })).toEqual([
    'warn openToOthers: DATA/token can be read by everybody on this machine: chmod o= DATA/token',
  ]);
  expect(warnings({ tokenFile: tokenFile(0o640) })).toEqual([]);
  expect(() => warnings({ tokenFile: tokenFile(0o602) })).toThrow(/everybody on this machine can change the token in .*: chmod o= /);
});
