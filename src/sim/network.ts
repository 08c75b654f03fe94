/**
 * The network between simulated processes. A link is one connection: ordered unless reordering is on, and each `send` travels as one unit that may
 * be delayed, lost, repeated or overtaken. Partitions drop silently, in one direction or both; a connection breaks only when told so or when a
 * process ends.
 */
import type { BrokerId } from '../base/branded.ts';
import { concatBytes } from '../base/bytes.ts';
import type { SeededRandom } from '../base/random.ts';
import type { Lane, Link, LinkHandlers, Network } from '../host/index.ts';
import type { Coverage } from './coverage.ts';
import { holds } from './held.ts';
import type { SimProcess } from './process.ts';
import type { Scheduler } from './scheduler.ts';

export interface NetworkConditions {
  /** Every unit takes at least this long ... */
  delayMsMin: number;
  /** ... and at most this long, uniformly, ... */
  delayMsMax: number;
  /** ... unless it is one of those that take up to `longDelayMsMax`. */
  longDelayRate: number;
  longDelayMsMin: number;
  longDelayMsMax: number;
  lossRate: number;
  duplicationRate: number;
  /** Share of the units that may overtake those sent before them. */
  reorderingRate: number;
  /** Share of the units of which one bit arrives wrong. */
  corruptionRate: number;
  /** Share of the units of which only a part arrives, because the connection breaks in the middle. */
  tearingRate: number;
}

export const calmConditions: Readonly<NetworkConditions> = {
  delayMsMin: 0.1,
  delayMsMax: 0.6,
  longDelayRate: 0,
  longDelayMsMin: 0,
  longDelayMsMax: 0,
  lossRate: 0,
  duplicationRate: 0,
  reorderingRate: 0,
  corruptionRate: 0,
  tearingRate: 0,
};

/** A slow line moves bytes in steps, so that it can become fast again in the middle of a large unit. */
const lineStepMs = 20;

/** Share of the units that arrive in two pieces, as bytes of a stream do in any weather. */
const splittingRate = 0.02;

const closedByPeer = 'closed by the peer';

/** A dial into a partition is tried again this long after the first try, as TCP does, then given up. */
const dialRetriesMs = [0, 1000, 3000] as const;
const dialTimeoutMs = 6000;

interface End {
  readonly process: SimProcess;
  handlers: LinkHandlers | null;
  closed: boolean;
  /** No unit of this direction arrives before this, unless reordered. */
  notBeforeMs: number;
  /** Sent into a partition since it began: a real socket would still hold it. */
  readonly stranded: Unit[];
  /** What waits for a slow line, oldest first: a real socket holds it too. */
  readonly waiting: Unit[];
}

/** What one call of `send` took. */
interface Unit {
  readonly bytes: Uint8Array;
  /** Where they were copied from. */
  readonly chunks: readonly Uint8Array[];
  /** Of its bytes, those that have not left yet. */
  bytesLeft: number;
}

/** The sender's chunks, until they have arrived for the first time: of a unit that is repeated the copy may come first, and its answer frees them. */
interface Held {
  chunks: readonly Uint8Array[] | null;
}

const newEnd = (process: SimProcess, handlers: LinkHandlers | null): End => ({
  process,
  handlers,
  closed: false,
  notBeforeMs: 0,
  stranded: [],
  waiting: [],
});

interface Connection {
  readonly dialler: End;
  readonly acceptor: End;
  /** Something between the two has forgotten it: nothing passes any more, and neither end knows. */
  forgotten: boolean;
}

export interface NetworkCounters {
  sends: number;
  bytes: number;
  lost: number;
  duplicated: number;
  reordered: number;
}

export class SimNetwork {
  readonly conditions: NetworkConditions = { ...calmConditions };
  readonly counters: NetworkCounters = { sends: 0, bytes: 0, lost: 0, duplicated: 0, reordered: 0 };
  /** Before and after each send of a process; a hook may kill it. */
  aroundSend: ((process: SimProcess, phase: 'before' | 'after') => void) | null = null;
  /** Added to each unit to and from a process: a machine at the end of a slow line. */
  readonly extraDelayMs = new Map<number, number>();
  /** Bytes a millisecond that each connection to or from a process moves in each direction; no entry, no limit. */
  readonly lineRates = new Map<number, number>();
  /** Told when what was sent has arrived whether the sender's chunks are still what they were. */
  onHeld: ((from: SimProcess, to: SimProcess, isUnchanged: boolean) => void) | null = null;
  /** Told when something between two processes is lost, repeated or overtaken, or a connection breaks that neither of them has closed. */
  onDisturbed: ((one: number, other: number) => void) | null = null;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #coverage: Coverage;
  readonly #listening = new Map<number, { readonly process: SimProcess; readonly onLink: (link: Link) => LinkHandlers }>();
  readonly #connections = new Set<Connection>();
  /** Directions that drop everything, by `from * 4096 + to`. */
  readonly #blocked = new Set<number>();

  constructor(scheduler: Scheduler, random: SeededRandom, coverage: Coverage) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#coverage = coverage;
  }

  /** The network as one process sees it. */
  networkOf(process: SimProcess): Network {
    process.onKilled(() => this.#processKilled(process));
    return {
      dial: (peer, lane, handlers) => this.#dial(process, peer, lane, handlers),
      accept: (onLink) => {
        if (process.alive) this.#listening.set(process.id, { process, onLink });
      },
    };
  }

  block(from: number, to: number): void {
    this.#blocked.add(from * 4096 + to);
  }

  unblock(from: number, to: number): void {
    this.#blocked.delete(from * 4096 + to);
  }

  unblockAll(): void {
    this.#blocked.clear();
  }

  isBlocked(from: number, to: number): boolean {
    return this.#blocked.has(from * 4096 + to);
  }

  get blockedCount(): number {
    return this.#blocked.size;
  }

  /** Breaks all connections between two processes, as a router that restarts does; both ends learn it. */
  breakLinks(a: number, b: number): number {
    let count = 0;
    for (const connection of this.#connections) {
      const ids = [connection.dialler.process.id, connection.acceptor.process.id];
      if (!ids.includes(a) || !ids.includes(b)) continue;
      count++;
      this.#closeEnd(connection, connection.dialler, 'connection reset', this.#delayMs());
      this.#closeEnd(connection, connection.acceptor, 'connection reset', this.#delayMs());
    }
    return count;
  }

  /**
   * Half-open connections: all those between two processes pass nothing from now on, and their ends learn of it only after a while, each at its own
   * time. New ones can be made meanwhile.
   */
  forgetLinks(a: number, b: number, learntMsMax: number): number {
    let count = 0;
    for (const connection of this.#connections) {
      const ids = [connection.dialler.process.id, connection.acceptor.process.id];
      if (connection.forgotten || !ids.includes(a) || !ids.includes(b)) continue;
      count++;
      connection.forgotten = true;
      for (const end of [connection.dialler, connection.acceptor]) {
        this.#closeEnd(connection, end, 'connection timed out', this.#random.float() * learntMsMax);
      }
    }
    return count;
  }

  #delayMs(): number {
    const { delayMsMin, delayMsMax, longDelayRate, longDelayMsMin, longDelayMsMax } = this.conditions;
    if (longDelayRate > 0 && this.#random.chance(longDelayRate)) {
      this.#coverage.reach('network.longDelay');
      return longDelayMsMin + this.#random.float() * (longDelayMsMax - longDelayMsMin);
    }
    return delayMsMin + this.#random.float() * (delayMsMax - delayMsMin);
  }

  #dial(process: SimProcess, peer: BrokerId, _lane: Lane, handlers: LinkHandlers): Link {
    const dialler = newEnd(process, handlers);
    let connection: Connection | null = null;
    /** Sent before the connection stood. */
    const early: Uint8Array[] = [];

    const attempt = (): void => {
      if (dialler.closed || connection !== null || !process.alive) return;
      if (this.isBlocked(process.id, peer) || this.isBlocked(peer, process.id)) return;
      const target = this.#listening.get(peer);
      if (target === undefined || !target.process.alive) {
        this.#reportClosed(dialler, 'connection refused', this.#delayMs());
        return;
      }
      const acceptor = newEnd(target.process, null);
      const made: Connection = { dialler, acceptor, forgotten: false };
      connection = made;
      this.#connections.add(made);
      target.process.schedule(0, 'link', () => {
        if (acceptor.closed) return;
        acceptor.handlers = target.onLink(this.#linkOf(acceptor, () => made));
        acceptor.handlers.opened();
      });
      for (const bytes of early.splice(0)) this.#send(made, dialler, [bytes]);
      const openedInMs = this.#delayMs();
      dialler.notBeforeMs = this.#scheduler.nowMs + openedInMs;
      process.schedule(openedInMs, 'link', () => {
        if (!dialler.closed) handlers.opened();
      });
    };
    const tripMs = this.#delayMs();
    for (const retryMs of dialRetriesMs) this.#scheduler.schedule(tripMs + retryMs, 'link', process.id, attempt);
    this.#scheduler.schedule(dialTimeoutMs, 'link', process.id, () => {
      if (connection === null) this.#reportClosed(dialler, 'connection timed out', 0);
    });
    return this.#linkOf(dialler, () => connection, early);
  }

  #linkOf(end: End, connectionOf: () => Connection | null, early: Uint8Array[] = []): Link {
    const bytesHeld = (): number => this.#bytesHeld(end, connectionOf()) + sumOfBytes(end.waiting);
    return {
      send: (chunks) => {
        if (end.closed || !end.process.alive) return;
        this.aroundSend?.(end.process, 'before');
        if (!end.process.alive) return;
        const connection = connectionOf();
        if (connection === null) early.push(joinCopy(chunks));
        else this.#send(connection, end, chunks);
        this.aroundSend?.(end.process, 'after');
      },
      // A wire takes everything at once unless it is slow, but what goes into a partition counts as queued as long as it lasts; then it is lost.
      get bytesQueued() {
        return bytesHeld();
      },
      close: (reason) => {
        if (end.closed || !end.process.alive) return;
        const connection = connectionOf();
        this.#reportClosed(end, reason, 0);
        if (connection === null) return;
        const other = connection.dialler === end ? connection.acceptor : connection.dialler;
        this.#closeEnd(connection, other, closedByPeer, this.#delayMs());
      },
    };
  }

  #bytesHeld(end: End, connection: Connection | null): number {
    if (connection === null || end.closed || end.stranded.length === 0) return 0;
    const other = connection.dialler === end ? connection.acceptor : connection.dialler;
    if (!connection.forgotten && !this.isBlocked(end.process.id, other.process.id)) this.#letGo(end, other);
    return sumOfBytes(end.stranded);
  }

  /** Nobody holds any more what was sent into a partition: it is lost. */
  #letGo(end: End, other: End): void {
    for (const { bytes, chunks } of end.stranded) this.onHeld?.(end.process, other.process, holds(bytes, chunks));
    end.stranded.length = 0;
  }

  #send(connection: Connection, from: End, chunks: readonly Uint8Array[]): void {
    const bytes = joinCopy(chunks);
    this.counters.sends++;
    this.counters.bytes += bytes.length;
    const unit: Unit = { bytes, chunks, bytesLeft: bytes.length };
    if (from.waiting.length === 0 && this.#rateOf(connection) === null) {
      this.#leave(connection, from, unit);
      return;
    }
    this.#coverage.reach('network.slowLine');
    from.waiting.push(unit);
    if (from.waiting.length === 1) this.#pump(connection, from);
  }

  #rateOf({ dialler, acceptor }: Connection): number | null {
    if (this.lineRates.size === 0) return null;
    const rate = Math.min(this.lineRates.get(dialler.process.id) ?? Infinity, this.lineRates.get(acceptor.process.id) ?? Infinity);
    return rate === Infinity ? null : rate;
  }

  /** One step of a slow line: what it has moved leaves. */
  #pump(connection: Connection, from: End): void {
    this.#scheduler.schedule(lineStepMs, 'network', from.process.id, () => {
      if (from.closed || !from.process.alive) from.waiting.length = 0;
      const rate = this.#rateOf(connection);
      let left = rate === null ? Infinity : Math.max(1, Math.round(rate * lineStepMs));
      for (let unit = from.waiting[0]; unit !== undefined && left > 0; unit = from.waiting[0]) {
        const moved = Math.min(left, unit.bytesLeft);
        unit.bytesLeft -= moved;
        left -= moved;
        if (unit.bytesLeft > 0) break;
        from.waiting.shift();
        this.#leave(connection, from, unit);
      }
      if (from.waiting.length > 0) this.#pump(connection, from);
    });
  }

  #leave(connection: Connection, from: End, unit: Unit): void {
    const to = connection.dialler === from ? connection.acceptor : connection.dialler;
    if (to.closed) return;
    const { bytes, chunks } = unit;
    const { lossRate, duplicationRate, reorderingRate, corruptionRate, tearingRate } = this.conditions;
    if (connection.forgotten || this.isBlocked(from.process.id, to.process.id)) {
      this.counters.lost++;
      this.#disturbed(from, to);
      from.stranded.push({ bytes, chunks, bytesLeft: bytes.length });
      return;
    }
    if (tearingRate > 0 && this.#random.chance(tearingRate)) {
      this.#coverage.reach('network.tornFrame');
      this.#disturbed(from, to);
      this.#deliver(from, to, bytes.subarray(0, this.#random.below(bytes.length)), false, null);
      const breaksInMs = to.notBeforeMs - this.#scheduler.nowMs;
      this.#closeEnd(connection, to, 'connection reset', breaksInMs);
      this.#closeEnd(connection, from, 'connection reset', breaksInMs);
      return;
    }
    let held: Held | null = { chunks };
    if (corruptionRate > 0 && this.#random.chance(corruptionRate)) {
      held = null;
      this.#coverage.reach('network.corruption');
      this.#disturbed(from, to);
      const at = this.#random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << this.#random.below(8));
    }
    if (lossRate > 0 && this.#random.chance(lossRate)) {
      this.counters.lost++;
      this.#coverage.reach('network.loss');
      this.#disturbed(from, to);
      return;
    }
    const mayOvertake = reorderingRate > 0 && this.#random.chance(reorderingRate);
    const isDuplicated = duplicationRate > 0 && this.#random.chance(duplicationRate);
    const isOrdered = reorderingRate === 0 && duplicationRate === 0;
    if (isOrdered && bytes.length > 1 && this.#random.chance(splittingRate)) {
      const at = 1 + this.#random.below(bytes.length - 1);
      this.#deliver(from, to, bytes.subarray(0, at), false, null);
      this.#deliver(from, to, bytes.subarray(at), false, null);
    } else {
      this.#deliver(from, to, bytes, mayOvertake, held);
    }
    if (isDuplicated) {
      this.counters.duplicated++;
      this.#coverage.reach('network.duplication');
      this.#disturbed(from, to);
      this.#deliver(from, to, bytes.slice(), true, held);
    }
  }

  #disturbed(from: End, to: End): void {
    this.onDisturbed?.(from.process.id, to.process.id);
  }

  /** `held` is null where the sender's chunks are not compared: only a part, or a changed copy of them travels. */
  #deliver(from: End, to: End, bytes: Uint8Array, mayOvertake: boolean, held: Held | null): void {
    const nowMs = this.#scheduler.nowMs;
    const extraMs = (this.extraDelayMs.get(from.process.id) ?? 0) + (this.extraDelayMs.get(to.process.id) ?? 0);
    let atMs = nowMs + extraMs + this.#delayMs();
    if (atMs < to.notBeforeMs) {
      if (mayOvertake) {
        this.counters.reordered++;
        this.#coverage.reach('network.reordering');
        this.#disturbed(from, to);
      } else {
        atMs = to.notBeforeMs;
      }
    } else {
      to.notBeforeMs = atMs;
    }
    this.#scheduler.schedule(atMs - nowMs, 'network', to.process.id, () => {
      if (held !== null && held.chunks !== null) {
        this.onHeld?.(from.process, to.process, holds(bytes, held.chunks));
        held.chunks = null;
      }
      if (this.isBlocked(from.process.id, to.process.id)) {
        this.counters.lost++;
        this.#disturbed(from, to);
        return;
      }
      // What has arrived is the receiver's, even if it reads it only after a pause and is cut off by then.
      to.process.deliver('network', () => {
        if (!to.closed) to.handlers?.received(bytes);
      });
    });
  }

  #processKilled(process: SimProcess): void {
    if (this.#listening.get(process.id)?.process === process) this.#listening.delete(process.id);
    for (const connection of this.#connections) {
      const { dialler, acceptor } = connection;
      if (dialler.process !== process && acceptor.process !== process) continue;
      const other = dialler.process === process ? acceptor : dialler;
      // Most ends of a process are announced by its machine; a machine that lost power says nothing until somebody asks.
      const silent = this.#random.chance(0.2);
      this.#closeEnd(connection, other, 'connection reset by the peer', silent ? 500 + this.#random.below(4000) : this.#delayMs());
      this.#connections.delete(connection);
    }
  }

  /** The end is told after a delay; a partition does not keep it from learning, because a host gives up by itself sooner or later. */
  #closeEnd(connection: Connection, end: End, reason: string, delayMs: number): void {
    this.#scheduler.schedule(delayMs, 'link', end.process.id, () => {
      this.#letGo(connection.dialler, connection.acceptor);
      this.#letGo(connection.acceptor, connection.dialler);
      if (reason !== closedByPeer) this.#disturbed(connection.dialler, connection.acceptor);
      this.#connections.delete(connection);
      this.#reportClosed(end, reason, 0);
    });
  }

  #reportClosed(end: End, reason: string, delayMs: number): void {
    if (end.closed) return;
    end.closed = true;
    end.process.schedule(delayMs, 'link', () => end.handlers?.closed(reason));
  }
}

/** The sender keeps its chunks and the receiver owns its bytes, so they are never the same memory. */
const joinCopy = (chunks: readonly Uint8Array[]): Uint8Array =>
  chunks.length === 1 ? (chunks[0] as Uint8Array).slice() : concatBytes(chunks);

const sumOfBytes = (units: readonly Unit[]): number => units.reduce((sum, { bytesLeft }) => sum + bytesLeft, 0);
