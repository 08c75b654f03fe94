// `cairn top` on a terminal of its own: script(1) makes one, stty gives it its size.
import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { needsPrograms } from '../support/needs.ts';

const program = path.join(import.meta.dirname, '..', '..', 'bin', 'cairn.mjs');
const [enter, leave, home] = ['\u001b[?1049h\u001b[?25l\u001b[?7l', '\u001b[?7h\u001b[?25h\u001b[?1049l', '\u001b[H'];

const names = Array.from({ length: 10 }, (_, index) => `node${index}`);
const fields = { events: 1, untimed: 0, bytes: 84, minMs: 0.1, medianMs: 0.2, p90Ms: 0.3, maxMs: 0.4, exact: true, negative: 0 };

function rowsOf(second: number): string {
  const joined = second === 0 ? names.map((name) => [name, '127.0.0.1:1']) : [];
  const total = {
    second,
    node: null,
    address: null,
    ...fields,
    nodes: 10,
    printed: 10 * (second + 1),
    stored: null,
    unstored: 0,
    joined,
    left: [],
  };
  const rows = [total, ...names.map((node) => ({ second, node, address: '127.0.0.1:1', ...fields }))];
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

test(
  'cairn top fills the window and no more, follows its size, and gives the terminal back at Ctrl-C',
  needsPrograms('script', 'stty'),
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cairn-top-'));
    const file = path.join(folder, 'timeline.ndjson');
    const start = Date.now() / 1000 - 1;
    writeFileSync(file, `${JSON.stringify({ cairn: 'timeline', version: 1, start, port: 1234, scenario: 'ten nodes' })}\n${rowsOf(0)}`);
    const command = `stty rows 6 cols 50; echo "TTY $(tty) "; exec ${process.execPath} ${program} top ${file}`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, env: { PATH: process.env['PATH'], TERM: 'xterm' } });
    try {
      let out = '';
      terminal.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      const seen = async (found: () => boolean): Promise<void> => {
        while (!found() && terminal.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      const frames = (): string[] => out.split(home).slice(1);
      const ended = new Promise<number | null>((resolve) => terminal.once('close', resolve));

      await seen(() => frames().length > 0 && (frames().at(-1) as string).includes('window higher'));
      expect(out).toContain(enter);
      expect(frames()[0]?.split('\r\n')).toHaveLength(6);
      expect(frames()[0]).toContain('... 8 more lines: make the window higher');

      appendFileSync(file, rowsOf(1));
      await seen(() => out.includes('20 printed'));
      const tty = /TTY (\S+)/.exec(out)?.[1] ?? '';
      spawn('stty', ['-F', tty, 'rows', '30', 'cols', '120']);
      await seen(() => (frames().at(-1) as string).includes('node9'));
      expect(frames().at(-1)).not.toContain('window higher');

      terminal.stdin.write('\u0003');
      expect(await ended).toBe(0);
      const [, after = ''] = out.split(leave);
      expect(after.trimEnd().split('\r\n')).toHaveLength(13);
      expect(after).toMatch(/^ten nodes: 2 s, 10 connected, 20 printed; delays in ms/);
    } finally {
      terminal.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    }
  },
);

test('cairn top that cannot read its file says so and leaves the terminal as it was', needsPrograms('script'), async () => {
  const command = `${process.execPath} ${program} top missing.ndjson`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { env: { PATH: process.env['PATH'], TERM: 'xterm' } });
  let out = '';
  terminal.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));

  expect(await new Promise((resolve) => terminal.once('close', resolve))).toBe(2);
  expect(out.trim()).toBe('Cannot read the timeline missing.ndjson: there is no such file (usage). See `cairn top --help`.');
});
