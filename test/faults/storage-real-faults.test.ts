import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { needsPrograms } from '../support/needs.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-faults-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
const mounting = needsPrograms('unshare', 'mount');
const sourceOf = (name: string): string => new URL(`../../src/${name}`, import.meta.url).href;

/** A program over a real log in `data`; it prints one line of JSON. */
function program(data: string, body: string): string {
  const file = path.join(folder, `${path.basename(data)}.mjs`);
  const text = `
    import fs from 'node:fs';
    import { openGroupLog } from '${sourceOf('storage/index.ts')}';
    import { SystemDisk } from '${sourceOf('system/disk.ts')}';
    import { SystemClock } from '${sourceOf('system/clock.ts')}';
    import { systemRandom as random } from '${sourceOf('system/random.ts')}';
    import { systemBytes as bytes } from '${sourceOf('system/bytes.ts')}';
    import { frameBatch, frameChecksum, RecordBatchBuilder } from '${sourceOf('record/index.ts')}';
    const data = ${JSON.stringify(data)};
    const clock = new SystemClock();
    const host = { disk: new SystemDisk(data), bytes, clock, random, logger: { log: () => {} } };
    const wait = (start) => new Promise((resolve) => start(resolve));
    const options = { group: 7, path: 'groups/7', segmentBytesMin: 65536, segmentBytesMax: 1 << 20, checkpoint: (offsetTo, checksum) => ({ offsetTo, checksum, bytes: new Uint8Array(8) }) };
    const open = async () => {
      const opened = await wait((done) => openGroupLog(host, options, done));
      if (!opened.ok) throw new Error(JSON.stringify(opened.error));
      return opened.value.log;
    };
    let end = 0, previousChecksum = 0;
    const batch = (valueBytes) => {
      const builder = new RecordBatchBuilder();
      builder.add(1, null, new Uint8Array(valueBytes).fill(65));
      const framed = frameBatch({ group: 7, offsetFrom: end, term: 1, stampMs: end + 1, stampCounter: 0, previousChecksum }, builder.finish(bytes), bytes);
      end = framed.offsetTo;
      previousChecksum = frameChecksum(framed.bytes);
      return framed;
    };
    const write = (log, batches) => wait((done) => log.write({ truncateTo: null, batches }, done));
    const readAll = async (log) => {
      let count = 0;
      for (let at = log.logStartOffset; at < log.endOffset; ) {
        const read = await wait((done) => log.read({ offsetFrom: at, offsetTo: log.endOffset, bytesMax: 1 << 20 }, done));
        if (!read.ok) throw new Error(JSON.stringify(read.error));
        count += read.value.length;
        at = read.value.at(-1).offsetTo;
      }
      return count;
    };
    const out = (value) => { console.log(JSON.stringify(value)); process.exit(0); };
    ${body}
  `;
  fs.writeFileSync(file, text);
  return file;
}

function lastLine(output: string): Record<string, unknown> {
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

test('a real disk of 1 MB fills up: the write waits, nothing is lost, and with space it goes on', mounting, ({ skip }) => {
  const data = path.join(folder, 'full');
  fs.mkdirSync(data);
  const file = program(
    data,
    `
    const log = await open();
    const filler = data + '/filler';
    fs.writeFileSync(filler, new Uint8Array(500_000));
    let written = 0;
    while (!log.full) {
      const result = await write(log, [batch(4000)]);
      if (!result.ok) throw new Error(JSON.stringify(result.error));
      written++;
    }
    const batches = Array.from({ length: 90 }, () => batch(4000));
    let finished = null;
    const waiting = write(log, batches).then((result) => (finished = result));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const heldBack = finished === null && log.full;
    const readWhileFull = await readAll(log);
    fs.unlinkSync(filler);
    await waiting;
    const afterwards = { finished, full: log.full, synced: log.syncedOffset };
    await wait((done) => log.close(done));
    const again = await open();
    out({ written, heldBack, readWhileFull, afterwards, reopened: await readAll(again) });
    `,
  );
  const unshare = process.getuid?.() === 0 ? ['-m'] : ['-rm'];
  const script = `mount -t tmpfs -o size=1m tmpfs '${data}' && exec '${process.execPath}' --no-warnings '${file}'`;
  const run = spawnSync('unshare', [...unshare, 'sh', '-c', script], { encoding: 'utf8', timeout: 170_000 });
  if (run.status !== 0 && /unshare|mount/.test(run.stderr)) skip(`no tmpfs can be mounted here: ${run.stderr.trim()}`);

  expect(run.stderr).toBe('');
  const result = lastLine(run.stdout) as { written: number };
  expect(result.written).toBeGreaterThan(20);
  const total = result.written + 90;
  const afterwards = { finished: { ok: true }, full: false, synced: total };
  expect(result).toEqual({ written: result.written, heldBack: true, readWhileFull: total, afterwards, reopened: total });
});

test('a write that finds too little space is never taken for a whole one', mounting, ({ skip }) => {
  const data = path.join(folder, 'short');
  fs.mkdirSync(data);
  // Less than a page is left for the second write of each kind: Linux writes what fits and says how much that was.
  const file = program(
    data,
    `
    const written = [];
    for (const [name, length] of [['small', 100_000], ['large', 200_000]]) {
      fs.writeFileSync(data + '/filler', new Uint8Array(1024 * 1024 - 40_960 - length));
      const { value } = await wait((done) => host.disk.open(name, 'create', done));
      for (let at = 0; at < 3; at++) {
        const result = await wait((done) => value.write(at * length, [new Uint8Array(length).fill(65)], done));
        const end = fs.statSync(data + '/' + name).size;
        written.push([name, result.ok ? 'ok' : result.error.code, !result.ok || end >= (at + 1) * length]);
        if (!result.ok) break;
      }
      await wait((done) => value.close(done));
      fs.unlinkSync(data + '/' + name);
    }
    out({ written });
    `,
  );
  const unshare = process.getuid?.() === 0 ? ['-m'] : ['-rm'];
  const script = `mount -t tmpfs -o size=1m tmpfs '${data}' && exec '${process.execPath}' --no-warnings '${file}'`;
  const run = spawnSync('unshare', [...unshare, 'sh', '-c', script], { encoding: 'utf8', timeout: 170_000 });
  if (run.status !== 0 && /unshare|mount/.test(run.stderr)) skip(`no tmpfs can be mounted here: ${run.stderr.trim()}`);

  expect(run.stderr).toBe('');
  expect(lastLine(run.stdout)).toEqual({
    written: [
      ['small', 'ok', true],
      ['small', 'noSpace', true],
      ['large', 'ok', true],
      ['large', 'noSpace', true],
    ],
  });
});

test(
  'a real fdatasync that fails surfaces once and for all, and later writes do not touch the disk',
  needsPrograms('strace'),
  ({ skip }) => {
    const data = path.join(folder, 'eio');
    fs.mkdirSync(data);
    const file = program(
      data,
      `
    const log = await open();
    const results = [];
    for (let i = 0; i < 5; i++) results.push(await write(log, [batch(100)]));
    out({ results: results.map((result) => (result.ok ? 'ok' : result.error.error.operation + ' ' + result.error.error.reason)), synced: log.syncedOffset });
    `,
    );
    // The first fdatasync belongs to making the first segment.
    const trace = path.join(folder, 'trace');
    const inject = ['-f', '-qq', '-o', trace, '-e', 'trace=fdatasync,pwritev,pwrite64', '-e', 'inject=fdatasync:error=EIO:when=4'];
    // strace counts for each thread: one thread does all of them.
    const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
    const run = spawnSync('strace', [...inject, process.execPath, '--no-warnings', file], { encoding: 'utf8', timeout: 170_000, env });
    if (run.stdout === '' && /ptrace/.test(run.stderr)) skip(`strace cannot trace here: ${run.stderr.trim()}`);

    const failed = 'sync EIO: i/o error, fdatasync';
    expect(lastLine(run.stdout)).toEqual({ results: ['ok', 'ok', failed, failed, failed], synced: 2 });
    expect(fs.readFileSync(trace, 'utf8').match(/fdatasync\(/g)).toHaveLength(4);
  },
);

test('a process without a file descriptor for its next segment waits for one, loses nothing and goes on', () => {
  const data = path.join(folder, 'descriptors');
  fs.mkdirSync(data);
  const file = program(
    data,
    `
    const log = await open();
    await write(log, [batch(1000)]);
    const held = [];
    try {
      for (;;) held.push(fs.openSync('/dev/null', 'r'));
    } catch (error) {
      if (error.code !== 'EMFILE') throw error;
    }
    // Beyond what the present segment holds and the next one too.
    const batches = Array.from({ length: 60 }, () => batch(4000));
    let finished = null;
    const waiting = write(log, batches).then((result) => (finished = result));
    await new Promise((resolve) => setTimeout(resolve, 200));
    const heldBack = finished === null && held.length > 0;
    for (const fd of held) fs.closeSync(fd);
    await waiting;
    const afterwards = { finished, full: log.full, synced: log.syncedOffset };
    await wait((done) => log.close(done));
    const again = await open();
    out({ heldBack, afterwards, reopened: await readAll(again) });
    `,
  );
  // Node raises the soft limit to the hard one: this sets both.
  const script = `ulimit -n 64 && exec '${process.execPath}' --no-warnings '${file}'`;
  const run = spawnSync('sh', ['-c', script], { encoding: 'utf8', timeout: 170_000 });

  expect(run.stderr).toBe('');
  expect(lastLine(run.stdout)).toEqual({ heldBack: true, afterwards: { finished: { ok: true }, full: false, synced: 61 }, reopened: 61 });
});
