import { type Cube, hopsTo, makeCube } from '../../placement/index.ts';

/** How far it is from a broker to another one, and what that takes. */
export interface Distances {
  readonly topology: string;
  readonly mean: number;
  readonly largest: number;
  /** The most that one broker has. */
  readonly links: number;
}

/** Over all ordered pairs of different brokers, all of which live. */
export function compareTopologies(brokers: number): readonly Distances[] {
  const cube = makeCube(brokers);
  const fingers = fingersOf(brokers);
  const onCube = Array.from({ length: brokers }, (_, to) => hopsTo(cube, to, () => true));
  return [
    { topology: 'cube', ...over(brokers, (from, to) => onCube[to]?.[from] as number), links: mostLinks(cube) },
    {
      topology: 'ring, by fingers',
      ...over(brokers, (from, to) => fingerHops((to - from + brokers) % brokers, fingers)),
      // Those that a broker has, and those that others have to it.
      links: new Set(fingers.flatMap((finger) => [finger, brokers - finger])).size,
    },
    { topology: 'ring, by successors', ...over(brokers, (from, to) => (to - from + brokers) % brokers), links: Math.min(2, brokers - 1) },
    { topology: 'full mesh', ...over(brokers, () => 1), links: brokers - 1 },
  ];
}

/** As Chord's (Stoica and others, 2001), over brokers at equal distances: to those 1, 2, 4, ... places on. */
const fingersOf = (brokers: number): number[] => Array.from({ length: 32 }, (_, index) => 2 ** index).filter((finger) => finger < brokers);

/** Each hop takes the farthest finger that does not pass the target. */
function fingerHops(places: number, fingers: readonly number[]): number {
  let [left, hops] = [places, 0];
  for (; left > 0; hops++) left -= fingers.findLast((finger) => finger <= left) as number;
  return hops;
}

const mostLinks = ({ neighbours }: Cube): number => Math.max(...neighbours.map((each) => each.length));

function over(brokers: number, hops: (from: number, to: number) => number): { readonly mean: number; readonly largest: number } {
  let [sum, largest, pairs] = [0, 0, 0];
  for (let from = 0; from < brokers; from++) {
    for (let to = 0; to < brokers; to++) {
      if (from === to) continue;
      const taken = hops(from, to);
      sum += taken;
      largest = Math.max(largest, taken);
      pairs++;
    }
  }
  return { mean: pairs === 0 ? 0 : sum / pairs, largest };
}
