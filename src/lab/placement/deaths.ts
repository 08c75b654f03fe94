import type { SeededRandom } from '../../base/random.ts';
import { type Cube, routeBetween } from '../../placement/index.ts';

/** What is left of the cube with so many brokers dead: over sets of dead brokers, all ordered pairs of living ones. */
export interface Deaths {
  readonly dead: number;
  readonly sets: number;
  readonly isExhaustive: boolean;
  readonly pairs: number;
  /** Pairs that edges join no more. */
  readonly direct: number;
  /** Pairs that edges join in more hops than there are bits in which the two differ. */
  readonly detours: number;
  /** The hops beyond that number: of all of these together, and the most of one. */
  readonly extraHops: number;
  readonly extraMost: number;
  /** Ways with more hops than the distance and two for each dead broker met. */
  readonly tooLong: number;
  /** Ways that pass a broker twice. */
  readonly looped: number;
}

export function surviveDeaths(cube: Cube, dead: number, setsMax: number, random: SeededRandom): Deaths {
  const all = combinations(cube.brokers, dead, setsMax);
  const sets = all ?? Array.from({ length: setsMax }, () => drawSet(cube.brokers, dead, random));
  let [pairs, direct, detours, extraHops, extraMost, tooLong, looped] = [0, 0, 0, 0, 0, 0, 0];
  for (const set of sets) {
    const isAlive = (vertex: number): boolean => !set.has(vertex);
    for (let from = 0; from < cube.brokers; from++) {
      for (let to = 0; to < cube.brokers; to++) {
        if (from === to || set.has(from) || set.has(to)) continue;
        pairs++;
        const { kind, vertices, distance, deadMet } = routeBetween(cube, from, to, isAlive);
        if (kind !== 'edges') {
          direct++;
          continue;
        }
        const extra = Math.max(0, vertices.length - 1 - distance);
        if (extra > 0) detours++;
        extraHops += extra;
        extraMost = Math.max(extraMost, extra);
        if (extra > 2 * deadMet.length) tooLong++;
        if (new Set(vertices).size !== vertices.length) looped++;
      }
    }
  }
  return { dead, sets: sets.length, isExhaustive: all !== null, pairs, direct, detours, extraHops, extraMost, tooLong, looped };
}

/** All sets of so many of the brokers, or null where there are more than may be tried. */
function combinations(brokers: number, size: number, most: number): Set<number>[] | null {
  const found: Set<number>[] = [];
  const extend = (chosen: readonly number[], from: number): boolean => {
    if (chosen.length === size) return found.push(new Set(chosen)) <= most;
    for (let next = from; next < brokers; next++) if (!extend([...chosen, next], next + 1)) return false;
    return true;
  };
  return extend([], 0) ? found : null;
}

function drawSet(brokers: number, size: number, random: SeededRandom): Set<number> {
  const set = new Set<number>();
  while (set.size < size) set.add(random.below(brokers));
  return set;
}
