import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { LatencySummary } from '../../src/lab/bench/latencies.ts';
import type { Load, LoadRun } from '../../src/lab/bench/measure.ts';
import type { Surroundings } from '../../src/lab/rig/index.ts';
import type { CpuProfile } from '../profile/stages.ts';

export type Order =
  | {
      readonly type: 'load';
      readonly topic: string;
      readonly inFlight: number;
      readonly recordBytes: number;
      readonly recordsPerAppend: number;
      readonly forMs: number;
    }
  | { readonly type: 'profile'; readonly intervalUs: number }
  | { readonly type: 'profiled' }
  | { readonly type: 'watchLoop' }
  | { readonly type: 'watchedLoop' };

/** What `profiled` gives. */
export interface Profiled {
  readonly profile: CpuProfile;
  /** How long the process waited for its syncs, in milliseconds. */
  readonly syncMs: LatencySummary;
}

const driver = pathToFileURL(path.join(import.meta.dirname, 'driver.ts')).href;

/** A broker started like this takes orders at the socket. */
export const surroundingsWithDriver = (socketPath: string): Surroundings => ({
  env: { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${driver}`, CAIRN_BENCH_SOCKET: socketPath },
});

/** The other end of `driver.ts`: one order at a time. */
export class Driver {
  readonly #socket: Socket;
  readonly #waiting: { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }[] = [];

  constructor(socketPath: string) {
    this.#socket = connect(socketPath);
    createInterface(this.#socket).on('line', (line) => {
      const { value, error } = JSON.parse(line) as { readonly value?: unknown; readonly error?: string };
      const next = this.#waiting.shift();
      if (error === undefined) next?.resolve(value);
      else next?.reject(new Error(`Cannot measure inside the broker: ${error}`));
    });
    const broken = (): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('Cannot measure inside the broker: it is gone'));
    };
    this.#socket.on('error', broken).on('close', broken);
  }

  give(order: Order): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(`${JSON.stringify(order)}\n`);
    });
  }

  load(order: Omit<Extract<Order, { type: 'load' }>, 'type' | 'forMs'>): Load {
    return {
      run: (forMs) => this.give({ type: 'load', ...order, forMs }) as Promise<LoadRun>,
      close: () => undefined,
    };
  }

  /** How late the loop of the broker comes to a timer while something else is done. */
  async loopLagDuring<Value>(run: () => Promise<Value>): Promise<{ readonly value: Value; readonly lagMs: LatencySummary }> {
    await this.give({ type: 'watchLoop' });
    const value = await run();
    return { value, lagMs: (await this.give({ type: 'watchedLoop' })) as LatencySummary };
  }

  close(): void {
    this.#socket.destroy();
  }
}
