import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openToOthers } from '../../../src/daemon/open-to-others.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-open-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what is not there, or cannot be looked at, is left to whoever opens it', () => {
  const loop = path.join(folder, 'loop');
  symlinkSync(loop, loop);

  expect(openToOthers(path.join(folder, 'missing'))).toBeNull();
  expect(openToOthers(loop)).toBeNull();
});
