import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentCounters } from '../../src/agent/index.ts';
import { runAgent, type SpoolingOptions } from '../../src/daemon/collect/agent.ts';
import type { FollowSettings } from '../../src/daemon/collect/follow.ts';
import type { MemoryLog } from '../../src/eventlog/memory-log.ts';
import { describeSpool } from '../../src/daemon/collect/status.ts';
import { eventually } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';
import { makeMemoryLog, startLineGateway, storedLines, type TestLineGateway } from '../support/line-gateway.ts';

let folder: string;
let memory: MemoryLog;
const open: { close(): Promise<void> | void }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-spool-'));
  memory = await makeMemoryLog();
});

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  rmSync(folder, { recursive: true });
});

async function gateway(port = 0): Promise<TestLineGateway> {
  const made = await startLineGateway(memory, { port });
  open.push(made);
  return made;
}

interface RunningAgent {
  readonly input: PassThrough;
  readonly said: string[];
  readonly ended: Promise<AgentCounters>;
  /** As Ctrl-C. */
  stop(): Promise<AgentCounters>;
}

function agent(port: number, more: Partial<SpoolingOptions> = {}): RunningAgent {
  const input = new PassThrough();
  const said: string[] = [];
  const controller = new AbortController();
  const ended = runAgent({
    name: 'n',
    host: '127.0.0.1',
    port,
    spool: path.join(folder, 'spool'),
    spoolBytesMax: 64 * 1024 * 1024,
    newSession: false,
    source: { kind: 'input', input },
    say: (line) => void said.push(line),
    interrupt: controller.signal,
    ...more,
  });
  ended.catch(() => undefined);
  const stop = (): Promise<AgentCounters> => {
    controller.abort();
    return ended;
  };
  open.push({
    close: () =>
      stop().then(
        () => undefined,
        () => undefined,
      ),
  });
  return { input, said, ended, stop };
}

const startS = 1_700_000_000;
const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${startS + from + index}.5 event`);
const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const values = async (): Promise<string[]> => (await storedLines(memory)).map(({ value }) => value);

describe('a node with a spool', () => {
  test('stores every line once, in order, with its name as key and its time as create time, and ends', async () => {
    const { gateway: at } = await gateway();
    const { input, ended, said } = agent(at.port);

    input.end(text(numbered(0, 20_000)));

    expect(await ended).toMatchObject({ taken: 20_000, acknowledged: 20_000, waiting: 0 });
    expect(await values()).toEqual(numbered(0, 20_000));
    expect((await storedLines(memory))[7]).toEqual({ key: 'n', value: `${startS + 7}.5 event`, timestampMs: (startS + 7.5) * 1000 });
    expect(said).toEqual([]);
  });

  test('keeps lines while nobody listens, says so once, and sends them when somebody does', async () => {
    const [port = 0] = await freePorts(1);
    const { input, ended, said } = agent(port);
    input.end(text(numbered(0, 100)));
    await eventually(async () => expect(said).toHaveLength(1));

    await gateway(port);

    await ended;
    expect(await values()).toEqual(numbered(0, 100));
    expect(said).toEqual([
      `Cannot reach the logger at 127.0.0.1:${port}: nobody listens there; events are kept in ${path.join(folder, 'spool')} and sent when it answers`,
      `The logger at 127.0.0.1:${port} answers`,
    ]);
  });

  test('goes on where it stopped after an interrupt, and after a logger that goes away in the middle', async () => {
    const first = await gateway();
    const { port } = first.gateway;
    memory.stall();
    const one = agent(port);
    one.input.write(text(numbered(0, 5_000)));
    await eventually(async () => expect(first.store.pendingCount).toBeGreaterThan(0));
    expect(await one.stop()).toMatchObject({ taken: 5_000 });
    await first.close();
    memory.resume();

    await gateway(port);
    const two = agent(port);
    two.input.end(text(numbered(5_000, 6_000)));

    await two.ended;
    expect(await values()).toEqual(numbered(0, 6_000));
  });

  test('waits for a topic that takes nothing, although that lasts longer than it would wait for a silent logger', async () => {
    const { gateway: at } = await gateway();
    memory.stall();
    const { input, ended } = agent(at.port);
    input.end(text(numbered(0, 10)));
    await new Promise((resolve) => setTimeout(resolve, 2_500));

    memory.resume();

    await ended;
    expect(await values()).toEqual(numbered(0, 10));
  });

  test('does not follow a logger whose clock is far ahead, and says so once', async () => {
    const made = await startLineGateway(memory, { aheadMs: 60_000 });
    open.push(made);
    const { input, ended, said } = agent(made.gateway.port);
    input.end(text(numbered(0, 10)));

    expect(await ended).toMatchObject({ acknowledged: 10, stampsAhead: expect.toSatisfy((count) => count >= 2) });
    expect(said).toEqual([
      expect.stringMatching(
        /^The clock of the logger at 127\.0\.0\.1:\d+ is (60\.0|59\.9) s ahead of the one here: its stamps are not followed$/,
      ),
    ]);
  });

  test('reads no further when its spool is full, says so once, and loses nothing', async () => {
    const [port = 0] = await freePorts(1);
    const { input, ended, said } = agent(port, { spoolBytesMax: 1024 * 1024 });
    const line = 'x'.repeat(1000);
    let written = 0;
    while (written < 4_000 && input.write(`${written++} ${line}\n`));
    const feed = async (): Promise<void> => {
      for (; written < 4_000; written++)
        if (!input.write(`${written} ${line}\n`)) await new Promise((resolve) => input.once('drain', resolve));
      input.end();
    };
    const fed = feed();
    await eventually(async () => expect(said.some((each) => each.includes('is full'))).toBe(true));
    expect(written).toBeLessThan(3_500);

    await gateway(port);

    await fed;
    await ended;
    expect(await values()).toEqual(Array.from({ length: 4_000 }, (_, index) => `${index} ${line}`));
    expect(said.filter((each) => each.includes('is full'))).toHaveLength(1);
  });

  test.each([
    ['says nothing', () => undefined],
    ['closes at once', (socket: { destroy(): void }) => socket.destroy()],
    ['says something else', (socket: { write(text: string): void }) => socket.write('220 mail.example\r\n')],
  ])('ends with one sentence when the logger %s', async (_what, behave) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      behave(socket as never);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => void server.close() });
    const { port } = server.address() as { port: number };

    await expect(agent(port).ended).rejects.toMatchObject({
      code: 'notAcknowledged',
      message: `Cannot spool to 127.0.0.1:${port}: the logger does not acknowledge`,
    });
  });

  test('cuts a line that is too long at its place, and counts it as one', async () => {
    const { gateway: at } = await gateway();
    const { input, ended } = agent(at.port);

    input.end(`1 a\n2 ${'x'.repeat(300_000)}\n3 b\n`);

    await ended;
    const [first, cut, last, ...more] = await values();
    expect([first, cut?.slice(0, 4), cut?.slice(-22), last, more]).toEqual([
      '1 a',
      '2 xx',
      ' [cut at 65515 bytes]'.padStart(22, 'x'),
      '3 b',
      [],
    ]);
  });

  test('a session of which the topic knows less than was acknowledged is refused in words', async () => {
    const { gateway: at, told } = await gateway();
    const socket = connect(at.port, '127.0.0.1');
    let said = '';
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()));

    socket.write(`n cairn/1 ${'a'.repeat(32)} 10\n`);
    await new Promise((resolve) => socket.once('close', resolve));

    expect(said).toBe('cairn/1 wait\ncairn/1 no the topic knows 0 events of this session, and 10 were acknowledged\n');
    expect(told).toHaveLength(1);
  });

  test('does not send again what was acknowledged before a restart to a topic that has forgotten the session', async () => {
    const first = await gateway();
    const one = agent(first.gateway.port);
    one.input.write(text(numbered(0, 100)));
    await eventually(async () => expect(await values()).toHaveLength(100));
    await one.stop();
    await first.close();
    memory = await makeMemoryLog();
    const { gateway: at } = await gateway();

    await expect(agent(at.port).ended).rejects.toMatchObject({
      code: 'unknownProducer',
      message: expect.stringContaining('the topic knows 0 events of this session, and 100 were acknowledged'),
    });
    expect(await values()).toEqual([]);

    const { input, ended } = agent(at.port, { newSession: true });
    input.end(text(numbered(100, 110)));
    await ended;
    expect(await values()).toEqual(numbered(100, 110));
  });

  test('refuses a spool that was copied, and makes it one of its own when it is told to', async () => {
    const { gateway: at } = await gateway();
    const one = agent(at.port);
    one.input.write(text(numbered(0, 10)));
    await eventually(async () => expect(await values()).toHaveLength(10));
    await one.stop();
    const copy = path.join(folder, 'copy');
    cpSync(path.join(folder, 'spool'), copy, { recursive: true });

    await expect(agent(at.port, { spool: copy }).ended).rejects.toMatchObject({
      code: 'wrongIdentity',
      message: expect.stringContaining('it was begun on another machine or in another folder, and is a copy'),
    });
    const own = agent(at.port, { spool: copy, newSession: true });
    own.input.end(text(numbered(20, 30)));
    await own.ended;
    const two = agent(at.port);
    two.input.end(text(numbered(10, 20)));
    await two.ended;

    expect((await values()).sort()).toEqual(numbered(0, 30));
  });

  test('refuses numbers that another agent has used, before it takes any of its events for stored', async () => {
    const first = await gateway();
    const one = agent(first.gateway.port);
    one.input.write(text(numbered(0, 10)));
    await eventually(async () => expect(await values()).toHaveLength(10));
    await one.stop();
    const spool = path.join(folder, 'spool');
    const backup = new Map(readdirSync(spool).map((name) => [name, readFileSync(path.join(spool, name))]));
    const two = agent(first.gateway.port);
    two.input.end(text(numbered(10, 20)));
    await two.ended;
    await first.close();
    // Restored into the same files; more comes before the logger is there again.
    for (const [name, bytes] of backup) writeFileSync(path.join(spool, name), bytes);
    const [port = 0] = await freePorts(1);
    const away = agent(port);
    away.input.write(text(numbered(50, 80)));
    await eventually(async () => expect(away.said).toHaveLength(1));
    await away.stop();
    await gateway(port);

    await expect(agent(port).ended).rejects.toMatchObject({
      code: 'wrongIdentity',
      message: expect.stringContaining(
        'the topic has 20 events of its session and it has sent 10, so another agent sends from a copy of it',
      ),
    });
    expect(await values()).toEqual(numbered(0, 20));
  });

  test('refuses a spool of another name, and one that is in use', async () => {
    const { gateway: at } = await gateway();
    const one = agent(at.port);
    one.input.write('1 a\n');
    await eventually(async () => expect(await values()).toHaveLength(1));

    await expect(agent(at.port).ended).rejects.toMatchObject({ code: 'dataInUse' });
    await one.stop();
    await expect(agent(at.port, { name: 'other' }).ended).rejects.toThrow('it belongs to the node "n"');
  });

  test('a second connection of a session takes the place of the first', async () => {
    const { gateway: at } = await gateway();
    const hello = `n cairn/1 ${'a'.repeat(32)} 0\n`;
    const dial = async (): Promise<{ readonly said: () => string; readonly closed: Promise<void>; write(text: string): void }> => {
      const socket = connect(at.port, '127.0.0.1');
      let said = '';
      socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
      socket.on('error', () => undefined);
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      open.push({ close: () => void socket.destroy() });
      socket.write(hello);
      await eventually(async () => expect(said).toContain(' ok '));
      return { said: () => said, closed, write: (more) => void socket.write(more) };
    };

    const first = await dial();
    first.write('1 a\n2 b\n');
    await eventually(async () => expect(first.said()).toContain('cairn/1 ok 2\n'));
    const second = await dial();
    await first.closed;
    second.write('3 c\n');

    await eventually(async () => expect(second.said()).toContain('cairn/1 ok 3\n'));
    expect(second.said()).toContain('cairn/1 ok 2\n');
    expect(await values()).toEqual(['1 a', '2 b', '3 c']);
  });
});

describe('a node that follows a file', () => {
  let file: string;
  beforeEach(() => {
    file = path.join(folder, 'app.log');
  });
  const follow = (port: number, more: Partial<FollowSettings> = {}): RunningAgent =>
    agent(port, {
      source: {
        kind: 'files',
        files: [file],
        include: [],
        exclude: [],
        isFromOldest: false,
        readsCompressed: false,
        firstLine: null,
        lastLineAfterMs: null,
        ...more,
      },
    });
  const stored = (lines: readonly string[]): Promise<void> => eventually(async () => expect(await values()).toEqual(lines));

  test('takes what is there and what comes, whole lines only', async () => {
    const { gateway: at } = await gateway();
    writeFileSync(file, text(numbered(0, 1000)));
    follow(at.port);
    await stored(numbered(0, 1000));

    appendFileSync(file, `${startS + 1000}.5 ev`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await values()).toHaveLength(1000);
    appendFileSync(file, 'ent\n');

    await stored(numbered(0, 1001));
  });

  test('takes the files that a glob means, says where they stand, and goes on there', async () => {
    const { gateway: at } = await gateway();
    writeFileSync(path.join(folder, 'a.log'), text(numbered(0, 5)));
    // Not excluded, not included.
    for (const name of ['debug.log', 'access.log']) writeFileSync(path.join(folder, name), text(numbered(100, 105)));
    const settings = { files: [path.join(folder, '*.log')], include: ['?.log', 'd*'], exclude: ['debug*'] };
    const one = follow(at.port, settings);
    await stored(numbered(0, 5));
    writeFileSync(path.join(folder, 'b.log'), text(numbered(5, 10)));
    await stored(numbered(0, 10));
    await one.stop();
    renameSync(path.join(folder, 'a.log'), path.join(folder, 'a.log.1'));
    appendFileSync(path.join(folder, 'a.log.1'), text(numbered(10, 11)));

    const [name, events, ...files] = (await describeSpool(path.join(folder, 'spool'))).trimEnd().split('\n');
    expect(name).toMatch(/^node n, session [0-9a-f]{32}$/);
    expect(events).toMatch(/^10 events in this session, 0 not known to be stored; \d+ bytes on the disk$/);
    expect(files).toEqual([
      `${path.join(folder, 'a.log')}: read to byte 95 of 114 as a.log.1`,
      `${path.join(folder, 'b.log')}: read to byte 95 of 95`,
    ]);
    follow(at.port, settings);
    await stored(numbered(0, 11));
  });

  test('takes a last line without its end after a while, and what is a record of several lines as one', async () => {
    const { gateway: at } = await gateway();
    writeFileSync(file, '1 error\n  at a\n  at b\n2 next\n3 last');
    follow(at.port, { firstLine: /^\d/u, lastLineAfterMs: 300 });

    await stored(['1 error\\n  at a\\n  at b', '2 next', '3 last']);
  });

  test('follows a rotated and a truncated file', async () => {
    const { gateway: at } = await gateway();
    writeFileSync(file, text(numbered(0, 10)));
    follow(at.port);
    await stored(numbered(0, 10));

    renameSync(file, `${file}.1`);
    appendFileSync(`${file}.1`, text(numbered(10, 12)));
    writeFileSync(file, text(numbered(12, 20)));
    await stored(numbered(0, 20));
    truncateSync(file);
    await new Promise((resolve) => setTimeout(resolve, 300));
    appendFileSync(file, text(numbered(20, 30)));

    await stored(numbered(0, 30));
  });

  test('goes on where it stopped, in a file that was rotated twice meanwhile, and in the middle of a line', async () => {
    const { gateway: at } = await gateway();
    writeFileSync(file, `${text(numbered(0, 10))}${startS + 10}.5 ev`);
    const one = follow(at.port);
    await stored(numbered(0, 10));
    await one.stop();
    appendFileSync(file, `ent\n${text(numbered(11, 15))}`);
    renameSync(file, `${file}.2`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(`${file}.1`, text(numbered(15, 20)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(file, text(numbered(20, 25)));

    follow(at.port);

    await stored(numbered(0, 25));
  });

  test('begins again in a file that was truncated meanwhile and has grown beyond where it stood', async () => {
    const { gateway: at } = await gateway();
    writeFileSync(file, text(numbered(0, 10)));
    const one = follow(at.port);
    await stored(numbered(0, 10));
    await one.stop();
    truncateSync(file);
    appendFileSync(file, text(numbered(10, 100)));

    follow(at.port);

    await stored(numbered(0, 100));
  });
});
