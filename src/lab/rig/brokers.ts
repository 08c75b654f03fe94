import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import module from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ErrorCode } from '../../base/errors.ts';
import type { BrokerSettings } from '../../broker/settings.ts';
import { Client, type ClientOptions } from '../../client/index.ts';
import { type DaemonConfig, readConfig } from '../../daemon/config.ts';
import { brokerNodeFlags } from '../../daemon/node-flags.ts';
import { ownModule } from '../../system/package.ts';
import type { ChildMessage, StartMessage } from '../../daemon/supervisor.ts';
import { LogError } from '../../eventlog/index.ts';
import { defaultWireSettings } from '../../gateway/cs550/settings.ts';
import { Children, type ExitOfChild } from './children.ts';

export interface LabBrokersOptions {
  readonly count: number;
  /** Under which the temporary folder is made. */
  readonly parent?: string;
  /** Further settings by the keys of the settings table, e.g. `faultInjection: true`. */
  readonly flags?: Readonly<Record<string, string | boolean>>;
  readonly signal?: AbortSignal;
  /** Limits that are not the usual ones. */
  readonly settings?: Partial<BrokerSettings>;
  /** Each takes the old wire of contract 3 too, on a port of its own (`wirePort`). */
  readonly oldWire?: boolean;
  /** What a broker is started in; asked again at every start. */
  readonly surroundings?: (id: number) => Surroundings;
  /** Puts something between the brokers: told where they listen, it gives the address under which one reaches another. */
  readonly route?: (addresses: ReadonlyMap<number, string>) => Promise<Route>;
  /** Makes the folder that a broker's data directory is in, before its first start; told where. Default: a plain folder. */
  readonly makeDataFolder?: (id: number, folder: string) => Promise<void>;
  /** Undoes it when all processes are gone. */
  readonly releaseDataFolders?: () => Promise<void>;
}

/** How a broker's process is started, beside what Cairn itself gives it. */
export interface Surroundings {
  /** A command that runs the rest of its line as the same process, such as `strace -D`. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export type Route = (from: number, to: number) => string;

interface Ports {
  readonly addresses: ReadonlyMap<number, string>;
  readonly wire: ReadonlyMap<number, number>;
}

interface Running {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
}

/** Only ends what hangs: on a machine that is busy three brokers have taken more than half a minute. */
const readyMsMax = 150_000;
const attemptsMax = 5;
const ROUTED_CLUSTER_ID = '0123456789abcdef0123456789abcdef';

/**
 * Brokers of a lab's own: real processes on free ports, their data in a temporary folder. They end with this process, however it ends: each stops
 * when its channel to us closes.
 */
export class LabBrokers {
  readonly folder: string;
  readonly #children = new Children();
  readonly #addresses: ReadonlyMap<number, string>;
  readonly #wirePorts: ReadonlyMap<number, number>;
  readonly #options: LabBrokersOptions;
  readonly #route: Route | null;
  readonly #running = new Map<number, Running>();
  readonly #removeFolder: () => void;

  private constructor(folder: string, ports: Ports, options: LabBrokersOptions, route: Route | null) {
    this.folder = folder;
    this.#addresses = ports.addresses;
    this.#wirePorts = ports.wire;
    this.#options = options;
    this.#route = route;
    // Also when something calls process.exit.
    this.#removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    process.on('exit', this.#removeFolder);
  }

  /** Starts all and waits until each is ready. */
  static async start(options: LabBrokersOptions): Promise<LabBrokers> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await LabBrokers.#startOnce(options);
      } catch (error) {
        // Between our looking and the broker's listening, somebody else may have taken a port.
        if (!(error instanceof LogError) || error.code !== 'portInUse' || attempt === attemptsMax) throw error;
      }
    }
  }

  static async #startOnce(options: LabBrokersOptions): Promise<LabBrokers> {
    const ports = await findFreePorts(options.count * (options.oldWire === true ? 2 : 1));
    const addresses = new Map(ports.slice(0, options.count).map((port, index) => [index + 1, `127.0.0.1:${port}`]));
    const wire = new Map(ports.slice(options.count).map((port, index) => [index + 1, port]));
    const route = (await options.route?.(addresses)) ?? null;
    const brokers = new LabBrokers(makeFolder(options.parent ?? tmpdir()), { addresses, wire }, options, route);
    try {
      for (const id of brokers.ids) {
        mkdirSync(brokers.#folderOf(id), { recursive: true });
        await options.makeDataFolder?.(id, brokers.#folderOf(id));
      }
      for (const id of brokers.ids) brokers.#spawn(id);
      await Promise.all(brokers.ids.map((id) => brokers.ready(id, options.signal)));
      return brokers;
    } catch (error) {
      await brokers.end();
      throw error;
    }
  }

  get ids(): readonly number[] {
    return [...this.#addresses.keys()];
  }

  get urls(): readonly string[] {
    return this.ids.map((id) => this.url(id));
  }

  url(id: number): string {
    return `http://${this.#addresses.get(id) as string}`;
  }

  /** Where it takes the old wire, if it does. */
  wirePort(id: number): number {
    return this.#wirePorts.get(id) as number;
  }

  pid(id: number): number | undefined {
    return this.#running.get(id)?.child.pid;
  }

  /** Where a broker keeps its data. */
  dataFolder(id: number): string {
    return path.join(this.#folderOf(id), 'data');
  }

  isRunning(id: number): boolean {
    const child = this.#running.get(id)?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** How the process of its last start ends, or has ended. */
  exitOf(id: number): Promise<ExitOfChild> {
    return this.#children.exitOf((this.#running.get(id) as Running).child);
  }

  /** Sends a signal that does not end the process, such as SIGSTOP; nothing happens if it is gone. */
  signal(id: number, signal: NodeJS.Signals): void {
    this.#running.get(id)?.child.kill(signal);
  }

  /** What a broker's process has printed, over all its starts. */
  output(id: number): string {
    return readFileSync(this.#outputFile(id), 'utf8');
  }

  /** A client that asks these brokers and no others; the first one first. */
  client(ids: readonly number[] = this.ids, more: Partial<ClientOptions> = {}): Client {
    return new Client({ servers: ids.map((id) => this.url(id)), discover: false, ...more });
  }

  /** Starts a broker that ended, on the data that it left. */
  async restart(id: number, signal?: AbortSignal): Promise<void> {
    this.#spawn(id);
    await this.ready(id, signal);
  }

  /** Resolves when the process is gone. */
  kill(id: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<ExitOfChild> {
    const child = (this.#running.get(id) as Running).child;
    const exit = this.#children.exitOf(child);
    child.kill(signal);
    return exit;
  }

  /** Rejects when the broker ends before it is ready, with what it said last. */
  async ready(id: number, signal?: AbortSignal): Promise<void> {
    const { ready } = this.#running.get(id) as Running;
    let timer: NodeJS.Timeout | undefined;
    let onAbort = (): void => undefined;
    const gaveUp = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.#notReady(id, `it is not ready after ${readyMsMax / 1000} s`)), readyMsMax);
      onAbort = () => reject(new LogError('interrupted', 'Interrupted'));
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    try {
      await Promise.race([ready, gaveUp]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Kills what still runs and removes the folder. */
  async end(): Promise<void> {
    await this.#children.end();
    await this.#options.releaseDataFolders?.();
    process.off('exit', this.#removeFolder);
    this.#removeFolder();
  }

  #spawn(id: number): void {
    const config = this.#configOf(id);
    const { command = [], env = {} } = this.#options.surroundings?.(id) ?? {};
    const [program, ...args] = [...command, process.execPath, ...brokerNodeFlags, ownModule('daemon/main')];
    const output = openSync(this.#outputFile(id), 'a');
    const cache = module.getCompileCacheDir();
    const child = this.#children.start(program, args, {
      env: { UV_THREADPOOL_SIZE: '16', ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }), ...process.env, ...env },
      stdio: ['ignore', output, output, 'ipc'],
      // Out of reach of the terminal's Ctrl-C, which is ours to handle.
      detached: true,
    });
    closeSync(output);
    const ready = new Promise<void>((resolve, reject) => {
      child.on('message', (message: ChildMessage) => {
        if (message.type === 'ready') resolve();
        if (message.type === 'fatal') reject(this.#notReady(id, message.message, message.code));
      });
      void this.#children.exitOf(child).then(({ code, signal }) => reject(this.#notReady(id, `it ended with ${String(code ?? signal)}`)));
    });
    // Whether anybody waits for it or not.
    ready.catch(() => undefined);
    this.#running.set(id, { child, ready });
    child.send({ config, outlivesSupervisor: false } satisfies StartMessage, () => undefined);
  }

  #configOf(id: number): DaemonConfig {
    const read = readConfig({ file: null, env: {}, flags: this.#flagsOf(id) });
    const config = { ...read, settings: { ...read.settings, ...this.#options.settings } };
    const port = this.#wirePorts.get(id);
    return port === undefined ? config : { ...config, cs550: { listen: { host: '127.0.0.1', port }, settings: defaultWireSettings } };
  }

  #flagsOf(id: number): Readonly<Record<string, string | boolean>> {
    const usual = { broker: String(id), data: this.dataFolder(id), 'log.level': 'warn' };
    const route = this.#route;
    const listOf = (address: (other: number) => string): string => this.ids.map((other) => `${other}=${address(other)}`).join(',');
    const own = (other: number): string => this.#addresses.get(other) as string;
    if (route === null) return { ...usual, brokers: listOf(own), ...this.#options.flags };
    // Each knows the others under addresses of its own, so the name of the cluster cannot come from them.
    const brokers = listOf((other) => (other === id ? own(other) : route(id, other)));
    const hosts = this.ids.filter((other) => other !== id).map((other) => route(other, id));
    return { ...usual, brokers, hosts: hosts.join(','), clusterId: ROUTED_CLUSTER_ID, ...this.#options.flags };
  }

  #notReady(id: number, reason: string, code: ErrorCode = 'noLeader'): LogError {
    const said = readFileSync(this.#outputFile(id), 'utf8').trim().split('\n').at(-1) ?? '';
    return new LogError(code, `Cannot start broker ${id}: ${reason}${said === '' ? '' : `; it said: ${said}`}`);
  }

  #folderOf = (id: number): string => path.join(this.folder, `broker-${id}`);
  #outputFile = (id: number): string => path.join(this.folder, `broker-${id}.output`);
}

function makeFolder(parent: string): string {
  try {
    return mkdtempSync(path.join(parent, 'cairn-lab-'));
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot make a temporary folder in ${parent}: ${(error as Error).message}`, {}, { cause: error });
  }
}

/** Ports that were free a moment ago, all different. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
