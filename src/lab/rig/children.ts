import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';

export interface ExitOfChild {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The processes that a lab has started. However the lab ends, none of them is left behind. */
export class Children {
  readonly #running = new Map<ChildProcess, Promise<ExitOfChild>>();
  readonly #killAll = (): void => {
    for (const child of this.#running.keys()) child.kill('SIGKILL');
  };

  constructor() {
    process.on('exit', this.#killAll);
  }

  start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const child = spawn(command, args, options);
    const exited = new Promise<ExitOfChild>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', () => resolve({ code: null, signal: null }));
    });
    this.#running.set(child, exited);
    void exited.then(() => this.#running.delete(child));
    return child;
  }

  /** Resolves at once for a child that has ended. */
  exitOf(child: ChildProcess): Promise<ExitOfChild> {
    return this.#running.get(child) ?? Promise.resolve({ code: child.exitCode, signal: child.signalCode });
  }

  /** Kills what still runs and waits until it is gone. */
  async end(): Promise<void> {
    this.#killAll();
    await Promise.all(this.#running.values());
    process.off('exit', this.#killAll);
  }
}
