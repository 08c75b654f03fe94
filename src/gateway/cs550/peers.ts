import { dimensionsOf, labelOf, digestOf, placeOnCube } from '../../placement/index.ts';

/** A topic's home and its neighbours, as this wire writes them. */
export interface Home {
  readonly label: string;
  /** Over bit 0, 1, 2. */
  readonly neighbours: readonly string[];
}

/** The peers as vertices of the cube, `000` to `111`: broker b is vertex b - 1. */
export class Peers {
  readonly count: number;
  readonly #dimensions: number;

  constructor(count: number) {
    this.count = count;
    this.#dimensions = dimensionsOf(count);
  }

  /** Home and neighbours. */
  get replicas(): number {
    return Math.min(this.#dimensions + 1, this.count);
  }

  label(vertex: number): string {
    return labelOf(vertex, this.#dimensions);
  }

  /** -1 for a label that no peer has. */
  vertexOf(label: string): number {
    return Array.from({ length: this.count }, (_, vertex) => this.label(vertex)).indexOf(label);
  }

  neighboursOf(vertex: number): readonly string[] {
    return Array.from({ length: this.#dimensions }, (_, bit) => vertex ^ (1 << bit))
      .filter((each) => each < this.count)
      .map((each) => this.label(each));
  }

  /** As it is assigned, whoever lives: the answers of this wire name it so. */
  homeOf(topic: string): Home {
    const place = placeOnCube({
      digest: digestOf(Buffer.from(topic, 'utf8')),
      partition: 0,
      brokers: this.count,
      replication: this.replicas,
    });
    const [label = '', ...neighbours] = place.replicas.map(({ vertex }) => this.label(vertex));
    return { label, neighbours };
  }
}

/** As Python prints a list of texts without quotes in them. */
export const writeList = (labels: readonly string[]): string => `[${labels.map((label) => `'${label}'`).join(', ')}]`;
