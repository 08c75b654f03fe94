/**
 * Load from inside a broker's process. The bench starts its brokers with `--import` of this module; nothing of Cairn knows of it. It takes hold of the broker
 * when that opens, and listens on a socket of its own for orders, one line of JSON each:
 *
 *     load       so many appends of so many records in flight, for so long; each begun when one is acknowledged
 *     watchLoop  looks each millisecond how late the loop comes to it; `watchedLoop` ends it and gives that
 *     profile    begins a CPU profile and looks at how long syncs take; `profiled` ends it and gives both
 */
import fs from 'node:fs';
import { Session } from 'node:inspector/promises';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type BrokerApi, Broker } from '../../src/broker/index.ts';
import { keptBatchBytesMax } from '../../src/eventlog/index.ts';
import { makeBatch } from '../../src/lab/bench/append-request.ts';
import { Latencies } from '../../src/lab/bench/latencies.ts';
import type { LoadRun } from '../../src/lab/bench/measure.ts';
import { keepInFlight } from './keep-in-flight.ts';
import type { Order, Profiled } from './orders.ts';

const open = Broker.prototype.open;
Broker.prototype.open = function (this: Broker, done): void {
  const file = process.env['CAIRN_BENCH_SOCKET'] as string;
  // A process that was killed has left it.
  fs.rmSync(file, { force: true });
  createServer((socket) => obey(this, socket))
    .listen(file)
    .unref();
  open.call(this, done);
};

function obey(broker: BrokerApi, socket: Socket): void {
  const session = new Session();
  const answer = (value: unknown): void => void socket.write(`${JSON.stringify(value)}\n`);
  createInterface(socket).on('line', (line) => {
    carryOut(broker, session, JSON.parse(line) as Order).then(
      (value) => answer({ value }),
      (error: unknown) => answer({ error: (error as Error).message }),
    );
  });
  socket.on('error', () => socket.destroy());
}

async function carryOut(broker: BrokerApi, session: Session, order: Order): Promise<unknown> {
  switch (order.type) {
    case 'load':
      return load(broker, order);
    case 'profile':
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: order.intervalUs });
      await session.post('Profiler.start');
      syncMs = new Latencies();
      return null;
    case 'profiled': {
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      const profiled: Profiled = { profile, syncMs: syncMs?.summary() ?? new Latencies().summary() };
      syncMs = null;
      return profiled;
    }
    case 'watchLoop':
      watched = new Latencies();
      watchLoop(watched);
      return null;
    case 'watchedLoop': {
      const lagMs = watched?.summary() ?? new Latencies().summary();
      watched = null;
      return lagMs;
    }
  }
}

let watched: Latencies | null = null;
const watchEveryMs = 1;

function watchLoop(lags: Latencies): void {
  if (watched !== lags) return;
  const dueMs = performance.now() + watchEveryMs;
  setTimeout(() => {
    lags.record(Math.max(0, performance.now() - dueMs));
    watchLoop(lags);
  }, watchEveryMs);
}

/** While a profile is taken. */
let syncMs: Latencies | null = null;
for (const name of ['fsync', 'fdatasync'] as const) {
  const real = fs[name];
  const timedSync = (descriptor: number, done: (error: NodeJS.ErrnoException | null) => void): void => {
    const taken = syncMs;
    if (taken === null) {
      real(descriptor, done);
      return;
    }
    const beganMs = performance.now();
    real(descriptor, function timedEnd(error): void {
      taken.record(performance.now() - beganMs);
      done(error);
    });
  };
  Object.assign(fs, { [name]: timedSync });
}

function load(broker: BrokerApi, order: Extract<Order, { type: 'load' }>): Promise<LoadRun> {
  const { topic, inFlight, recordBytes, recordsPerAppend, forMs } = order;
  const batch = new Uint8Array(makeBatch(Array.from({ length: recordsPerAppend }, () => '.'.repeat(recordBytes))));
  const asked = { topic, batch, level: 'quorum', timeoutMs: 10_000, requestId: null, sequence: 0, expectedOffset: null } as const;
  const isKept = batch.length <= keptBatchBytesMax;
  return keepInFlight(
    (done) => broker.append(isKept ? asked : { ...asked, batch: batch.slice() }, (outcome) => done(outcome.ok ? null : outcome.error)),
    inFlight,
    forMs,
  );
}
