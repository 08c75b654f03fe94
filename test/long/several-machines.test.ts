/**
 * docs/several-machines.md: three brokers with addresses of their own, each in a network namespace, with token and TLS. Needs root for namespaces
 * and openssl for certificates; where either is missing there is nothing to run.
 */
import { execFileSync, type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CairnRun, cairn } from '../support/cairn.ts';
import { eventually } from '../support/curl.ts';
import { needs } from '../support/needs.ts';

const program = path.join(import.meta.dirname, '..', '..', 'bin', 'cairn.mjs');
const net = `10.231.${process.pid % 250}`;
const name = (id: number): string => `cairn-${process.pid}-${id}`;
/** Names of interfaces have at most 15 characters. */
const link = (id: number, side: 'a' | 'b'): string => `cn${process.pid}${side}${id}`;
const bridge = `cn${process.pid}`;
const address = (id: number): string => `${net}.${id}`;
const ids = [1, 2, 3];

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

function makeNetwork(): boolean {
  try {
    run('openssl', 'version');
    run('ss', '-V');
    run('curl', '-V');
    run('ip', 'link', 'add', bridge, 'type', 'bridge');
    run('ip', 'address', 'add', `${net}.254/24`, 'dev', bridge);
    run('ip', 'link', 'set', bridge, 'up');
    for (const id of ids) {
      run('ip', 'netns', 'add', name(id));
      run('ip', 'link', 'add', link(id, 'a'), 'type', 'veth', 'peer', 'name', link(id, 'b'));
      run('ip', 'link', 'set', link(id, 'a'), 'master', bridge, 'up');
      run('ip', 'link', 'set', link(id, 'b'), 'netns', name(id));
      run('ip', '-n', name(id), 'address', 'add', `${address(id)}/24`, 'dev', link(id, 'b'));
      run('ip', '-n', name(id), 'link', 'set', link(id, 'b'), 'up');
      run('ip', '-n', name(id), 'link', 'set', 'lo', 'up');
    }
    return true;
  } catch {
    removeNetwork();
    return false;
  }
}

function removeNetwork(): void {
  for (const args of [...ids.map((id) => ['netns', 'delete', name(id)]), ['link', 'delete', bridge]]) {
    try {
      run('ip', ...args);
    } catch {
      // It was not made.
    }
  }
}

const hasNetwork = makeNetwork();

const missing = hasNetwork ? null : 'network namespaces cannot be made here (ip, ss, curl and openssl, as root)';

describe('three brokers on machines of their own', needs(missing), () => {
  let folder: string;
  const children: ChildProcess[] = [];
  const file = (part: string): string => path.join(folder, part);
  const url = (id: number): string => `https://${address(id)}:8000`;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'cairn-machines-'));
    makeCertificates();
    writeFileSync(file('token'), `${'5'.repeat(64)}\n`);
    writeFileSync(file('other-token'), `${'6'.repeat(64)}\n`);
    await Promise.all(ids.map((id) => serve(id, 'token')));
  });

  afterAll(async () => {
    await Promise.all(children.map(end));
    removeNetwork();
    rmSync(folder, { recursive: true });
  });

  /** By the commands of the page. */
  function makeCertificates(): void {
    const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'several-machines.md'), 'utf8');
    const [, commands = ''] = /small authority of your own:\n\n((?: {4}.*\n)+)/.exec(page) ?? [];
    const script = ids.reduce((text, id) => text.replace(`10.0.0.${id}`, address(id)), commands);
    execFileSync('bash', ['-euc', script], { cwd: folder, stdio: 'ignore' });
  }

  function serve(id: number, token: string, certificateOf = id): Promise<ChildProcess> {
    const certificate = address(certificateOf);
    const brokers = ids.map((other) => `  - { id: ${other}, address: "${address(other)}:8000" }`).join('\n');
    const tls = `tls: { certFile: ${certificate}.pem, keyFile: ${certificate}.key, caFile: ca.pem }`;
    writeFileSync(
      file(`${id}.yaml`),
      `broker: ${id}\ndata: data-${id}\nbrokers:\n${brokers}\ntokenFile: ${token}\n${tls}\nlog: { file: ${id}.log }\n`,
    );
    const args = ['netns', 'exec', name(id), process.execPath, program, 'serve', '--config', file(`${id}.yaml`)];
    const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    return new Promise((resolve, reject) => {
      let said = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes('is ready')) resolve(child);
        });
      }
      child.on('exit', (code) => reject(new Error(`broker ${id} ended with ${code}: ${said}`)));
    });
  }

  const client = (id: number, ...args: string[]): Promise<CairnRun> => {
    const [command = '', ...rest] = args;
    return cairn([command, ...rest, '--server', url(id), '--token-file', file('token'), '--ca-file', file('ca.pem')]);
  };

  test('append at one what is read at another', async () => {
    const append = await client(2, 'append', 'log', 'across machines');
    const read = await client(3, 'read', 'log');

    expect(append).toMatchObject({ code: 0, err: '' });
    expect(read.out).toContain('across machines');
  });

  test('listen on their own address only, not on loopback', () => {
    const listening = run('ip', 'netns', 'exec', name(1), 'ss', '-Hltn');

    expect(listening.trim().split(/\s+/)[3]).toBe(`${address(1)}:8000`);
  });

  test('let in nobody without the token, without TLS, or who does not trust their authority', async () => {
    const noToken = await cairn(['status', '--server', url(1), '--ca-file', file('ca.pem')]);
    const wrongToken = await cairn(['status', '--server', url(1), '--ca-file', file('ca.pem'), '--token-file', file('other-token')]);
    const noAuthority = await cairn(['status', '--server', url(1), '--token-file', file('token')]);
    const plain = await cairn(['status', '--server', `http://${address(1)}:8000`, '--token-file', file('token')]);

    expect(noToken).toMatchObject({
      code: 77,
      err: 'Cannot answer: the request has no bearer token (unauthorized). Give the right one: `--token-file`, or `token` of the client.\n',
    });
    expect(wrongToken).toMatchObject({
      code: 77,
      err: 'Cannot answer: the bearer token is wrong (unauthorized). Give the right one: `--token-file`, or `token` of the client.\n',
    });
    expect(noAuthority.code).not.toBe(0);
    expect(plain.code).not.toBe(0);
  });

  test('go on without one whose cable is pulled, and it catches up when it is back', async () => {
    run('ip', 'link', 'set', link(1, 'a'), 'down');

    const append = await eventually(async () => {
      const attempt = await client(2, 'append', 'log', 'while one was away');
      expect(attempt.code).toBe(0);
      return attempt;
    });
    run('ip', 'link', 'set', link(1, 'a'), 'up');

    expect(append.err).toBe('');
    await eventually(async () => expect((await client(1, 'read', 'log')).out).toContain('while one was away'));
  });

  test('do not speak with one that does not know the token', async () => {
    const child = children[2] as ChildProcess;
    await end(child);
    const stranger = serve(3, 'other-token').catch(() => undefined);

    // It listens and answers those who know its token, but the others do not let it in.
    await eventually(async () => expect(await readyOf(3)).toBe(503));
    const append = await client(1, 'append', 'log', 'not for strangers');
    const status = await client(1, 'status');

    expect(append.code).toBe(0);
    expect(status.code).toBe(1);
    expect(status.out).toMatch(/^ +3 .*missing/m);
    await end(children[3] as ChildProcess);
    await stranger;
  });

  test('tell one whose certificate names another host, on both sides', async () => {
    const another = serve(3, 'token', 2).catch(() => undefined);
    const said = (id: number): string => (existsSync(file(`${id}.log`)) ? readFileSync(file(`${id}.log`), 'utf8') : '');

    await eventually(async () => expect(said(3)).toMatch(/refusedByPeer.*its certificate is for another name/));
    const status = await client(1, 'status');

    expect(status.out).toContain('broker 1 says of broker 3: it refuses broker 3: its certificate is for another name');
    await end(children[4] as ChildProcess);
    await another;
  });
});

/** Status of `/readyz`, asked as curl does. */
async function readyOf(id: number): Promise<number> {
  const url = `https://${address(id)}:8000/readyz`;
  return Number(run('curl', '-sk', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', url));
}

/** `ip netns exec` becomes the program, so its process is the broker's. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}
