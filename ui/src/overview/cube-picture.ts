import type { PartitionPlacement } from '../../../src/eventlog/types.ts';

/** More vertices than these have no room in a picture that fits a telephone. */
export const cubeBrokersMax = 16;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where each of the first axes leads, on paper, by the number of dimensions: a line, a square, a cube seen askew, and the 4-cube as two rings of eight. */
const axesOf: readonly (readonly Point[])[] = [
  [],
  [{ x: 1, y: 0 }],
  [
    { x: 1, y: 0 },
    { x: 0, y: -0.7 },
  ],
  [
    { x: 1, y: 0 },
    { x: 0, y: -0.8 },
    { x: 0.46, y: -0.34 },
  ],
  // Its Petrie polygon: no vertex upon another, no edge through a third.
  Array.from({ length: 4 }, (_, axis) => ({ x: Math.cos((axis * Math.PI) / 4), y: Math.sin((axis * Math.PI) / 4) })),
];

export interface Vertex extends Point {
  readonly broker: number;
  /** In binary, as `cairn explain` writes it. */
  readonly label: string;
}

export interface Edge {
  readonly from: Vertex;
  readonly to: Vertex;
}

export interface CubePicture {
  readonly width: number;
  readonly height: number;
  readonly vertices: readonly Vertex[];
  readonly edges: readonly Edge[];
}

const margin = 34;
const widthMost = 340;

/** Brokers are vertices in the order of their ids; a cube that is not full lacks its last ones. Null where there are too many. */
export function drawCube(brokers: readonly number[]): CubePicture | null {
  if (brokers.length === 0 || brokers.length > cubeBrokersMax) return null;
  const ids = brokers.toSorted((a, b) => a - b);
  const dimensions = ids.length === 1 ? 0 : 32 - Math.clz32(ids.length - 1);
  const axes = axesOf[dimensions] as readonly Point[];
  const places = ids.map((_, vertex) =>
    axes.reduce((sum, axis, bit) => (((vertex >> bit) & 1) === 1 ? { x: sum.x + axis.x, y: sum.y + axis.y } : sum), { x: 0, y: 0 }),
  );
  const [left, right] = [Math.min(...places.map(({ x }) => x)), Math.max(...places.map(({ x }) => x))];
  const [top, bottom] = [Math.min(...places.map(({ y }) => y)), Math.max(...places.map(({ y }) => y))];
  const scale = (widthMost - 2 * margin) / Math.max(1, right - left);
  const vertices = ids.map((broker, vertex): Vertex => {
    const { x, y } = places[vertex] as Point;
    const label = vertex.toString(2).padStart(Math.max(1, dimensions), '0');
    return { broker, label, x: margin + (x - left) * scale, y: margin + (y - top) * scale };
  });
  const edges = vertices.flatMap((from, vertex) =>
    axes.flatMap((_, bit) => {
      const to = vertices[vertex ^ (1 << bit)];
      return to !== undefined && (vertex & (1 << bit)) === 0 ? [{ from, to }] : [];
    }),
  );
  return { width: (right - left) * scale + 2 * margin, height: (bottom - top) * scale + 2 * margin, vertices, edges };
}

/** What a broker is to a partition: its part in words, and so in the picture. */
export interface PartOf {
  readonly isHome: boolean;
  readonly isReplica: boolean;
  readonly isLeader: boolean;
  readonly isOnWay: boolean;
}

export function partOf(broker: number, partition: PartitionPlacement | null): PartOf {
  const replica = partition?.replicas.find((each) => each.broker === broker);
  return {
    isHome: replica?.why === 'home',
    isReplica: replica !== undefined,
    isLeader: partition?.leader === broker,
    isOnWay: partition?.route?.includes(broker) ?? false,
  };
}

/** The links that a request takes, in its order. One that is no edge of the cube is a direct link. */
export function wayOf({ vertices, edges }: CubePicture, route: readonly number[] | null): readonly (Edge & { readonly isEdge: boolean })[] {
  const vertexOf = new Map(vertices.map((vertex) => [vertex.broker, vertex]));
  return (route ?? []).slice(1).flatMap((broker, index) => {
    const [from, to] = [vertexOf.get((route as readonly number[])[index] as number), vertexOf.get(broker)];
    if (from === undefined || to === undefined) return [];
    const isEdge = edges.some((edge) => (edge.from === from && edge.to === to) || (edge.from === to && edge.to === from));
    return [{ from, to, isEdge }];
  });
}
