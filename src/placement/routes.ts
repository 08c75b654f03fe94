import { assert } from '../base/assert.ts';
import { type Cube, distanceBetween, type Holds } from './cube.ts';

/** What a broker does with a request for another one. */
export type NextHop =
  /** It is that other one. */
  | { readonly kind: 'here' }
  | { readonly kind: 'edge'; readonly to: number }
  /** No way along edges: a link of its own to the target, which is said of it. */
  | { readonly kind: 'direct'; readonly to: number }
  /** The target does not live, or nobody who has not been asked reaches it: what to ask instead is for others to say. */
  | { readonly kind: 'dead' };

export interface Journey {
  /** Where the request has been, in order: the broker that it came to first ... the one that decides now. All that travels with it for this. */
  readonly hops: readonly number[];
  readonly to: number;
  /** As the broker that decides knows it. */
  readonly isAlive: Holds;
}

/**
 * Where a request goes next: along a shortest way over edges between living brokers that it has not been at, and of several such ways over the edge after
 * which the least is left to correct, which is the highest differing bit where that one leads on. Nobody plans the way: each broker decides by what it
 * knows and by the hop list.
 *
 * - Where all know who lives, each hop brings the request one nearer, so it passes nobody twice. With fewer than d dead it always arrives, in the distance
 *   or two hops more; whatever is dead, in at most the distance and two hops for each dead broker met.
 * - Where some do not know yet, the hop list keeps it from going round: it leads on to brokers only at which the request has not been, and where there is
 *   none that has a way, a direct link ends it. A broker whose hop fails knows one more that is dead, and asks again with the same hops.
 * - Whoever begins does so with a target that it reaches itself. One on the way that does not passes the request on to somebody who may: a link may be cut
 *   whose ends both live.
 */
export function nextHop(cube: Cube, { hops, to, isAlive }: Journey): NextHop {
  const here = hops.at(-1);
  assert(here !== undefined, 'a request has been at the broker that decides about it');
  if (here === to) return { kind: 'here' };
  if (!isAlive(to) && hops.length === 1) return { kind: 'dead' };
  const isFree = (vertex: number): boolean => isAlive(vertex) && !hops.includes(vertex);
  const left = hopsTo(cube, to, isFree);
  let best = -1;
  for (const neighbour of cube.neighbours[here] as readonly number[]) {
    if (!isFree(neighbour) || left[neighbour] === unreachable) continue;
    const isNearer = best === -1 ? 1 : (left[best] as number) - (left[neighbour] as number);
    if (isNearer > 0 || (isNearer === 0 && (neighbour ^ to) < (best ^ to))) best = neighbour;
  }
  if (best !== -1) return { kind: 'edge', to: best };
  return isAlive(to) ? { kind: 'direct', to } : { kind: 'dead' };
}

export const unreachable = -1;

/** From each vertex, the hops of a shortest way to the target over vertices that are usable; `unreachable` where there is none, and from what is not usable. */
export function hopsTo(cube: Cube, to: number, isUsable: Holds): readonly number[] {
  const hops = Array.from({ length: cube.brokers }, () => unreachable);
  hops[to] = 0;
  const found = [to];
  for (let next = 0; next < found.length; next++) {
    const vertex = found[next] as number;
    for (const neighbour of cube.neighbours[vertex] as readonly number[]) {
      if (hops[neighbour] !== unreachable || !isUsable(neighbour)) continue;
      hops[neighbour] = (hops[vertex] as number) + 1;
      found.push(neighbour);
    }
  }
  return hops;
}

export interface Route {
  /** `direct`: along no edges, by a link of its own. `dead`: the target does not live, and there is no way. */
  readonly kind: 'edges' | 'direct' | 'dead';
  /** Both ends too; the first alone where the target is dead. */
  readonly vertices: readonly number[];
  /** The bits in which the ends differ. */
  readonly distance: number;
  /** The dead neighbours of those whom it passes that are nearer to the target than they: each stood in the way. Ascending. */
  readonly deadMet: readonly number[];
}

/** The whole way, where all know who lives. The broker that it starts from does. */
export function routeBetween(cube: Cube, from: number, to: number, isAlive: Holds): Route {
  const hops = [from];
  let kind: Route['kind'] = 'edges';
  for (let next = nextHop(cube, { hops, to, isAlive }); next.kind !== 'here'; next = nextHop(cube, { hops, to, isAlive })) {
    if (next.kind === 'dead') return { kind: 'dead', vertices: hops, distance: distanceBetween(from, to), deadMet: [] };
    if (next.kind === 'direct') kind = 'direct';
    hops.push(next.to);
  }
  const met = new Set<number>();
  for (const vertex of hops) {
    for (const neighbour of cube.neighbours[vertex] as readonly number[]) {
      if (!isAlive(neighbour) && distanceBetween(neighbour, to) < distanceBetween(vertex, to)) met.add(neighbour);
    }
  }
  return { kind, vertices: hops, distance: distanceBetween(from, to), deadMet: [...met].sort((a, b) => a - b) };
}
