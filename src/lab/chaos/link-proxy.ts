/**
 * A TCP proxy between brokers, since the kernel's own way of spoiling a network is not everywhere: each broker reaches each other through an
 * address of its own here, so whatever goes from one to another passes by, and can be held up per direction.
 *
 * What a direction does to bytes (`LinkRule`) holds for all connections between the two brokers, whoever dialled. A direction that drops takes
 * nothing from its sender: like segments that get lost, the bytes wait where they are, and arrive late when the network is whole again, unless
 * the connection is broken first. A new connection is taken by the kernel, and then nothing comes of it.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Route } from '../rig/index.ts';

export interface LinkRule {
  /** Nothing gets through. */
  readonly drop: boolean;
  /** Each chunk arrives so much later. */
  readonly delayMs: number;
  /** Bytes a second; null is as fast as it goes. */
  readonly bytesPerSecond: number | null;
}

export const openRule: LinkRule = { drop: false, delayMs: 0, bytesPerSecond: null };
export const dropRule: LinkRule = { ...openRule, drop: true };

interface Connection {
  readonly from: number;
  readonly to: number;
  readonly dialled: Socket;
  readonly answering: Socket;
  readonly pipes: readonly [Pipe, Pipe];
}

const CHUNK_WAIT_BYTES_MAX = 256 * 1024;

export class LinkProxy {
  readonly #servers = new Map<string, Server>();
  readonly #rules = new Map<string, LinkRule>();
  readonly #connections = new Set<Connection>();
  /** Bytes that have passed, by direction. */
  readonly bytes = new Map<string, number>();

  /** Listens for each pair of brokers. */
  async listen(addresses: ReadonlyMap<number, string>): Promise<Route> {
    await this.close();
    const ports = new Map<string, number>();
    for (const from of addresses.keys()) {
      for (const [to, address] of addresses) {
        if (from === to) continue;
        const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (dialled) => this.#relay(from, to, dialled, address));
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', resolve);
        });
        this.#servers.set(key(from, to), server);
        ports.set(key(from, to), (server.address() as AddressInfo).port);
      }
    }
    return (from, to) => `127.0.0.1:${String(ports.get(key(from, to)))}`;
  }

  /** What goes from one broker to another obeys this from now on, also on connections that exist. */
  set(from: number, to: number, rule: LinkRule): void {
    this.#rules.set(key(from, to), rule);
    for (const connection of this.#connections) for (const pipe of connection.pipes) pipe.wake();
  }

  /** Nothing is held up any more. What has waited arrives late. */
  heal(): void {
    this.#rules.clear();
    for (const connection of this.#connections) for (const pipe of connection.pipes) pipe.wake();
  }

  /** Breaks the connections between two brokers with a reset. */
  reset(one: number, other: number): number {
    const between = this.#between(one, other);
    for (const connection of between) this.#break(connection);
    return between.length;
  }

  /** The next chunk from one broker to another is cut in the middle, and then the connection is reset. */
  resetWithinChunk(from: number, to: number): void {
    for (const connection of this.#between(from, to)) {
      for (const pipe of connection.pipes) if (pipe.from === from) pipe.cutNext(() => this.#break(connection));
    }
  }

  /** The connections end for `gone` alone; the other side is not told and believes in them, as after a loss of power or in a forgetful router. */
  halfOpen(gone: number, other: number): number {
    const between = this.#between(gone, other);
    for (const connection of between) {
      for (const pipe of connection.pipes) pipe.stop();
      const { dialled, answering, from } = connection;
      reset(from === gone ? dialled : answering);
      // What the other side sends from now on is taken and forgotten.
      (from === gone ? answering : dialled).resume();
    }
    return between.length;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) this.#break(connection);
    const servers = [...this.#servers.values()];
    this.#servers.clear();
    this.#rules.clear();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #between(one: number, other: number): Connection[] {
    return [...this.#connections].filter(({ from, to }) => (from === one && to === other) || (from === other && to === one));
  }

  #break(connection: Connection): void {
    this.#connections.delete(connection);
    for (const pipe of connection.pipes) pipe.stop();
    reset(connection.dialled);
    reset(connection.answering);
  }

  #relay(from: number, to: number, dialled: Socket, address: string): void {
    const [host = '', port = ''] = address.split(':');
    const answering = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
    dialled.setNoDelay(true);
    const pipeOf = (sender: number, receiver: number, source: Socket, target: Socket): Pipe =>
      new Pipe(
        sender,
        source,
        target,
        () => this.#rules.get(key(sender, receiver)) ?? openRule,
        (count) => this.#count(sender, receiver, count),
      );
    const pipes = [pipeOf(from, to, dialled, answering), pipeOf(to, from, answering, dialled)] as const;
    const connection: Connection = { from, to, dialled, answering, pipes };
    this.#connections.add(connection);
    for (const socket of [dialled, answering]) {
      socket.on('error', () => this.#break(connection));
      socket.on('close', () => {
        // One side gone by itself: the other learns it, unless that is what is being held back.
        if (this.#connections.has(connection) && dialled.destroyed && answering.destroyed) this.#connections.delete(connection);
      });
    }
  }

  #count(from: number, to: number, count: number): void {
    const name = key(from, to);
    this.bytes.set(name, (this.bytes.get(name) ?? 0) + count);
  }
}

/** A socket that is being ended cannot be reset any more: Node would never let go of it, and the process would not end. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

const key = (from: number, to: number): string => `${from}>${to}`;

/** One direction of one connection. */
class Pipe {
  readonly from: number;
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #rule: () => LinkRule;
  readonly #onBytes: (count: number) => void;
  readonly #waiting: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #hasEnded = false;
  #isStopped = false;
  #onCut: (() => void) | null = null;

  constructor(from: number, source: Socket, target: Socket, rule: () => LinkRule, onBytes: (count: number) => void) {
    this.from = from;
    this.#source = source;
    this.#target = target;
    this.#rule = rule;
    this.#onBytes = onBytes;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => {
      this.#hasEnded = true;
      this.wake();
    });
    target.on('drain', () => this.wake());
    this.wake();
  }

  /** Looks at the rule again. */
  readonly wake = (): void => {
    if (this.#isStopped) return;
    const { drop } = this.#rule();
    if (drop) {
      this.#source.pause();
      return;
    }
    this.#deliver();
    if (this.#waitingBytes < CHUNK_WAIT_BYTES_MAX && !this.#target.writableNeedDrain) this.#source.resume();
  };

  cutNext(onCut: () => void): void {
    this.#onCut = onCut;
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #take(chunk: Buffer): void {
    if (this.#isStopped) return;
    const onCut = this.#onCut;
    if (onCut !== null && chunk.length > 1) {
      this.#onCut = null;
      this.#target.write(chunk.subarray(0, chunk.length >> 1), onCut);
      this.stop();
      return;
    }
    const { delayMs, bytesPerSecond } = this.#rule();
    const nowMs = performance.now();
    const before = this.#waiting.at(-1)?.dueMs ?? nowMs;
    const transferMs = bytesPerSecond === null ? 0 : (chunk.length / bytesPerSecond) * 1000;
    // In order, and no faster than the rate.
    this.#waiting.push({ chunk, dueMs: Math.max(nowMs + delayMs, before) + transferMs });
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= CHUNK_WAIT_BYTES_MAX) this.#source.pause();
    this.wake();
  }

  #deliver(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined) break;
      const leftMs = next.dueMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(this.wake, Math.ceil(leftMs));
        return;
      }
      this.#waiting.shift();
      this.#waitingBytes -= next.chunk.length;
      this.#onBytes(next.chunk.length);
      if (!this.#target.write(next.chunk)) {
        this.#source.pause();
        if (this.#waiting.length > 0) return;
      }
    }
    if (this.#hasEnded && !this.#target.writableEnded) this.#target.end();
  }
}
