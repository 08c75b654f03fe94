import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cairn, cairnHere, type CairnRun, ended, startCairn } from '../support/cairn.ts';
import { type MemoryBroker, startMemoryBroker } from '../support/memory-broker.ts';

let broker: MemoryBroker;
let env: Record<string, string>;
let folder: string;
let topicCount = 0;

beforeAll(async () => {
  broker = await startMemoryBroker();
  env = { CAIRN_SERVER: broker.url };
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-e2e-'));
  // What the first request loads takes longer on a machine that is busy than one attempt of the command line, and a second one is told as such.
  await type(['status']);
  await type(['append', 'log', 'first', '--request-id', 'first']);
});
afterAll(async () => {
  await broker.close();
  rmSync(folder, { recursive: true });
});

const type = (args: readonly string[], input?: string | Uint8Array): Promise<CairnRun> =>
  cairnHere(args, { env, ...(input === undefined ? {} : { input }) });

async function newTopic(): Promise<string> {
  const topic = `topic-${++topicCount}`;
  await broker.log.createTopic(topic, { retentionBytes: null });
  return topic;
}

/** Runs with a file as standard input, as `< FILE` does. */
async function typeWithFile(args: readonly string[], file: string): Promise<CairnRun> {
  const descriptor = openSync(file, 'r');
  const program = path.join(import.meta.dirname, '..', '..', 'bin', 'cairn.mjs');
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: [descriptor, 'pipe', 'pipe'],
  });
  closeSync(descriptor);
  return ended(child as never);
}

describe('cairn append', () => {
  test('one record', async () => {
    const topic = await newTopic();

    expect(await cairn(['append', topic, 'hello'], { env })).toEqual({
      code: 0,
      out: 'Appended 1 record at offset 0, by brokers 1, in memory only: these brokers keep nothing on disk\n',
      err: '',
    });
    expect(await cairn(['read', topic], { env })).toEqual({ code: 0, out: 'hello\n', err: '' });
  });

  test('several records at once, with a key, as JSON', async () => {
    const topic = await newTopic();

    const { code, out } = await type(['append', topic, 'a', 'b c', '', '--key', 'k', '--json']);

    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ topic, offset: 0, count: 3, committed: true, ackedBy: [1], duplicate: false });
    const read = await type(['read', topic, '--json']);
    expect(
      read.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { offset: 0, key: 'k', value: 'a', headers: {} },
      { offset: 1, key: 'k', value: 'b c' },
      { offset: 2, key: 'k', value: '' },
    ]);
  });

  test('the same request id again tells what became of it', async () => {
    const topic = await newTopic();
    await type(['append', topic, 'once', '--request-id', 'r']);

    expect(await type(['append', topic, 'once', '--request-id', 'r'])).toEqual({
      code: 0,
      out: 'Appended before: 1 record at offset 0\n',
      err: '',
    });
    expect((await type(['read', topic])).out).toBe('once\n');
  });

  test('at an expected offset, which somebody else may have taken', async () => {
    const topic = await newTopic();

    expect((await type(['append', topic, 'a', '--expected-offset', '0'])).code).toBe(0);
    expect(await type(['append', topic, 'b', '--expected-offset', '0'])).toEqual({
      code: 1,
      out: '',
      err: `Cannot append to topic "${topic}": the end is 1, not 0 (offsetMismatch). Read what was appended and decide again.\n`,
    });
  });

  test('to a topic that does not exist', async () => {
    expect(await type(['append', 'nowhere', 'x'])).toEqual({
      code: 1,
      out: '',
      err: 'Cannot append to topic "nowhere": there is no such topic (unknownTopic). Create it: `cairn topic create nowhere`.\n',
    });
    expect(await type(['append', 'nowhere', '-'], 'x\n')).toEqual({
      code: 1,
      out: '',
      err: 'Cannot append to topic "nowhere": there is no such topic (unknownTopic). Create it: `cairn topic create nowhere`.\n',
    });
  });

  test('to a name that cannot be one', async () => {
    for (const name of ['..', 'A B', 'x'.repeat(300)]) {
      const { code, out, err } = await type(['append', name, 'x']);
      expect({ name, code, out, lines: err.split('\n').length }).toEqual({
        name,
        code: expect.toSatisfy((c) => c === 1 || c === 65),
        out: '',
        lines: 2,
      });
    }
  });
});

describe('cairn append - takes standard input', () => {
  test('byte for byte, a record a line', async () => {
    const topic = await newTopic();
    const lines = ['first', '', 'with \x1b[31m colour', 'Grüße', 'crlf\r', '\xff\xfe\x00 no text', 'last, without newline'];
    const input = Buffer.concat(
      lines.map((line, i) => Buffer.from(line + (i < lines.length - 1 ? '\n' : ''), i === 5 ? 'latin1' : 'utf8')),
    );

    const appended = await type(['append', topic, '-'], input);

    expect(appended).toEqual({ code: 0, out: 'Appended 7 lines, last offset 6\n', err: '' });
    const raw = startCairn(['read', topic, '--raw'], { env });
    const chunks: Buffer[] = [];
    raw.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(raw, 'close');
    expect(Buffer.concat(chunks)).toEqual(Buffer.concat([input, Buffer.from('\n')]));
    expect((await type(['read', topic])).out).toBe(
      'first\n\nwith \\x1b[31m colour\nGrüße\ncrlf\\x0d\n\\xff\\xfe\\x00 no text\nlast, without newline\n',
    );
  });

  test('nothing', async () => {
    expect(await type(['append', await newTopic(), '-'], '')).toEqual({ code: 0, out: 'Nothing to append: the input is empty\n', err: '' });
  });

  test('a large file, in several batches', async () => {
    const topic = await newTopic();
    const file = path.join(folder, 'large.log');
    const text = Array.from({ length: 60_000 }, (_, i) => `${i} ${'x'.repeat(i % 60)}\n`).join('');
    writeFileSync(file, text);

    const appended = await typeWithFile(['append', topic, '-', '--json'], file);

    expect(JSON.parse(appended.out)).toMatchObject({
      topic,
      appended: 60_000,
      skipped: 0,
      offsetFirst: 0,
      offsetLast: 59_999,
      level: 'quorum',
    });
    expect((await type(['read', topic, '--raw'])).out).toBe(readFileSync(file, 'utf8'));
  });

  test('but no folder', async () => {
    expect(await typeWithFile(['append', 'log', '-'], '/')).toEqual({
      code: 65,
      out: '',
      err: 'Cannot read standard input: it is a folder (invalidRequest). Mend what the message names.\n',
    });
  });

  test('as it comes, when it pauses', async () => {
    const topic = await newTopic();
    const child = startCairn(['append', topic], { env });
    const done = ended(child);

    child.stdin.write('early\nhalf');
    const first = await broker.log.read({
      topic,
      offsetFrom: 0,
      sinceMs: null,
      bytesMax: 1000,
      freshness: 'local',
      sessionOffset: 0,
      waitMs: 10_000,
    });
    child.stdin.end(' a line\n');

    expect(first.offsetNext).toBe(1);
    expect(await done).toMatchObject({ code: 0, out: 'Appended 2 lines, last offset 1\n' });
    expect((await type(['read', topic])).out).toBe('early\nhalf a line\n');
  });

  test('a line above the limit is refused with its number; those before it are in', async () => {
    const topic = await newTopic();

    const { code, out, err } = await type(['append', topic, '-', '--request-id', 'r'], `a\nb\n${'x'.repeat(1_100_000)}\nc\n`);

    expect({ code, out, err }).toEqual({
      code: 65,
      out: '',
      err: 'Cannot append line 3: it is longer than 1044480 bytes; 2 lines are acknowledged (recordTooLarge). Shorten it and go on with --request-id r.\n',
    });
    expect((await type(['read', topic])).out).toBe('a\nb\n');
  });

  test('run again under the same request id it goes on where it stopped', async () => {
    const topic = await newTopic();
    const text = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'y'.repeat(200)}\n`);
    await type(['append', topic, '-', '--request-id', 'job'], text.slice(0, 2000).join(''));

    const again = await type(['append', topic, '-', '--request-id', 'job'], text.join(''));

    expect(again).toEqual({
      code: 0,
      out: 'Appended 3000 lines after the 2000 lines of an earlier run, last offset 4999\n',
      err: '2000 lines arrived in an earlier run and are passed over\n',
    });
    expect((await type(['read', topic, '--raw'])).out).toBe(text.join(''));
    expect((await type(['append', topic, '-', '--request-id', 'job'], text.join(''))).out).toBe(
      'Nothing was left to append: 5000 lines arrived in an earlier run\n',
    );
    const other = await type(['append', topic, '-', '--request-id', 'job'], 'another input\n');
    expect(other.code).toBe(1);
    expect(other.err).toContain('line 1 of this input is another than the one that request id "job" has appended, so it is another input');
  });

  test('a failure ends it at once, also while the pipe is silent', async () => {
    const topic = await newTopic();
    const child = startCairn(['append', topic, '-', '--request-id', 'job'], { env });
    const done = ended(child);
    child.stdin.write('one\n');
    await expect.poll(() => broker.log.end({ topic, freshness: 'local' }).then(({ offset }) => offset)).toBe(1);
    await broker.log.deleteTopic(topic);

    // And nothing more is typed.
    child.stdin.write('two\n');

    expect(await done).toEqual({
      code: 1,
      out: '',
      err: `Cannot append to topic "${topic}": there is no such topic; 1 line is acknowledged (unknownTopic). Go on with --request-id job.\n`,
    });
  });

  test('Ctrl-C says how much is safe and how to go on', async () => {
    const topic = await newTopic();
    const child = startCairn(['append', topic, '-', '--request-id', 'job'], { env });
    const done = ended(child);
    child.stdin.write('one\ntwo\n');
    await broker.log.read({ topic, offsetFrom: 0, sinceMs: null, bytesMax: 1000, freshness: 'local', sessionOffset: 0, waitMs: 10_000 });
    // The acknowledgement is on its way back.
    await new Promise((resolve) => setTimeout(resolve, 300));

    child.kill('SIGINT');

    expect(await done).toEqual({ code: 130, out: '', err: 'Interrupted; 2 lines are acknowledged. Go on with --request-id job.\n' });
  });
});

describe('cairn read', () => {
  test('a range', async () => {
    const topic = await newTopic();
    await type(['append', topic, ...'abcdefgh'.split('')]);

    expect((await type(['read', topic, '--from', '2', '--max', '3'])).out).toBe('c\nd\ne\n');
    expect((await type(['read', topic, '--from', '8'])).out).toBe('');
    expect((await type(['read', topic, '--from', 'end'])).out).toBe('');
    expect((await type(['read', topic, '--since', '1h', '--max', '1'])).out).toBe('a\n');
    expect(await type(['read', topic, '--from', '9'])).toMatchObject({ code: 1, err: expect.stringContaining('it holds offsets 0 to 7') });
  });

  test('a topic that does not exist', async () => {
    expect(await type(['read', 'nowhere'])).toEqual({
      code: 1,
      out: '',
      err: 'Cannot read topic "nowhere": there is no such topic (unknownTopic). Create it: `cairn topic create nowhere`.\n',
    });
  });

  test('bytes that are not text come as base64 in JSON', async () => {
    const topic = await newTopic();
    await type(['append', topic, '-'], Buffer.from([0xff, 0x0a]));

    const { out } = await type(['read', topic, '--json']);

    expect(JSON.parse(out)).toMatchObject({ key: null, valueBase64: '/w==' });
  });

  test('follows until it has enough', async () => {
    const topic = await newTopic();
    const child = startCairn(['read', topic, '--follow', '--max', '3'], { env });
    const done = ended(child);

    await type(['append', topic, 'one']);
    await type(['append', topic, 'two', 'three', 'four']);

    expect(await done).toEqual({ code: 0, out: 'one\ntwo\nthree\n', err: '' });
  });

  test('follows until Ctrl-C', async () => {
    const topic = await newTopic();
    await type(['append', topic, 'one']);
    const child = startCairn(['read', topic, '--follow'], { env });
    const done = ended(child);
    await once(child.stdout, 'data');

    child.kill('SIGINT');

    expect(await done).toEqual({ code: 130, out: 'one\n', err: '' });
  });

  test('stops quietly when its reader has seen enough', async () => {
    const topic = await newTopic();
    await type(['append', topic, '-'], 'a line\n'.repeat(50_000));
    const child = startCairn(['read', topic], { env });
    const done = ended(child);

    await once(child.stdout, 'data');
    child.stdout.destroy();

    expect(await done).toMatchObject({ code: 0, err: '' });
  });
});

describe('cairn topic', () => {
  test('is created, listed, described and deleted', async () => {
    expect(await type(['topic', 'create', 'orders'])).toEqual({ code: 0, out: 'Created topic "orders"\n', err: '' });
    expect(await type(['topic', 'create', 'orders'])).toEqual({
      code: 1,
      out: '',
      err: 'Cannot create topic "orders": it exists (topicExists). Use it, or choose another name.\n',
    });
    await type(['append', 'orders', 'a', 'b']);
    expect((await type(['topic', 'list'])).out).toMatch(/^TOPIC +START +END +SIZE +LEADER\n(.*\n)*orders +0 +2 +\d+ B +1\n/);
    expect((await type(['topic', 'describe', 'orders'])).out).toMatch(
      /^topic {6}orders\n(.*\n)*leader {5}broker 1, term 1\n(.*\n)*holds {6}offsets 0 to 1\n/,
    );
    expect(JSON.parse((await type(['topic', 'describe', 'orders', '--json'])).out)).toMatchObject({ name: 'orders', builtIn: false });
    expect(await type(['topic', 'delete', 'orders'])).toEqual({ code: 0, out: 'Deleted topic "orders"\n', err: '' });
    expect((await type(['topic', 'describe', 'orders'])).code).toBe(1);
  });

  test('refuses what cannot be', async () => {
    expect((await type(['topic', 'create', 'Not A Name'])).code).toBe(65);
    expect(await type(['topic', 'delete', 'log'])).toEqual({
      code: 1,
      out: '',
      err: 'Cannot delete topic "log": it belongs to Cairn itself (topicProtected). Leave it.\n',
    });
    expect((await type(['topic', 'create', 'x', '--retention-bytes', '-5'])).code).toBe(2);
  });
});

describe('cairn status', () => {
  test('shows the brokers', async () => {
    const { code, out, err } = await type(['status']);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^BROKER +ADDRESS +STATE +LEADS +LAG +ON DISK +UP FOR +KEPT ON\n +1 +127\.0\.0\.1:\d+ +up +\d+ +0 +.*memory only\n/,
    );
    expect(JSON.parse((await type(['status', '--json'])).out)).toMatchObject({ brokers: [{ id: 1 }], problems: [] });
  });
});

describe('brokers that are not open to everybody', () => {
  test('want a token', async () => {
    const guarded = await startMemoryBroker({ token: 'secret' });
    const good = path.join(folder, 'good');
    const bad = path.join(folder, 'bad');
    writeFileSync(good, 'secret\n');
    writeFileSync(bad, 'guess\n');

    const server = ['--server', guarded.url];
    expect(await type(['status', ...server])).toMatchObject({ code: 77, out: '', err: expect.stringContaining('token') });
    expect(await type(['status', ...server, '--token-file', bad])).toMatchObject({ code: 77, out: '' });
    expect(await type(['status', ...server, '--token-file', good])).toMatchObject({ code: 0, err: '' });
    expect(await cairn(['status', ...server], { env: { CAIRN_TOKEN_FILE: good } })).toMatchObject({ code: 0 });
    await guarded.close();
  });

  test('refuse faults unless started for them', async () => {
    expect(await type(['fault', 'crash'])).toMatchObject({ code: 77, out: '', err: expect.stringContaining('fault injection') });
  });
});

test('cairn fault makes a broker act as crashed, and brings it back', async () => {
  const faulty = await startMemoryBroker({ faultInjection: true });
  const server = ['--server', faulty.url];

  expect(await type(['fault', 'crash', ...server])).toEqual({ code: 0, out: `${faulty.url} acts as crashed\n`, err: '' });
  expect((await type(['status', ...server])).code).toBe(69);
  expect(await type(['fault', 'recover', ...server])).toEqual({ code: 0, out: `${faulty.url} takes part again\n`, err: '' });
  expect((await type(['status', ...server])).code).toBe(0);
  await faulty.close();
});
