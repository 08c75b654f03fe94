/** The replica of the bare loop that leads, with the load inside: keeps so many appends in flight, and begins a new one for each that a majority has. */
import { connect, type Socket } from 'node:net';
import { Latencies, type LatencySummary } from '../../src/lab/bench/latencies.ts';
import { openLog } from './log.ts';
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

export interface LeaderResult {
  readonly records: number;
  readonly tookMs: number;
  /** On all replicas. */
  readonly syncs: number;
  readonly latencyMs: LatencySummary;
}

interface Group {
  readonly end: number;
  readonly count: number;
  readonly startedMs: number;
}

export async function lead(order: LeaderOrder): Promise<LeaderResult> {
  const { inFlight, recordBytes, recordsPerAppend } = order;
  const sockets = await Promise.all(order.ports.map(open));
  const log = openLog(order.file);
  const appendBytes = appendHeaderBytes + recordBytes * recordsPerAppend;
  const payload = Buffer.alloc(recordBytes * recordsPerAppend, 'x');
  const majority = Math.floor((sockets.length + 1) / 2) + 1;
  /** How many appends each replica has synced, our own first. */
  const ends = new Float64Array(sockets.length + 1);
  const sorted = new Float64Array(ends.length);
  let latencies = new Latencies();
  const groups: Group[] = [];
  let pending = inFlight;
  let begun = 0;
  let committed = 0;
  let syncs = 0;
  let isScheduled = false;

  return new Promise((resolve) => {
    let untilMs = Number.POSITIVE_INFINITY;
    let isOver = false;
    let measuredFromMs = 0;
    let measuredFrom = 0;
    let syncsFrom = 0;
    sockets.forEach((socket, index) =>
      listen(socket, (end, answers) => {
        ends[index + 1] = end;
        syncs += answers;
        advance();
      }),
    );
    setTimeout(() => {
      latencies = new Latencies();
      measuredFromMs = performance.now();
      measuredFrom = committed;
      syncsFrom = syncs;
      untilMs = measuredFromMs + order.measureMs;
    }, order.warmUpMs);
    pump();

    function pump(): void {
      isScheduled = false;
      if (isOver || pending === 0) return;
      const group = encode(pending);
      for (const socket of sockets) socket.write(group);
      groups.push({ end: begun, count: pending, startedMs: performance.now() });
      pending = 0;
      // What was just sent is on its way to the others' disks; waiting for our own here costs less than a thread that waits.
      log.write(group, group.length);
      log.sync();
      syncs++;
      ends[0] = begun;
      advance();
    }

    function encode(count: number): Buffer {
      const bytes = count * appendBytes;
      const group = Buffer.allocUnsafe(headerBytes + bytes);
      const nowMs = performance.now();
      for (let at = headerBytes; at < group.length; at += appendBytes) {
        group.writeUInt32LE(appendBytes, at);
        group.writeUInt32LE(recordsPerAppend, at + 4);
        group.writeDoubleLE(++begun, at + 8);
        group.writeDoubleLE(nowMs, at + 16);
        payload.copy(group, at + appendHeaderBytes);
      }
      writeHeader(group, bytes, count, begun);
      return group;
    }

    function advance(): void {
      sorted.set(ends);
      sorted.sort();
      const reached = sorted[sorted.length - majority] as number;
      if (isOver || reached <= committed) return;
      const nowMs = performance.now();
      while (groups.length > 0 && (groups[0] as Group).end <= reached) {
        const { count, startedMs } = groups.shift() as Group;
        latencies.record(nowMs - startedMs, count);
        pending += count;
      }
      committed = reached;
      if (nowMs >= untilMs) end(nowMs);
      else if (!isScheduled) {
        isScheduled = true;
        setImmediate(pump);
      }
    }

    function end(nowMs: number): void {
      isOver = true;
      for (const socket of sockets) socket.destroy();
      log.close();
      resolve({
        records: (committed - measuredFrom) * recordsPerAppend,
        tookMs: nowMs - measuredFromMs,
        syncs: syncs - syncsFrom,
        latencyMs: latencies.summary(),
      });
    }
  });
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
