// `cairn node --spool` as a process, in front of gateways that end its session.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cairn } from '../support/cairn.ts';
import { makeMemoryLog, startLineGateway, storedLines } from '../support/line-gateway.ts';

let folder = '';
const open: { close(): unknown }[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-node-'));
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  rmSync(folder, { recursive: true });
});

/** A gateway that says the same to everybody who opens a session. */
async function saying(words: string): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(words));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return (server.address() as { port: number }).port;
}

test('a node whose session the topic does not know any more ends in words, and --new-session sends what its spool holds', async () => {
  const spool = path.join(folder, 'spool');
  const refusing = await saying('cairn/2 AAAAAAAAAA no the topic knows 0 events of this session, and 10 were acknowledged\n');

  const refused = await cairn(['node', 'n', '127.0.0.1', String(refusing), '--spool', spool], { input: '1 a\n2 b\n' });

  expect(refused.code).toBe(1);
  expect(refused.err).toContain(
    `Cannot go on with the spool ${spool}: the topic knows 0 events of this session, and 10 were acknowledged; --new-session sends what is left under a new session, and may double what was stored without our hearing of it (`,
  );

  const memory = await makeMemoryLog();
  const made = await startLineGateway(memory);
  open.push(made);
  const sent = await cairn(['node', 'n', '127.0.0.1', String(made.gateway.port), '--spool', spool, '--new-session'], { input: '3 c\n' });

  expect(sent).toEqual({ code: 0, out: '', err: '' });
  expect((await storedLines(memory)).map(({ value }) => value)).toEqual(['1 a', '2 b', '3 c']);
});

test('a node whose spool is an older copy says so', async () => {
  const port = await saying('cairn/2 AAAAAAAAAA ok 7\n');
  const spool = path.join(folder, 'spool');

  const { code, err } = await cairn(['node', 'n', '127.0.0.1', String(port), '--spool', spool]);

  expect(code).not.toBe(0);
  expect(err).toMatch(
    /^Cannot go on with the spool .*: the topic has 7 events of its session and it knows of 0, so it is a copy of an older state/,
  );
  expect(err.trimEnd().split('\n')).toHaveLength(1);
});
