import type { BrokerId } from '../../base/branded.ts';
import type { TraceContext } from '../../base/trace-context.ts';
import { type Cube, makeCube, nextHop } from '../../placement/index.ts';
import * as wire from '../../wire/index.ts';
import type { Core } from '../core.ts';

/** How it travelled, and what came: as if by a link of its own. */
export interface Arrived {
  readonly from: BrokerId;
  readonly hops: wire.HopList;
  /** Of an answer: how its request came. */
  readonly asked: wire.HopList | null;
  readonly trace: TraceContext | null;
  readonly kind: number;
  readonly body: Uint8Array;
}

/** After a request got no answer by way of others, those for the same broker go to it directly for so long. */
const doubtMs = 5000;

interface Passing {
  readonly envelope: wire.RelayEnvelope;
  /** Where it has been, this broker the last. */
  readonly hops: readonly BrokerId[];
  readonly trace: TraceContext | null;
  readonly draft: (hops: wire.HopList) => wire.Draft;
}

/**
 * Requests of brokers that have no replica of what they ask about, and the answers to them, on their way along the edges of the cube (docs/decisions/0028).
 * Nothing is remembered of what passes: each broker decides by whom it reaches, and by where the message has been.
 */
export class Relays {
  readonly #core: Core;
  /** Sorted: a broker's place is its vertex. */
  readonly #brokers: readonly BrokerId[];
  /** The same the other way round. */
  readonly #vertices: ReadonlyMap<BrokerId, number>;
  readonly #neighbours: ReadonlySet<BrokerId>;
  readonly #cube: Cube;
  /** Until when the way to a broker is doubted: somebody on it may hang while its links stand. */
  readonly #doubtedUntilMs = new Map<BrokerId, number>();

  constructor(core: Core, brokers: readonly BrokerId[]) {
    this.#core = core;
    this.#brokers = [...brokers].sort((a, b) => a - b);
    this.#vertices = new Map(this.#brokers.map((broker, vertex) => [broker, vertex]));
    this.#cube = makeCube(this.#brokers.length);
    const edges = this.#cube.neighbours[this.#vertexOf(core.self)] ?? [];
    this.#neighbours = new Set(edges.map((vertex) => this.#brokers[vertex] as BrokerId));
  }

  isNeighbour(broker: BrokerId): boolean {
    return this.#neighbours.has(broker);
  }

  doubt(to: BrokerId): void {
    this.#doubtedUntilMs.set(to, this.#core.nowMs() + doubtMs);
  }

  isDoubted(to: BrokerId): boolean {
    return this.#core.nowMs() < (this.#doubtedUntilMs.get(to) ?? 0);
  }

  /** Over whom it leaves; null where there is no way, or no room on it: it was not sent. */
  send(
    to: BrokerId,
    message: wire.Draft,
    about: { readonly isLong: boolean; readonly asked: wire.HopList | null },
    trace: TraceContext | null = null,
  ): BrokerId | null {
    const { self } = this.#core;
    const envelope = { to, ...about, hops: { brokers: [self], isDirect: false } };
    const next = this.#pass({ envelope, hops: [self], trace, draft: (hops) => wire.encodeRelay({ ...envelope, hops }, message) });
    return typeof next === 'string' ? null : next;
  }

  /** What came from a peer, whoever it is for; a message where it is for this broker. What no broker would send is dropped. */
  receive(peer: BrokerId, { group, body, traces }: wire.WireFrame): Arrived | null {
    const relay = wire.decodeRelay(body);
    if (relay === null || !this.#isPossible(peer, relay)) return null;
    const { self, counters, spans } = this.#core;
    const trace = traces?.context ?? null;
    const hops = [...relay.hops.brokers, self];
    const [from] = hops as [BrokerId];
    if (relay.to === self) {
      const { asked, kind, body: own } = relay;
      return { from, hops: { brokers: hops, isDirect: relay.hops.isDirect }, asked, trace, kind, body: own };
    }
    const span = trace === null ? null : spans.begin('hop', trace, { from: peer, to: relay.to });
    const next = this.#pass({ envelope: relay, hops, trace, draft: (passed) => wire.passRelay(relay, group, passed) });
    if (span !== null) spans.end(span, typeof next === 'string' ? 'noLeader' : null, typeof next === 'string' ? {} : { next });
    if (typeof next === 'string') this.#refuse(relay, group, hops, next);
    else counters.relayed++;
    return null;
  }

  #pass({ envelope, hops, trace, draft }: Passing): BrokerId | 'dead' | 'full' {
    const { links, counters } = this.#core;
    const vertices = hops.map((broker) => this.#vertexOf(broker));
    const reaches = (broker: BrokerId): boolean => broker === this.#core.self || links.isReady(broker);
    const isAlive = (vertex: number): boolean => reaches(this.#brokers[vertex] as BrokerId);
    const next = nextHop(this.#cube, { hops: vertices, to: this.#vertexOf(envelope.to), isAlive });
    if (next.kind === 'here' || next.kind === 'dead') return 'dead';
    const broker = this.#brokers[next.to] as BrokerId;
    const isDirect = next.kind === 'direct';
    const untraced = draft({ brokers: hops, isDirect: envelope.hops.isDirect || isDirect });
    const message = trace === null ? untraced : wire.withTraces(untraced, trace);
    if (!(envelope.isLong ? links.sendBulk(broker, message) : links.send(broker, message))) return 'full';
    if (isDirect) counters.relayedDirectly++;
    this.#core.observer?.passed(hops, broker, envelope.to, isDirect, reaches);
    this.#core.wake();
    return broker;
  }

  /** Whoever asked learns at once that it got no further. That an answer did not, he learns from its not coming. */
  #refuse({ hops, kind, body }: wire.Relay, group: number, passed: readonly BrokerId[], why: 'dead' | 'full'): void {
    this.#core.counters.relaysRefused++;
    const correlation = wire.isRequestKind(kind) ? wire.correlationOf(body) : null;
    const [from] = passed;
    if (correlation === null || from === undefined) return;
    const { self, host } = this.#core;
    const [code, message] =
      why === 'dead'
        ? (['noLeader', `broker ${self} on the way has none any further`] as const)
        : (['overloaded', `the way on from broker ${self} is full`] as const);
    const answer = wire.encodeAnswer(group, { type: 'error', correlation, code, message, details: { leader: null } }, host.bytes);
    this.send(from, answer, { isLong: false, asked: { brokers: passed, isDirect: hops.isDirect } });
  }

  #isPossible(peer: BrokerId, { hops, asked, to }: wire.Relay): boolean {
    const { self } = this.#core;
    const isKnown = (broker: BrokerId): boolean => this.#vertices.has(broker);
    const { brokers } = hops;
    const isOnce = new Set(brokers).size === brokers.length && !brokers.includes(self) && !brokers.includes(to);
    return isOnce && brokers.at(-1) === peer && isKnown(to) && brokers.every(isKnown) && (asked?.brokers.every(isKnown) ?? true);
  }

  #vertexOf(broker: BrokerId): number {
    return this.#vertices.get(broker) ?? -1;
  }
}
