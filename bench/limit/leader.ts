/** The replica of the bare loop that leads, with the load inside. */
import { connect, type Socket } from 'node:net';
import type { LoadRun } from '../../src/lab/bench/measure.ts';
import { keepInFlight } from '../inside/keep-in-flight.ts';
import { openLog, type RingFile } from './log.ts';
import { appendHeaderBytes, headerBytes, writeHeader } from './protocol.ts';

export interface LeaderOrder {
  readonly file: string;
  readonly ports: readonly number[];
  readonly inFlight: number;
  readonly recordBytes: number;
  readonly recordsPerAppend: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LeaderResult extends LoadRun {
  /** On all replicas, while measured. */
  readonly syncs: number;
}

export async function lead(order: LeaderOrder): Promise<LeaderResult> {
  const { inFlight, recordBytes, recordsPerAppend, warmUpMs, measureMs } = order;
  const loop = new Loop(await Promise.all(order.ports.map(open)), openLog(order.file));
  const payload = Buffer.alloc(recordBytes * recordsPerAppend, 'x');
  const append = (done: (error: null) => void): void => loop.append(payload, recordsPerAppend, done);
  await keepInFlight(append, inFlight, warmUpMs);
  const before = loop.syncs;
  const run = await keepInFlight(append, inFlight, measureMs);
  const syncs = loop.syncs - before;
  loop.close();
  return { ...run, syncs };
}

interface Waiting {
  readonly payload: Buffer;
  readonly records: number;
  readonly done: (error: null) => void;
}

/** What was begun since the last group goes as the next: sent to all, written and synced here, and done once a majority has said so. */
class Loop {
  readonly #sockets: readonly Socket[];
  readonly #log: RingFile;
  readonly #majority: number;
  /** How many appends each replica has synced, our own first. */
  readonly #ends: Float64Array;
  #waiting: Waiting[] = [];
  #sent: { readonly end: number; readonly appends: readonly Waiting[] }[] = [];
  #begun = 0;
  #committed = 0;
  #isScheduled = false;
  syncs = 0;

  constructor(sockets: readonly Socket[], log: RingFile) {
    this.#sockets = sockets;
    this.#log = log;
    this.#ends = new Float64Array(sockets.length + 1);
    this.#majority = Math.floor(this.#ends.length / 2) + 1;
    sockets.forEach((socket, index) =>
      listen(socket, (end, answers) => {
        this.#ends[index + 1] = end;
        this.syncs += answers;
        this.#advance();
      }),
    );
  }

  append(payload: Buffer, records: number, done: (error: null) => void): void {
    this.#waiting.push({ payload, records, done });
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#pump());
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#log.close();
  }

  #pump(): void {
    this.#isScheduled = false;
    const appends = this.#waiting;
    this.#waiting = [];
    const group = this.#encode(appends);
    for (const socket of this.#sockets) socket.write(group);
    this.#sent.push({ end: this.#begun, appends });
    // What was just sent is on its way to the others' disks; waiting for our own here costs less than a thread that waits.
    this.#log.write(group, group.length);
    this.#log.sync();
    this.syncs++;
    this.#ends[0] = this.#begun;
    this.#advance();
  }

  #encode(appends: readonly Waiting[]): Buffer {
    let bytes = 0;
    for (const { payload } of appends) bytes += appendHeaderBytes + payload.length;
    const group = Buffer.allocUnsafe(headerBytes + bytes);
    const nowMs = performance.now();
    let at = headerBytes;
    for (const { payload, records } of appends) {
      group.writeUInt32LE(appendHeaderBytes + payload.length, at);
      group.writeUInt32LE(records, at + 4);
      group.writeDoubleLE(++this.#begun, at + 8);
      group.writeDoubleLE(nowMs, at + 16);
      at += appendHeaderBytes + payload.copy(group, at + appendHeaderBytes);
    }
    writeHeader(group, bytes, appends.length, this.#begun);
    return group;
  }

  #advance(): void {
    const reached = this.#ends.toSorted()[this.#ends.length - this.#majority] as number;
    if (reached <= this.#committed) return;
    this.#committed = reached;
    while (this.#sent.length > 0 && (this.#sent[0]?.end ?? 0) <= reached)
      for (const { done } of this.#sent.shift()?.appends ?? []) done(null);
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Answers only grow, so the last whole one of what came is the one that counts. */
function listen(socket: Socket, onEnd: (end: number, answers: number) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = all.length - (all.length % 8);
    rest = all.subarray(whole);
    if (whole > 0) onEnd(all.readDoubleLE(whole - 8), whole / 8);
  });
}
