// A broker exposes files too, behind the guards of all its routes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hashToken } from '../../src/gateway/http/index.ts';
import { createFilesSearcher } from '../../src/search/files/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { SystemDisk } from '../../src/system/disk.ts';
import { testClock } from '../support/clock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { runGrep } from '../support/grep-rig.ts';
import { starter } from '../support/starter.ts';

test('files of a broker are searched by whoever has its token', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-grep-test-'));
  const token = 't'.repeat(32);
  writeFileSync(path.join(folder, 'a.log'), 'yes\nno\n');
  writeFileSync(path.join(folder, 'token'), token);
  const files = createFilesSearcher({
    machine: 'broker',
    exposures: [{ name: 'app', glob: `${folder}/*.log` }],
    host: { clock: testClock(), bytes: systemBytes, filesIn: (parent) => new SystemDisk(parent, null, 'any') },
    starter,
  });
  const broker = await startTestGateway({
    tokenHash: hashToken(token),
    search: { machine: 'broker', searchers: { files, topic: null }, machines: [], partitionsOf: () => null, own: null, token, ca: null },
  });
  const args = ['yes', '--files', 'app', '--on', broker.url];

  const [refused, taken] = [await runGrep(args), await runGrep([...args, '--token-file', path.join(folder, 'token')])];

  await broker.close();
  rmSync(folder, { recursive: true });
  expect([refused.status, String(refused.stdout)]).toEqual([2, '']);
  expect(refused.stderr).toContain('the request has no bearer token');
  expect([taken.status, String(taken.stdout)]).toEqual([0, 'broker:a.log:yes\n']);
});
