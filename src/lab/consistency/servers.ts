import { randomInt } from 'node:crypto';
import { closeSync, existsSync, openSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { LogError } from '../../eventlog/index.ts';
import type { Children, ExitOfChild } from '../rig/index.ts';
import { packageFolder } from '../../system/package.ts';

const PORT_FIRST = 49_152;
const PORT_LAST = 65_535;

export interface ServerSet {
  readonly ports: readonly number[];
  readonly children: readonly ChildProcess[];
  readonly startedMs: number;
  /** What each left behind, by server; null where there is none. */
  readLogs(): (string[] | null)[];
  /** Throws, with what it said last, when a server has ended by itself: a test of servers that never ran would only confuse. */
  assertRunning(): void;
  /** What each said on stderr. */
  readDiagnostics(): string[];
  /** How each ended; kills those that have not ended in `waitMs`, which count as `null`. */
  ends(waitMs: number): Promise<(ExitOfChild | null)[]>;
}

export interface ServerSetOptions {
  readonly children: Children;
  /** Becomes the working directory of the servers. */
  readonly folder: string;
  readonly outputId: string;
  readonly serverCount: number;
  /** Program and first arguments in place of our launcher; the course's arguments follow. */
  readonly serverCommand: readonly string[] | null;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts servers as the course's run.sh does: on localhost and random ports, each with the list of all. */
export async function startServers(options: ServerSetOptions): Promise<ServerSet> {
  const { folder, outputId } = options;
  mkdirSync(path.join(folder, 'output'), { recursive: true });
  const ports = await findFreePorts(options.serverCount);
  const nodes = ports.map((port) => `localhost:${port}`);
  const [program, ...first] = options.serverCommand ?? courseCommand(folder);
  if (program === undefined) throw new LogError('usage', 'Cannot start the servers: the server command is empty');

  const startedMs = performance.now();
  const children = nodes.map((node, index) => {
    const stderr = openSync(path.join(folder, `server-${String(ports[index])}.stderr`), 'w');
    const child = options.children.start(program, [...first, outputId, node, ...nodes], {
      cwd: folder,
      stdio: ['ignore', 'ignore', stderr],
      env: { ...process.env, ...options.env },
    });
    closeSync(stderr);
    return child;
  });

  const diagnosticsOf = (port: number | undefined): string => readFileSync(path.join(folder, `server-${String(port)}.stderr`), 'utf8');
  return {
    ports,
    children,
    startedMs,
    assertRunning: () => {
      for (const [index, child] of children.entries()) {
        if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) continue;
        const reason =
          child.pid === undefined ? `${program} was not found` : `it ended with ${child.signalCode ?? `code ${String(child.exitCode)}`}`;
        const said = diagnosticsOf(ports[index]).trim().split('\n').at(-1) ?? '';
        throw new LogError('checkFailed', `Cannot start server ${index}: ${reason}${said === '' ? '' : `; it said: ${said}`}`);
      }
    },
    readLogs: () =>
      ports.map((port) => {
        const file = path.join(folder, 'output', `${outputId}-server-127.0.0.1${port}.csv`);
        if (!existsSync(file)) return null;
        const text = readFileSync(file, 'utf8');
        return text === '' ? [] : text.replace(/\n$/, '').split('\n');
      }),
    readDiagnostics: () => ports.map(diagnosticsOf),
    ends: (waitMs) =>
      Promise.all(
        children.map(async (child) => {
          const isLate = Symbol('late');
          let timer: ReturnType<typeof setTimeout> | undefined;
          const late = new Promise<typeof isLate>((resolve) => {
            timer = setTimeout(() => resolve(isLate), waitMs);
          });
          const end = await Promise.race([options.children.exitOf(child), late]);
          clearTimeout(timer);
          if (end !== isLate) return end;
          child.kill('SIGKILL');
          return null;
        }),
      ),
  };
}

/** `python3 log-server.py` in the working directory, as in the course's folder, where ours is linked. */
function courseCommand(folder: string): readonly string[] {
  const link = path.join(folder, 'log-server.py');
  if (!existsSync(link)) symlinkSync(path.join(packageFolder, 'compat', 'inf3203', 'log-server.py'), link);
  return ['python3', 'log-server.py'];
}

/**
 * The course takes random ports unseen; we look whether they are free, so that a program of somebody else is no failure of a server. Not by the seed of
 * the run: two labs that begin with the same one would draw the same ports before either listens, and each other's clients.
 */
async function findFreePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count; attempt++) {
    if (attempt > 1000) throw new LogError('portInUse', `Cannot start ${count} servers: no free ports were found`);
    const port = randomInt(PORT_FIRST, PORT_LAST + 1);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
