/**
 * The process that starts programs for one other, which it does not outlive: when that ends, however it does, its standard input ends, and this ends every
 * program and itself. It does nothing else, so it stays small, and a system call that copies what a process has of memory takes it a millisecond.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { openListed } from '../files/exposure.ts';
import { type Greeting, lineOf, type ProgramOrder, readLines, type StarterOrder, type Told } from './protocol.ts';

const saidBytesMax = 4096;
/** Connections that have said nothing, or of which the others of their program do not come. */
const patienceMs = 30_000;
const connectionsMax = 4096;

/** A program of which not all connections are there. */
interface Ordered {
  run: { readonly control: net.Socket; readonly order: ProgramOrder } | null;
  output: net.Socket | null;
  input: net.Socket | null;
}

const ordered = new Map<string, Ordered>();
const kills = new Set<() => void>();
let ownFolder: string | null = null;
process.title = 'cairn programs';

// Who wants programs ends this: it is not to be gone before.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.stdin.on('error', () => undefined);
process.stdin.on('close', () => {
  for (const kill of kills) kill();
  if (ownFolder !== null) rmSync(ownFolder, { recursive: true, force: true });
  process.exit(0);
});
readLines(process.stdin, (line) => {
  const order = JSON.parse(line) as StarterOrder;
  const hasFolder = makeFolder(order.folder);
  listen(order, () => {
    process.stdout.write(lineOf({ hasFolder }));
    removeOld(path.dirname(order.folder), order.folderPrefix);
  });
  return true;
});

function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    ownFolder = folder;
    return true;
  } catch {
    // Who wants programs does without what needs one.
    return false;
  }
}

/** Of processes that were killed together with theirs. */
function removeOld(parent: string, prefix: string): void {
  for (const name of namesIn(parent)) {
    const [, pid] = name.startsWith(prefix) ? (/^(\d+)-[0-9a-f]{32}$/.exec(name.slice(prefix.length)) ?? []) : [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(path.join(parent, name), { recursive: true, force: true });
    } catch {
      // Somebody else's.
    }
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function listen({ address, token }: StarterOrder, listening: () => void): void {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    // A connection that breaks has ended.
    socket.on('error', () => undefined);
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    readLines(socket, (line) => {
      clearTimeout(timer);
      const greeting = greetingOf(line);
      if (greeting?.token !== token) socket.destroy();
      else take(greeting, socket);
      return false;
    });
  });
  server.maxConnections = connectionsMax;
  server.listen({ path: address }, listening);
}

function greetingOf(line: string): Greeting | null {
  try {
    return JSON.parse(line) as Greeting;
  } catch {
    return null;
  }
}

function take(greeting: Greeting, socket: net.Socket): void {
  const { id } = greeting;
  const one = ordered.get(id) ?? expected(id);
  // No byte of a program is read here.
  if (greeting.kind === 'run') one.run = { control: socket, order: greeting.order };
  else one[greeting.kind] = socket.pause();
  const { run, output, input } = one;
  if (run === null || output === null || (run.order.input === 'stream' && input === null)) return;
  ordered.delete(id);
  void start(run.control, run.order, output, input);
}

function expected(id: string): Ordered {
  const one: Ordered = { run: null, output: null, input: null };
  ordered.set(id, one);
  setTimeout(() => {
    if (!ordered.delete(id)) return;
    for (const socket of [one.run?.control, one.output, one.input]) socket?.destroy();
  }, patienceMs).unref();
  return one;
}

async function start(control: net.Socket, order: ProgramOrder, output: net.Socket, input: net.Socket | null): Promise<void> {
  let isWanted = true;
  let kill = (): void => undefined;
  const leave = (): void => {
    isWanted = false;
    kill();
  };
  control.on('end', leave).on('close', leave).resume();
  const opened = order.input === 'stream' ? null : await openListed(order.input);
  const letGo = (): void => {
    output.destroy();
    input?.destroy();
    if (opened !== null && typeof opened !== 'string') void opened.handle.close();
  };
  const end = (told: Partial<Told & { readonly kind: 'ended' }>): void => {
    letGo();
    control.end(lineOf({ kind: 'ended', status: null, by: null, said: '', problem: null, ...told }));
  };
  if (typeof opened === 'string') return end({ problem: opened });
  if (!isWanted) return end({ by: 'SIGKILL' });
  const stdin = opened?.handle.fd ?? (input as net.Socket);
  const child = spawn(order.program, order.arguments, { stdio: [stdin, output, 'pipe'], env: order.env, cwd: order.folder });
  // The program has them.
  letGo();
  const { pid } = child;
  kill = () => void child.kill('SIGKILL');
  if (pid !== undefined) kills.add(kill);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < saidBytesMax) said += text.slice(0, saidBytesMax - said.length);
  });
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (pid === undefined) end({ problem: `the program cannot be started: ${error.code ?? error.message}` });
  });
  child.on('close', (status, by) => {
    kills.delete(kill);
    if (pid !== undefined) end({ status, by, said });
  });
  if (pid !== undefined) control.write(lineOf({ kind: 'started', bytes: bytesOf(opened) }));
}

const bytesOf = (opened: { readonly handle: FileHandle; readonly bytes: number } | null): number => opened?.bytes ?? 0;
