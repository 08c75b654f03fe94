// The disk that forgets what was not synced, and what is made on it before a broker has its data directory.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeFolder } from '../../src/daemon/make-folder.ts';
import { ForgetfulDisk, forgetfulDiskProblem } from '../../src/lab/power-loss/index.ts';
import { needs } from '../support/needs.ts';

describe('a disk that forgets', needs(forgetfulDiskProblem()), () => {
  let folder: string;
  let disk: ForgetfulDisk;
  const at = (name: string): string => path.join(disk.folder, name);
  const syncFolder = (name: string): void => {
    const fd = fs.openSync(at(name), 'r');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
  };
  const names = (): string[] => fs.readdirSync(disk.folder).filter((name) => !name.startsWith('.forget-'));

  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'cairn-forgetful-'));
    disk = await ForgetfulDisk.mount(path.join(folder, 'disk'));
  });
  afterEach(async () => {
    await disk.unmount();
    fs.rmSync(folder, { recursive: true });
  });

  test('keeps the bytes that were synced, and no others', () => {
    const fd = fs.openSync(at('file'), 'w');
    fs.writeSync(fd, 'AAAA');
    fs.fdatasyncSync(fd);
    fs.writeSync(fd, 'BBBB');
    syncFolder('');
    expect(fs.readFileSync(at('file'), 'utf8')).toBe('AAAABBBB');
    fs.closeSync(fd);

    disk.loseWhatWasNotSynced(null);

    expect(fs.readFileSync(at('file'), 'utf8')).toBe('AAAA');
    expect(disk.forgotten).toMatchObject({ powerFailures: 1, bytesLost: 4 });
  });

  test('keeps the names whose folder was synced, and no others', () => {
    for (const name of ['kept', 'renamed', 'removed']) fs.writeFileSync(at(name), name, { flush: true });
    syncFolder('');
    fs.writeFileSync(at('new'), 'synced, but nobody knows its name', { flush: true });
    fs.renameSync(at('renamed'), at('otherwise'));
    fs.unlinkSync(at('removed'));
    expect(names().sort()).toEqual(['kept', 'new', 'otherwise']);

    disk.loseWhatWasNotSynced(null);

    expect(names().sort()).toEqual(['kept', 'removed', 'renamed']);
  });

  test('may keep a part of what was not synced', () => {
    const fd = fs.openSync(at('file'), 'w');
    syncFolder('');
    fs.writeSync(fd, new Uint8Array(64 * 512).fill(1));
    fs.closeSync(fd);

    disk.loseWhatWasNotSynced(7);

    const { bytesLost } = disk.forgotten;
    expect(bytesLost).toBeGreaterThan(0);
    expect(bytesLost).toBeLessThan(64 * 512);
  });

  test('keeps a data directory with all folders above it that were made for it', () => {
    makeFolder(at('data/of/broker'), 0o700);

    disk.loseWhatWasNotSynced(null);

    expect(fs.existsSync(at('data/of/broker'))).toBe(true);
  });

  test('keeps a data directory that an earlier process had made and not synced', () => {
    fs.mkdirSync(at('data'));
    makeFolder(at('data'), 0o700);

    disk.loseWhatWasNotSynced(null);

    expect(fs.existsSync(at('data'))).toBe(true);
  });
});
