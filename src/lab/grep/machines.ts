import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Machine } from '../../search/ask/index.ts';
import { untilListening } from '../collect/ports.ts';
import { packageFolder } from '../../system/package.ts';
import { Children, findFreePorts } from '../rig/index.ts';
import { writeLog, type WrittenLog } from './logs.ts';

export interface LoggedMachine {
  readonly name: string;
  readonly machine: Machine;
  readonly log: string;
  readonly written: WrittenLog;
}

/** Under this name each exposes its log. */
export const exposedName = 'log';

/** Servers that only answer searches, each a process with a log of its own in a temporary folder. They end with this process. */
export class SearchMachines {
  readonly children = new Children();
  readonly folder: string;
  readonly all: LoggedMachine[] = [];
  readonly #servers: ChildProcess[] = [];
  readonly #removeFolder: () => void;

  private constructor(parent: string) {
    this.folder = mkdtempSync(path.join(parent, 'cairn-grep-'));
    this.#removeFolder = () => rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    process.on('exit', this.#removeFolder);
  }

  static async start({
    machines,
    bytes,
    seed,
    parent = tmpdir(),
  }: {
    readonly machines: number;
    /** Of each log. */
    readonly bytes: number;
    readonly seed: number;
    readonly parent?: string;
  }): Promise<SearchMachines> {
    const started = new SearchMachines(parent);
    try {
      const ports = await findFreePorts(machines);
      for (const [index, port] of ports.entries()) await started.#add(index + 1, port, bytes, seed);
      return started;
    } catch (error) {
      await started.end();
      throw error;
    }
  }

  async #add(number: number, port: number, bytes: number, seed: number): Promise<void> {
    const name = `machine.${number}`;
    const folder = path.join(this.folder, name);
    mkdirSync(folder);
    const log = path.join(folder, `${name}.log`);
    const written = writeLog({ file: log, machine: number, bytes, seed });
    const cairn = path.join(packageFolder, 'bin', 'cairn.mjs');
    const args = [
      'serve',
      '--role',
      'search',
      '--listen',
      `127.0.0.1:${port}`,
      '--name',
      name,
      '--files',
      `${exposedName}=${log}`,
      '--log-level',
      'warn',
    ];
    this.#servers.push(this.children.start(process.execPath, [cairn, ...args], { stdio: ['ignore', 'ignore', 'inherit'] }));
    await untilListening(port, name);
    this.all.push({ name, machine: { name, origin: `http://127.0.0.1:${port}` }, log, written });
  }

  async kill(index: number): Promise<void> {
    const server = this.#servers[index] as ChildProcess;
    server.kill('SIGKILL');
    await this.children.exitOf(server);
  }

  /** An address where nobody takes a connection and nobody refuses one: a machine without power, as the others see it. */
  async silentAddress(): Promise<string> {
    const program =
      "const s=require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:0},()=>process.stdout.write(String(s.address().port)))";
    const child = this.children.start(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const port = await new Promise<number>((resolve) => child.stdout?.once('data', (text: Buffer) => resolve(Number(String(text)))));
    child.kill('SIGSTOP');
    // The kernel takes a few connections for it; once those are there it answers nobody.
    while (await connects(port)) continue;
    return `127.0.0.1:${port}`;
  }

  async end(): Promise<void> {
    await this.children.end();
    this.#removeFolder();
    process.off('exit', this.#removeFolder);
  }
}

const connectMsMax = 300;

/** Whether a connection is taken; it is kept. */
function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.unref();
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(false);
    }, connectMsMax);
    socket.on('connect', () => {
      clearTimeout(timer);
      resolve(true);
    });
    socket.on('error', () => undefined);
  });
}
