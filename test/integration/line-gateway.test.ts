import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ClockOfAgents } from '../../src/clocks/agent-causes.ts';
import { HybridClock } from '../../src/clocks/index.ts';
import { LimitedDiagnostics } from '../../src/gateway/lines/diagnostics.ts';
import { LineGateway, type LineGatewayOptions } from '../../src/gateway/lines/gateway.ts';
import type { LineSink } from '../../src/gateway/lines/line-sink.ts';
import { Printer } from '../../src/gateway/lines/printer.ts';
import { defaultLineSettings, type LineSettings } from '../../src/gateway/lines/settings.ts';
import { eventually } from '../support/curl.ts';

interface Rig {
  readonly gateway: LineGateway;
  readonly told: string[];
  /** What a logger would have printed, times of connections as T. */
  readonly printed: () => string;
  readonly receivedBytes: () => number;
  connect(): Promise<Socket>;
}

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function start(settings: Partial<LineSettings> = {}, more: Partial<LineGatewayOptions> = {}): Promise<Rig> {
  const told: string[] = [];
  const output: Buffer[] = [];
  let receivedBytes = 0;
  const nowS = (): number => 7;
  const printer = new Printer((bytes) => output.push(Buffer.from(bytes)), nowS);
  const sink: LineSink = {
    accepted: () => undefined,
    received: (bytes) => void (receivedBytes += bytes),
    receivedFrom: () => undefined,
    connected: (source) => printer.connected(source),
    event: (source, bytes, from, to, _seconds, timeTo) => printer.event(source, bytes, from, to, timeTo),
    flush: () => printer.flush(),
    disconnected: (source, atS) => printer.disconnected(source, atS),
  };
  const diagnostics = new LimitedDiagnostics(
    (_kind, sentence) => told.push(sentence.replaceAll(/127\.0\.0\.1:\d+/g, 'ADDRESS')),
    () => 0,
  );
  const gateway = new LineGateway({
    host: '127.0.0.1',
    port: 0,
    settings: { ...defaultLineSettings, ...settings },
    sink,
    store: null,
    diagnostics,
    causes: new ClockOfAgents(new HybridClock({ wallMs: () => nowS() * 1000 })),
    nowS,
    ...more,
  });
  await new Promise<void>((resolve, reject) => gateway.listen((error) => (error === null ? resolve() : reject(error))));
  open.push({ close: () => gateway.close(() => undefined) });
  return {
    gateway,
    told,
    printed: () => Buffer.concat(output).toString('latin1').replaceAll('7.000000', 'T'),
    receivedBytes: () => receivedBytes,
    connect: () =>
      new Promise((resolve, reject) => {
        const socket = connect(gateway.port, '127.0.0.1', () => resolve(socket));
        socket.on('error', reject);
        socket.on('error', () => undefined);
        open.push({ close: () => socket.destroy() });
      }),
  };
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => void socket.resume().once('close', () => resolve()));

/** Connects, sends, ends, and waits until the gateway has closed too. */
async function send(rig: Rig, text: string): Promise<void> {
  const socket = await rig.connect();
  socket.end(Buffer.from(text, 'latin1'));
  await closed(socket);
}

describe('the line gateway', () => {
  test('prints connections and events, the timestamp as it came, untimed lines with the time of the logger', async () => {
    const rig = await start();

    await send(rig, 'node1\n1610688413.7823910 abc\n1610688418 two words \nno time\n1610688419\n404 Not Found\n\n');

    await eventually(async () => expect(rig.printed()).toContain('disconnected'));
    expect(rig.printed()).toBe(
      'T - node1 connected\n1610688413.7823910 node1 abc\n1610688418 node1 two words \nT node1 no time\n1610688419 node1 \nT node1 404 Not Found\nT node1 \nT - node1 disconnected\n',
    );
    expect(rig.told).toEqual([]);
  });

  test('counts every byte that it was sent', async () => {
    const rig = await start();
    const text = `n\n${'x'.repeat(100_000)}\n1 a\n`;

    await send(rig, text);

    expect(rig.receivedBytes()).toBe(text.length);
  });

  test('keeps NUL and what is not UTF-8, in names and events, byte for byte', async () => {
    const rig = await start();

    await send(rig, 'n\xff\n1700000001.5 a\0b\xc3\x28\xff\r\n');

    await eventually(async () => expect(rig.printed()).toContain('disconnected'));
    expect(rig.printed()).toBe('T - n\xff connected\n1700000001.5 n\xff a\0b\xc3\x28\xff\r\nT - n\xff disconnected\n');
  });

  test('takes a last line without its end', async () => {
    const rig = await start();

    await send(rig, 'n\n1700000001 whole\n1700000002 part');

    await eventually(async () => expect(rig.printed()).toContain('1700000002 n part\nT - n disconnected\n'));
  });

  test('takes a reset as a disconnection', async () => {
    const rig = await start();
    const socket = await rig.connect();
    socket.write('n\n1700000001 a\n');
    await eventually(async () => expect(rig.printed()).toContain('1700000001 n a'));

    socket.resetAndDestroy();

    await eventually(async () => expect(rig.printed()).toBe('T - n connected\n1700000001 n a\nT - n disconnected\n'));
    expect(rig.told).toEqual([]);
  });

  test.each([
    ['a\x1b[2J\n1 a\n', 'its name holds a control character'],
    ['\n', 'it gave no name'],
    ['two words\n', 'its name holds a space'],
    [`${'n'.repeat(256)}\n`, 'its name is longer than 255 bytes'],
    ['n'.repeat(600), 'its first line is longer than 512 bytes'],
  ])('closes a connection that opens with %j, and says why in one line', async (text, reason) => {
    const rig = await start();
    const socket = await rig.connect();

    socket.write(text);
    await closed(socket);

    expect(rig.told).toEqual([`Closed the connection from ADDRESS: ${reason}`]);
    expect(rig.printed()).toBe('');
  });

  test('closes a connection that does not say its name in time, even if a byte comes now and then', async () => {
    const rig = await start({ nameTimeoutMs: 300 });
    const socket = await rig.connect();
    const timer = setInterval(() => socket.write('x'), 50);

    await closed(socket);
    clearInterval(timer);

    expect(rig.told).toEqual(['Closed the connection from ADDRESS: it gave no name in 0.3 s']);
  });

  test('closes a node that wants acknowledgements where nothing is stored, and says so', async () => {
    const rig = await start();
    const socket = await rig.connect();

    socket.write(`n cairn/1 ${'a'.repeat(32)} 0\n`);
    await closed(socket);

    expect(rig.told).toEqual([
      'Closed the connection of n (ADDRESS): it keeps a spool and wants acknowledgements, which only a logger with --topic can give',
    ]);
  });

  test('cuts a line of 300 MB, says so once, holds little of it, and serves other nodes meanwhile', async () => {
    const rig = await start();
    const other = await rig.connect();
    other.write('other\n');
    const hostile = await rig.connect();
    hostile.write('hostile\n1700000001 ');
    const block = Buffer.alloc(1024 * 1024, 0x78);
    const before = process.memoryUsage().rss;
    let rssMax = 0;
    for (let i = 0; i < 300; i++) {
      await new Promise((resolve) => hostile.write(block, resolve));
      rssMax = Math.max(rssMax, process.memoryUsage().rss);
      if (i === 150) other.write('1700000002 meanwhile\n');
    }
    hostile.end('\n1700000003 next\n');

    await eventually(async () => expect(rig.printed()).toContain('hostile disconnected'));
    const lines = rig.printed().split('\n');
    const cut = lines.findIndex((line) => line.startsWith('1700000001 hostile'));
    expect(lines[cut]).toHaveLength('1700000001 hostile '.length + 65_536 - '1700000001 '.length + ' [cut at 65536 bytes]'.length);
    expect(lines.indexOf('1700000002 other meanwhile')).toBeGreaterThan(cut);
    expect(lines.indexOf('1700000002 other meanwhile')).toBeLessThan(lines.indexOf('1700000003 hostile next'));
    expect(rig.told).toEqual([
      'Cut a line of hostile (ADDRESS): it is longer than 65536 bytes, or unfinished lines take more memory than they may',
    ]);
    expect((rssMax - before) / 2 ** 20).toBeLessThan(150);
  });

  test('keeps of clients that send a byte now and then only what they sent, and serves another node meanwhile', async () => {
    const rig = await start({ nameTimeoutMs: 1_000 });
    const told = (socket: Socket, byte: string): Promise<void> => new Promise((resolve) => void socket.write(byte, () => resolve()));
    const named = async (name: string): Promise<Socket> => {
      const socket = (await rig.connect()).setNoDelay();
      await told(socket, `${name}\n`);
      return socket;
    };
    const slow: Socket[] = [];
    for (let i = 0; i < 200; i++) slow.push(await named('slow'));
    const other = await named('other');
    const line = '1700000001 a line';
    const heapBefore = process.memoryUsage().arrayBuffers;

    for (const [index, byte] of Array.from(line).entries()) {
      await Promise.all(slow.map((socket) => told(socket, byte)));
      other.write(`${1_700_000_000 + index} meanwhile\n`);
      await eventually(async () => expect(rig.printed()).toContain(`${1_700_000_000 + index} other meanwhile\n`));
    }
    // They have said their names: however long they take, they stay, when one that came after them has been given up.
    await closed(await rig.connect());

    expect(rig.printed()).not.toContain('1700000001 slow');
    expect((process.memoryUsage().arrayBuffers - heapBefore) / slow.length).toBeLessThan(4_096);
    for (const socket of slow) socket.write('\n');
    await eventually(async () => expect(rig.printed().split('1700000001 slow a line\n')).toHaveLength(slow.length + 1));
    expect(rig.told.filter((sentence) => !sentence.includes('name'))).toEqual([]);
  });

  test('makes room for a new connection by closing the oldest that has no name', async () => {
    const rig = await start({ connectionsMax: 3 });
    const named = await rig.connect();
    named.write('first\n');
    await eventually(async () => expect(rig.printed()).toContain('first connected'));
    const silent = [await rig.connect(), await rig.connect()] as const;
    await eventually(async () => expect(rig.gateway.connectionCount).toBe(3));

    const gone = closed(silent[0]);
    const next = await rig.connect();
    next.write('next\n');
    await gone;

    await eventually(async () => expect(rig.printed()).toContain('next connected'));
    expect(rig.told).toEqual(['Closed the connection from ADDRESS: there are 3, and it has not given its name']);
  });

  test('tells a flood of the same trouble in a few lines and a count', async () => {
    const lines: string[] = [];
    let nowMs = 0;
    const diagnostics = new LimitedDiagnostics(
      (_kind, sentence) => lines.push(sentence),
      () => nowMs,
    );

    for (let i = 0; i < 5_000; i++) diagnostics.tell('badName', `line ${i}`);
    nowMs = 20_000;
    diagnostics.flush();

    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('4980 more such lines in 10 s were left out');
  });
});

describe('unfinished lines', () => {
  const unfinished = async (rig: Rig, name: string, bytes: number): Promise<Socket> => {
    const socket = await rig.connect();
    const before = rig.receivedBytes();
    const text = `${name}\n${name.repeat(bytes)}`;
    socket.write(text);
    await eventually(async () => expect(rig.receivedBytes()).toBe(before + text.length));
    return socket;
  };

  test('take so much memory all together: the longest are cut, whoever else sends', async () => {
    const rig = await start({ unfinishedBytesMax: 10_000 });
    const small = await unfinished(rig, 's', 100);
    await unfinished(rig, 'a', 4_000);
    const long = await unfinished(rig, 'b', 5_000);
    expect(rig.told).toEqual([]);

    await unfinished(rig, 'c', 3_000);
    small.write('end\n');
    long.write('passed over\nnext\n');
    await eventually(async () => {
      expect(rig.printed()).toContain(`s ${'s'.repeat(100)}end\n`);
      expect(rig.printed()).toContain(`b ${'b'.repeat(5_000)} [cut at 5000 bytes]\n`);
      expect(rig.printed()).toMatch(/ b next\n/);
    });

    expect(rig.printed()).not.toMatch(/passed over|aaaa|cccc/);
    expect(rig.told).toHaveLength(1);
  });

  test('take none when their connections are gone', async () => {
    const rig = await start({ unfinishedBytesMax: 10_000 });
    for (let count = 0; count < 5; count++) {
      const socket = await unfinished(rig, 'a', 6_000);
      const gone = closed(socket);
      socket.destroy();
      await gone;
      await eventually(async () => expect(rig.gateway.connectionCount).toBe(0));
    }

    expect(rig.told).toEqual([]);
  });
});
