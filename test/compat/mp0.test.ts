import { copyFileSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readTimeline, type TimelineRun } from '../../src/timeline/index.ts';
import { eventually } from '../support/curl.ts';
import { freePorts } from '../support/free-ports.ts';
import { needsPrograms } from '../support/needs.ts';
import { pause } from '../../src/lab/rig/index.ts';
import { generateOnce, gradeOnce, inFolder, killGroup, launchers, printedBy, type Running, run, timelinesIn } from './mp0.ts';

/** A logger that listens. */
async function withLogger(use: (logger: Running, port: number, folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const [port = 0] = await freePorts(1);
    const logger = run(path.join(launchers, 'logger'), [String(port)], folder);
    try {
      await eventually(
        () =>
          new Promise<void>((resolve, reject) => {
            const socket = connect(port, '127.0.0.1', () => resolve(void socket.destroy()));
            socket.on('error', reject);
          }),
      );
      await use(logger, port, folder);
    } finally {
      killGroup(logger);
      await logger.ended;
    }
  });
}

const node = (args: readonly string[]): Running => run(path.join(launchers, 'node'), args, launchers);

describe('compat/mp0', () => {
  // Fifty times in a row: `npm run test:long mp0`.
  test("holds the grader's procedure", async () => {
    const [port = 0] = await freePorts(1);
    // The course waits a second each time.
    const { event, out, err } = await inFolder((folder) => gradeOnce(folder, port, 700));

    expect(out).toMatch(
      new RegExp(`^\\d{10}\\.\\d{6} - test connected\\n${event.replaceAll('.', '\\.')}\\n\\d{10}\\.\\d{6} - test disconnected\\n$`),
    );
    expect(err).toBe('');
  });

  test(
    'prints what generators pipe into nodes, verbatim, leaves nothing out, and ends when they do',
    needsPrograms('python3'),
    async () => {
      await withLogger(async (logger, port, folder) => {
        for (const { name, sent, exit } of await generateOnce(folder, port)) {
          expect(exit).toBe(0);
          await eventually(async () => expect(logger.out()).toContain(` - ${name} disconnected\n`));
          expect(printedBy(logger.out(), name)).toEqual(sent);
        }
        expect(logger.err()).toBe('');
        expect(timelinesIn(folder)).toHaveLength(1);
      });
    },
  );

  test.each([
    ['byte by byte', 1],
    ['1 MB at once', 1_000_000],
  ])('prints the same whether it is written %s', async (_what, size) => {
    await withLogger(async (logger, port) => {
      const lines = Array.from({ length: size === 1 ? 5 : 11_900 }, (_, index) => `1610688413.${index} ${'0123456789abcdef'.repeat(4)}`);
      const text = Buffer.from(`split\n${lines.join('\n')}\n`);
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      for (let at = 0; at < text.length; at += size) {
        await new Promise<void>((resolve) => void socket.write(text.subarray(at, at + size), () => resolve()));
        if (size === 1) await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();

      await eventually(async () => expect(logger.out()).toContain('disconnected'));
      const printed = logger.out().trimEnd().split('\n').slice(1, -1);
      expect(printed).toEqual(lines.map((line) => line.replace(' ', ' split ')));
    });
  });

  test('lets two nodes bear one name, and tells them apart in the timeline', async () => {
    await withLogger(async (logger, port, folder) => {
      const nodes = [node(['twin', '127.0.0.1', String(port)]), node(['twin', '127.0.0.1', String(port)])];
      for (const { child } of nodes) child.stdin?.write('1795000000 a\n');
      await eventually(async () => expect(logger.out().match(/^1795000000 twin a$/gm)).toHaveLength(2));
      for (const { child } of nodes) child.stdin?.end();
      expect(await Promise.all(nodes.map(({ ended }) => ended))).toEqual([0, 0]);
      await eventually(async () => {
        const [name = ''] = timelinesIn(folder);
        const run = readTimeline(path.join(folder, name)).at(-1);
        expect(new Set(run?.nodes.map((row) => `${row.node} ${row.address}`)).size).toBe(2);
      });
    });
  });

  test('killed at any moment, it leaves a timeline that parses and misses the last second at most', async () => {
    await withLogger(async (logger, port, folder) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      // The kill resets it.
      socket.on('error', () => undefined);
      socket.write('n\n');
      let events = 0;
      const timer = setInterval(() => socket.write(`${Date.now() / 1000} event ${events++}\n`), 5);
      await pause(2_600);

      killGroup(logger);
      await logger.ended;
      clearInterval(timer);
      socket.destroy();

      const [name = ''] = timelinesIn(folder);
      const { header, totals } = readTimeline(path.join(folder, name)).at(-1) as TimelineRun;
      const printed = [...logger.out().matchAll(/^(\S+) n event/gm)].map((match) => Number(match[1]));
      const counted = totals.reduce((sum, row) => sum + row.events, 0);
      expect(counted).toBeGreaterThan(0);
      expect(counted).toBeLessThanOrEqual(printed.length);
      // Everything before the last second of the file is in it, and the file goes up to the last second of the run; a second's grace for a machine that is busy.
      const endS = header.start + totals.length;
      expect(counted).toBeGreaterThanOrEqual(printed.filter((time) => time < endS - 1).length);
      expect(endS).toBeGreaterThan((printed.at(-1) ?? 0) - 2);
    });
  });

  test('a node says in one line that nobody listens, and that its name is none', async () => {
    const [port = 0] = await freePorts(1);
    const alone = node(['n', '127.0.0.1', String(port)]);
    const nameless = node(['a b', '127.0.0.1', String(port)]);

    expect(await alone.ended).toBe(69);
    expect(alone.err()).toBe(`Cannot reach the logger at 127.0.0.1:${port}: nobody listens there\n`);
    expect(await nameless.ended).toBe(2);
    expect(nameless.err()).toBe('Cannot start the node "a b": its name holds a space\n');
  });

  test('a node adds the end to a last line that has none', async () => {
    await withLogger(async (logger, port) => {
      const each = node(['n', '127.0.0.1', String(port)]);
      each.child.stdin?.end('1700000001 last');

      expect(await each.ended).toBe(0);
      await eventually(async () => expect(logger.out()).toContain('1700000001 n last\n'));
    });
  });

  test('a second logger on the port is refused in one line', async () => {
    await withLogger(async (_logger, port, folder) => {
      const second = run(path.join(launchers, 'logger'), [String(port)], folder);

      expect(await second.ended).toBe(69);
      expect(second.err()).toBe(`Cannot listen on port ${port}: another program listens there\n`);
    });
  });

  test('may be called through a link, but says so when it was copied away', async () => {
    await inFolder(async (folder) => {
      symlinkSync(path.join(launchers, 'logger'), path.join(folder, 'linked'));
      copyFileSync(path.join(launchers, 'logger'), path.join(folder, 'copied'));

      const linked = run('./linked', [], folder);
      const copied = run('./copied', [], folder);

      expect(await linked.ended).toBe(2);
      expect(linked.err()).toBe('Cannot start the logger: usage: logger PORT, a number from 1 to 65535\n');
      expect(await copied.ended).not.toBe(0);
      expect(copied.err()).toContain('start.sh');
    });
  });
});
