// The control of our own rig on somebody else's program: NATS JetStream answers, by default, before it syncs, so a loss of power must be seen to lose what
// it had acknowledged. Where nats-server is not installed there is nothing to run.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ForgetfulDisk, forgetfulDiskProblem } from '../../src/lab/power-loss/index.ts';
import { freePorts } from '../support/free-ports.ts';
import { needs } from '../support/needs.ts';
import { report } from './budget.ts';

const MESSAGES = 500;
const problem = spawnSync('nats-server', ['--version']).status === 0 ? forgetfulDiskProblem() : 'nats-server is not installed';

/** As much of the protocol as a publisher needs. */
class NatsClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<string, (body: string) => void>();
  #text = '';
  #replies = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('error', () => undefined);
    socket.on('data', (text: string) => this.#receive(text));
    socket.write('CONNECT {"verbose":false,"pedantic":false}\r\nSUB reply.* 1\r\n');
  }

  static async connect(port: number): Promise<NatsClient> {
    for (let attempt = 0; attempt < 200; attempt++) {
      const socket = connect(port, '127.0.0.1');
      try {
        await once(socket, 'connect');
        return new NatsClient(socket);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
    throw new Error('nats-server does not listen');
  }

  request(subject: string, body: string): Promise<Record<string, unknown>> {
    const reply = `reply.${++this.#replies}`;
    this.#socket.write(`PUB ${subject} ${reply} ${body.length}\r\n${body}\r\n`);
    return new Promise((resolve) => void this.#waiting.set(reply, (text) => resolve(JSON.parse(text) as Record<string, unknown>)));
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#text += text;
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end < 0) return;
      const [kind, subject = '', ...fields] = this.#text.slice(0, end).split(' ');
      if (kind !== 'MSG') {
        this.#text = this.#text.slice(end + 2);
        if (kind === 'PING') this.#socket.write('PONG\r\n');
        continue;
      }
      const bodyTo = end + 2 + Number(fields.at(-1));
      if (this.#text.length < bodyTo + 2) return;
      this.#waiting.get(subject)?.(this.#text.slice(end + 2, bodyTo));
      this.#text = this.#text.slice(bodyTo + 2);
    }
  }
}

test('the rig sees what NATS JetStream loses by default', { ...needs(problem), timeout: 60_000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-nats-'));
  const disk = await ForgetfulDisk.mount(path.join(folder, 'disk'));
  const [port = 0] = await freePorts(1);
  let server: ChildProcess | null = null;
  const start = async (): Promise<NatsClient> => {
    server = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', disk.folder], { stdio: 'ignore' });
    return NatsClient.connect(port);
  };
  try {
    const before = await start();
    await before.request('$JS.API.STREAM.CREATE.S', JSON.stringify({ name: 'S', subjects: ['s'], storage: 'file', num_replicas: 1 }));
    let acknowledged = 0;
    for (let i = 0; i < MESSAGES; i++) if ('seq' in (await before.request('s', `message ${i}`))) acknowledged++;
    before.close();
    const ended = once(server as unknown as ChildProcess, 'exit');
    (server as unknown as ChildProcess).kill('SIGKILL');
    await ended;
    disk.loseWhatWasNotSynced(null);

    const after = await start();
    const info = await after.request('$JS.API.STREAM.INFO.S', '');
    after.close();
    const left = (info['state'] as { readonly messages: number } | undefined)?.messages ?? 0;

    report(`NATS JetStream, defaults, one server: ${acknowledged} acknowledged, ${acknowledged - left} of them lost with the power`);
    expect(acknowledged).toBe(MESSAGES);
    expect(acknowledged - left).toBeGreaterThan(0);
  } finally {
    (server as ChildProcess | null)?.kill('SIGKILL');
    await disk.unmount();
    rmSync(folder, { recursive: true, force: true });
  }
});
