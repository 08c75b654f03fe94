// `cairn logger` on a terminal of its own, which script(1) makes, and into a pipe: what senders send acts on neither.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { program } from '../support/cairn.ts';
import { freePorts } from '../support/free-ports.ts';
import { needsPrograms } from '../support/needs.ts';

const hostile = '1795000000.5 \u001b]0;owned\u0007\u001b[2J\u202egpj\t\r';

let folder: string;
let logger: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-logger-'));
});
afterEach(() => {
  logger.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** What the logger has printed once it has said goodbye to its one node. */
async function printed(start: (args: readonly string[]) => ChildProcess): Promise<string> {
  const [port = 0] = await freePorts(1);
  logger = start([program, 'logger', String(port), '--no-timeline']);
  const out: Buffer[] = [];
  const done = new Promise<void>((resolve, reject) => {
    logger.stdout?.on('data', (chunk: Buffer) => {
      out.push(chunk);
      if (Buffer.concat(out).includes(' disconnected')) resolve();
    });
    logger.once('exit', (code) => reject(new Error(`it ended with ${code}: ${Buffer.concat(out).toString()}`)));
  });
  send(port);
  await done;
  return Buffer.concat(out).toString();
}

/** Until the logger listens. */
function send(port: number): void {
  const socket = connect(port, '127.0.0.1', () => socket.end(`web1\n${hostile}\n`));
  socket.on('error', () => setTimeout(() => send(port), 20));
}

test('a logger on a terminal shows escape sequences', needsPrograms('script'), async () => {
  const out = await printed((args) =>
    spawn('script', ['-qec', `exec ${process.execPath} ${args.join(' ')}`, '/dev/null'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], TERM: 'xterm' },
    }),
  );

  expect(out).toContain(String.raw`1795000000.5 web1 \x1b]0;owned\x07\x1b[2J\u{202e}gpj` + '\t' + String.raw`\x0d`);
  expect(out).not.toContain('\u001b');
});

test('a logger into a pipe prints every byte as it came', async () => {
  const out = await printed((args) => spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] }));

  expect(out).toContain(`1795000000.5 web1 ${hostile.slice('1795000000.5 '.length)}\n`);
});
