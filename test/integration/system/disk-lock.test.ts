import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Result } from '../../../src/base/result.ts';
import type { DiskError, DiskLock } from '../../../src/host/index.ts';
import { SystemDisk } from '../../../src/system/disk.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-lock-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

test('a lock excludes another process, names it, and is free again right after SIGKILL', async () => {
  const disk = new SystemDisk(folder);
  const take = (): Promise<Result<DiskLock, DiskError>> => new Promise((resolve) => disk.lock('lock', resolve));
  const diskUrl = new URL('../../../src/system/disk.ts', import.meta.url).href;
  const program = `
    import { SystemDisk } from '${diskUrl}';
    new SystemDisk(${JSON.stringify(folder)}).lock('lock', (result) => console.log(result.ok ? 'held' : result.error.code));
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('held\n');

  expect(await take()).toMatchObject({ ok: false, error: { code: 'locked', reason: `held by process ${child.pid}` } });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const taken = await take();
  expect(taken.ok).toBe(true);
  expect(await take()).toMatchObject({ ok: false, error: { code: 'locked', reason: `held by process ${process.pid}` } });
});

test('a lock writes through no link that somebody has laid where the number of its holder goes', async () => {
  const disk = new SystemDisk(folder);
  const other = path.join(folder, 'other');
  fs.writeFileSync(other, 'of somebody else');
  fs.symlinkSync(other, path.join(folder, 'mine-owner'));

  const taken = await new Promise<Result<DiskLock, DiskError>>((resolve) => disk.lock('mine', resolve));

  expect(taken.ok).toBe(true);
  expect(fs.readFileSync(other, 'utf8')).toBe('of somebody else');
});

test('files are for their owner only', async () => {
  const disk = new SystemDisk(folder);
  await new Promise((resolve) => disk.makeDirectory('groups/1', resolve));
  await new Promise((resolve) => disk.open('groups/1/a', 'create', resolve));

  expect(fs.statSync(path.join(folder, 'groups/1')).mode & 0o777).toBe(0o700);
  expect(fs.statSync(path.join(folder, 'groups/1/a')).mode & 0o777).toBe(0o600);
});
